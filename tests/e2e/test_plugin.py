# SPDX-License-Identifier: Apache-2.0
"""kubectl drainsnoop, with a kubectl that plays a cluster: which agents are asked, what is let through and in
which order, and that nothing is left running."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest

from test_cli import ROOT
from test_live import wait_for

PLUGIN = os.path.join(ROOT, "deploy/kubectl/kubectl-drainsnoop")
FAKE = os.path.join(ROOT, "tests/e2e/fake_kubectl")
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def stamp(offset=0.0):
    at = time.time() + offset
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e9):09d}Z"


def setUpModule():
    # Who starts us in the background has SIGINT ignored, and a shell cannot undo that for itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Plugin(unittest.TestCase):
    shell = None

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "logs"))
        os.mkdir(os.path.join(self.folder, "tmp"))
        self.sequences, self.pods, self.agents = {}, [], []
        self.process = None
        self.output = os.path.join(self.folder, "output")
        self.environment = os.environ | {"FAKE_KUBECTL": self.folder, "KUBECTL": FAKE, "TMPDIR": self.folder + "/tmp"}
        for node in range(3):
            self.agent(node)
        for number in range(3):
            self.pod(f"web-5d9c7b9b5c-aaaa{number}", number)
        self.pod("db-0", 2, kind="StatefulSet", owner="db", hash_="", labels="app=db")
        self.pod("web-1", 0, namespace="other", kind="", owner="", hash_="", labels="")

    # ---- the cluster ----

    def save(self):
        for name, rows in (("pods", self.pods), ("agents", self.agents)):
            with open(f"{self.folder}/{name}.new", "w", encoding="utf-8") as file:
                json.dump(rows, file)
            os.rename(f"{self.folder}/{name}.new", f"{self.folder}/{name}.json")

    def agent(self, node, name=None):
        name = name or f"agent-{node}"
        self.agents.append([f"node-{node}", name])
        with open(f"{self.folder}/logs/{name}", "w", encoding="ascii"):
            pass
        self.save()

    def pod(self, name, node, namespace="shop", kind="ReplicaSet", owner="web-5d9c7b9b5c", hash_="5d9c7b9b5c",
            labels="app=web"):
        self.pods.append([namespace, name, f"node-{node}", kind, owner, hash_, labels])
        self.save()

    def say(self, node, pod=None, offset=0.0, name="drainsnoop.drop", namespace="shop", agent=None, at=None, **keys):
        """A line of the agent; returns its sequence number. at: when the container wrote it (Unix time)."""
        agent = agent or f"agent-{node}"
        sequence = self.sequences[agent] = self.sequences.get(agent, 0) + 1
        message = f"{namespace}/{pod}: told \"{sequence}\" by {agent}" if pod else f"told {sequence} by {agent}"
        line = {"time": stamp(offset), "level": keys.pop("level", "error"), "event.name": name, "message": message,
                "drainsnoop.run.id": f"{abs(hash(agent)) % 16**8:08x}", "drainsnoop.seq": sequence,
                "k8s.node.name": f"node-{node}"}
        if pod:
            line |= {"k8s.namespace.name": namespace, "k8s.pod.name": pod}
        line |= {key.replace("__", "."): value for key, value in keys.items()}
        with open(f"{self.folder}/logs/{agent}", "a", encoding="ascii") as file:
            file.write(f"{time.time() if at is None else at} {json.dumps(line, separators=(',', ':'))}\n")
        return message

    # ---- the plugin ----

    def command(self, *args):
        return [*([self.shell] if self.shell != "busybox" else ["busybox", "sh"])] * bool(self.shell) + [PLUGIN, *args]

    def run_plugin(self, *args, timeout=60, **environment):
        return subprocess.run(self.command(*args), capture_output=True, text=True, timeout=timeout, check=False,
                              env=self.environment | environment)

    def start(self, *args):
        with open(self.output, "wb") as out, open(self.output + ".err", "wb") as err:
            self.process = subprocess.Popen(self.command(*args), stdout=out, stderr=err, env=self.environment,
                                            start_new_session=True)
        self.addCleanup(self.end_for_sure)
        return self.process

    def end_for_sure(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def text(self, suffix=""):
        with open(self.output + suffix, encoding="utf-8") as file:
            return file.read()

    def messages(self):
        return [json.loads(line)["message"] for line in self.text().splitlines()]

    def calls(self, verb="logs"):
        try:
            with open(f"{self.folder}/calls", encoding="utf-8") as file:
                return [call for call in map(json.loads, file) if verb in call]
        except FileNotFoundError:
            return []

    def wait_streams(self, count):
        wait_for(lambda: len([c for c in self.calls() if "--follow" in c]) >= count, 60, f"{count} streams")

    def wait_messages(self, *wanted):
        wait_for(lambda: set(wanted) <= set(self.messages()), 60, f"{wanted}; there is {self.messages()}")

    def stop(self, how=signal.SIGINT):
        """As Ctrl-C does it: to all of the group. Nothing of it is left then."""
        os.killpg(self.process.pid, how)
        self.assertEqual(self.process.wait(60), 0, self.text(".err"))
        wait_for(lambda: not self.left(), 10, f"the end of {self.left()}")
        self.assertEqual(os.listdir(self.folder + "/tmp"), [])

    def left(self):
        """Processes of its session that are still there."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                found.append(int(pid))
        return found


class Usage(Plugin):
    def test_help_and_version(self):
        for arg in ("-h", "--help"):
            done = self.run_plugin(arg)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for option in ("-n,", "-A,", "-l,", "--since", "-d,", "-o,", "--context", "--kubeconfig", "--max-nodes"):
                self.assertIn(option, done.stdout)
        self.assertRegex(self.run_plugin("--version").stdout, r"^kubectl-drainsnoop \d+\.\d+\.\d+\n$")
        program = subprocess.run([os.path.join(ROOT, "build/drainsnoop"), "version"], capture_output=True, text=True, check=True)
        self.assertEqual(self.run_plugin("--version").stdout.split()[1], program.stdout.split()[1])

    def test_faults_of_usage_exit_2(self):
        for args, words in ((["--nonsense"], "unknown option '--nonsense'"), (["-n"], "-n needs a value"),
                            (["-o", "yaml"], "none of: table, json"), (["--since", "soon"], "'soon' is no time"),
                            (["-d", "1d"], "'1d' is no time"), (["-A", "-n", "x"], "exclude"), (["-A", "web"], "one namespace"),
                            (["-l", "a=b", "web"], "exclude"), (["--max-nodes=x"], "no number"),
                            (["--since", "123456789"], "is no time"), (["web-*"], "'web-*' is no name of a pod"),
                            (["--", "web", "a b"], "'a b' is no name"), (["$(touch x)"], "is no name of a pod"),
                            (["../x"], "is no name of a pod"), ([""], "'' is no name of a pod")):
            done = self.run_plugin(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn(words, done.stderr)
        self.assertFalse(os.path.exists(f"{self.folder}/calls"))

    def test_faults_of_the_cluster_are_said(self):
        with open(f"{self.folder}/forbidden", "w", encoding="ascii"):
            pass
        done = self.run_plugin("-d", "1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("pods is forbidden", done.stderr)
        os.remove(f"{self.folder}/forbidden")
        self.agents = []
        self.save()
        done = self.run_plugin("-d", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no drainsnoop agent runs on these pods' nodes (namespace drainsnoop)", done.stderr)
        self.assertIn("there is no /nowhere here", self.run_plugin(KUBECTL="/nowhere").stderr)
        self.assertEqual(os.listdir(self.folder + "/tmp"), [])

    def test_more_nodes_than_wanted(self):
        done = self.run_plugin("--max-nodes", "2", "-d", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("these are 3 nodes", done.stderr)

    def test_what_kubectl_is_told(self):
        self.environment["FAKE_AGENTS"] = "watch"
        self.start("--context=there", "--kubeconfig", "/the/file", "--agent-namespace", "watch", "-n", "shop")
        self.wait_streams(3)
        self.stop()
        calls = self.calls("pods") + self.calls()
        self.assertGreaterEqual(len(calls), 5)
        for call in calls:
            self.assertIn("--context=there", call)
            self.assertIn("--kubeconfig=/the/file", call)
            self.assertEqual("--request-timeout=30s" in call, "get" in call)    # what hangs would hold up all the rest
        self.assertTrue(all("watch" in call for call in self.calls()))

    def test_shells_take_it(self):
        for shell in SHELLS:
            command = ["busybox", "sh"] if shell == "busybox" else [shell]
            subprocess.run([*command, "-n", PLUGIN], check=True)


class Krew(Plugin):
    def test_manifest_and_archive_belong_together(self):
        for name in ("one", "two"):
            subprocess.run(["make", "-s", "krew", f"BUILD={self.folder}/{name}"], cwd=ROOT, check=True, capture_output=True)
        with open(f"{self.folder}/one/krew/drainsnoop.yaml", encoding="utf-8") as file:
            manifest = file.read()
        uri, = re.findall(r"^ +uri: https://\S+/v([\d.]+)/(\S+)$", manifest, re.MULTILINE)
        archives = []
        for name in ("one", "two"):
            with open(f"{self.folder}/{name}/krew/{uri[1]}", "rb") as file:
                archives.append(file.read())
        self.assertEqual(*archives)     # the same bytes each time
        self.assertIn(f'sha256: "{hashlib.sha256(archives[0]).hexdigest()}"', manifest)
        self.assertIn(f"version: v{uri[0]}\n", manifest)
        self.assertNotIn("@", re.sub(r"#.*", "", manifest))
        with tarfile.open(f"{self.folder}/one/krew/{uri[1]}") as archive:
            self.assertEqual(archive.getnames(), re.findall(r"- from: (\S+)", manifest))
            self.assertTrue(archive.getmember("kubectl-drainsnoop").mode & 0o111)


class Choice(Plugin):
    def told_of(self, *args):
        """The messages of the lines that came."""
        done = self.run_plugin("-o", "json", "-d", "0", "--since", "1h", *args)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [json.loads(line)["message"] for line in done.stdout.splitlines()]

    def asked(self, *args, count=1):
        """The agents that are listened to: `count` of them, and no others."""
        self.start(*args)
        self.wait_streams(count)
        self.stop()
        return {call[-1] for call in self.calls()}

    def test_only_the_nodes_of_these_pods_are_asked(self):
        self.assertEqual(self.asked("web-5d9c7b9b5c-aaaa1"), {"agent-1"})

    def test_a_dot_is_no_other_character(self):
        self.pod("web.5d9c7b9b5c-aaaa1", 0)
        self.assertEqual(self.asked("web.5d9c7b9b5c-aaaa1"), {"agent-0"})
        self.pods.pop()
        self.save()
        os.remove(f"{self.folder}/calls")
        self.assertEqual(self.asked("web.5d9c7b9b5c-aaaa1", count=3), {"agent-0", "agent-1", "agent-2"})

    def test_nodes_of_a_selector(self):
        self.assertEqual(self.asked("-l", "app=db"), {"agent-2"})

    def test_a_pod_that_is_gone_may_have_been_anywhere(self):
        self.assertEqual(self.asked("web-5d9c7b9b5c-gone0", count=3), {"agent-0", "agent-1", "agent-2"})

    def test_names(self):
        one = self.say(0, "web-5d9c7b9b5c-aaaa0")
        gone = self.say(1, "web-5d9c7b9b5c-gone0")
        self.say(1, "web-5d9c7b9b5c-aaaa1")
        self.say(0, "web-5d9c7b9b5c-aaaa0", namespace="other")
        self.assertEqual(self.told_of("web-5d9c7b9b5c-aaaa0", "web-5d9c7b9b5c-gone0"), [one, gone])

    def test_selector_takes_ended_pods_of_the_same_workloads(self):
        wanted = [self.say(0, "web-5d9c7b9b5c-aaaa0", k8s__deployment__name="web"),
                  self.say(1, "web-77777-gone0", k8s__deployment__name="web"),
                  self.say(1, None, name="drainsnoop.advice", drainsnoop__advice__object="Deployment/shop/web")]
        self.say(1, "api-77777-gone0", k8s__deployment__name="api")
        self.say(1, "web-77777-gone1", k8s__deployment__name="web", namespace="other")
        self.say(1, "db-1", k8s__statefulset__name="web")
        self.say(1, None, name="drainsnoop.advice", drainsnoop__advice__object="Deployment/other/web")
        self.assertEqual(self.told_of("-l", "app=web"), wanted)
        self.assertEqual(self.told_of("-l", "app=db"), [])

    def test_workloads_of_other_kinds(self):
        wanted = self.say(0, "db-1", k8s__statefulset__name="db")
        self.assertEqual(self.told_of("-l", "app=db"), [wanted])

    def test_namespace(self):
        one = self.say(0, "any")
        advice = self.say(0, None, name="drainsnoop.advice", drainsnoop__advice__object="DaemonSet/shop/x")
        other = self.say(0, "any", namespace="other")
        self.assertEqual(self.told_of(), [one, advice])         # the context's namespace
        self.assertEqual(self.told_of("-nother"), [other])
        self.assertEqual(self.told_of("--namespace=other"), [other])
        self.assertEqual(self.told_of("-n=other"), [other])     # as kubectl takes it

    def test_all_namespaces(self):
        lines = [self.say(0, "any"), self.say(1, "any", namespace="other"), self.say(2, None, level="info")]
        self.assertEqual(self.told_of("-A"), lines)
        # The agents are listed; all pods of a cluster are not.
        self.assertEqual([call for call in self.calls("pods") if "--all-namespaces" in call], [])

    def test_trouble_of_an_agent_is_always_told(self):
        self.say(0, None, name="drainsnoop.health", level="info")
        trouble = self.say(0, None, name="drainsnoop.health", level="warn")
        self.assertEqual(self.told_of("web-5d9c7b9b5c-aaaa0"), [trouble])

    def test_a_name_inside_a_message_is_no_name(self):
        self.say(0, "evil", message='x "k8s.pod.name":"web-5d9c7b9b5c-aaaa0" "k8s.namespace.name":"shop"')
        self.assertEqual(self.told_of("web-5d9c7b9b5c-aaaa0"), [])


class Order(Plugin):
    def test_history_is_in_the_order_of_time(self):
        lines = sorted((self.say(n % 3, "any", offset=-100 + n * (-1) ** n), -100 + n * (-1) ** n) for n in range(30))
        done = self.run_plugin("-o", "json", "-d", "0", "--since", "10m")
        self.assertEqual([json.loads(line)["message"] for line in done.stdout.splitlines()],
                         [message for message, _ in sorted(lines, key=lambda pair: pair[1])])

    def test_streams_are_put_in_order_and_history_is_told_once(self):
        old = [self.say(n % 3, "any", offset=n - 10) for n in range(6)]
        self.start("-o", "json", "--since", "5m")
        self.wait_streams(3)
        self.wait_messages(*old)
        new = [self.say(2, "any", offset=0.5), self.say(1, "any", offset=0.2), self.say(0, "any", offset=0.4)]
        self.wait_messages(*new)
        self.stop()
        self.assertEqual(self.messages(), [*old, new[1], new[2], new[0]])

    def test_what_is_old_is_not_told_without_since(self):
        self.say(0, "any", at=time.time() - 100)
        self.start("-o", "json")
        self.wait_streams(3)
        line = self.say(0, "any")
        self.wait_messages(line)
        self.stop()
        self.assertEqual(self.messages(), [line])

    def test_a_stream_that_breaks_is_read_on_and_nothing_is_told_twice(self):
        self.start("-o", "json")
        self.wait_streams(3)
        lines = [self.say(0, "any")]
        self.wait_messages(*lines)
        with open(f"{self.folder}/logs/agent-0.cut", "w", encoding="ascii"):
            pass
        self.wait_streams(4)
        os.remove(f"{self.folder}/logs/agent-0.cut")
        lines.append(self.say(0, "any"))
        self.wait_messages(*lines)
        self.stop()
        self.assertEqual(self.messages(), lines)

    def test_a_log_that_cannot_be_read_is_said_once_and_tried_again(self):
        mark = f"{self.folder}/logs/agent-0.forbidden"
        with open(mark, "w", encoding="ascii"):
            pass
        self.start("-o", "json")
        wait_for(lambda: sum(call[-1] == "agent-0" for call in self.calls()) >= 3, 60, "the third try")
        os.remove(mark)
        line = self.say(0, "any")
        self.wait_messages(line)
        self.stop()
        said = self.text(".err").splitlines()
        self.assertEqual(len(said), 1, said)
        self.assertRegex(said[0], r'^kubectl drainsnoop: agent-0: Error from server \(Forbidden\): .*pods/log"; trying again$')

    def test_an_agent_that_is_replaced(self):
        self.start("-o", "json", "web-5d9c7b9b5c-aaaa0")
        self.wait_streams(1)
        os.remove(f"{self.folder}/logs/agent-0")
        self.agents = [row for row in self.agents if row[1] != "agent-0"]
        self.agent(0, "agent-0-new")
        wait_for(lambda: any(call[-1] == "agent-0-new" for call in self.calls()), 60, "the new agent to be asked")
        line = self.say(0, "web-5d9c7b9b5c-aaaa0", agent="agent-0-new")
        self.wait_messages(line)
        self.stop()

    def test_pods_that_come_later(self):
        self.start("-o", "json", "-l", "app=late")
        self.pod("late-5d9c7b9b5c-x", 1, owner="late-5d9c7b9b5c", labels="app=late")
        wait_for(lambda: len(self.calls("pods")) >= 4, 60, "pods to be listed again")
        self.wait_streams(1)
        line = self.say(1, "late-5d9c7b9b5c-x")
        self.wait_messages(line)
        self.stop()

    def test_more_than_five_nodes(self):
        for node in range(3, 12):
            self.agent(node)
            self.pod(f"web-5d9c7b9b5c-b{node}", node)
        self.start("-o", "json")
        self.wait_streams(12)
        lines = [self.say(node, "any") for node in range(12)]
        self.wait_messages(*lines)
        self.stop()


class Table(Plugin):
    def test_a_table(self):
        self.say(0, "web-5d9c7b9b5c-aaaa0")
        self.say(0, None, name="drainsnoop.advice", level="warn", drainsnoop__advice__object="Deployment/shop/web",
                 message="Deployment/shop/web: raise_prestop: x, now none, proposed 6")
        self.say(1, None, name="drainsnoop.health", level="warn", message="lost 7 events")
        done = self.run_plugin("-d", "0", "--since", "1h")
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^TIME \(UTC\)    EVENT    POD {41}  DETAIL$")
        self.assertRegex(lines[1], r'^\d\d:\d\d:\d\d\.\d{3}  drop     shop/web-5d9c7b9b5c-aaaa0 {20} told "1" by agent-0$')
        self.assertRegex(lines[2], r"^[\d:.]{12}  advice   Deployment/shop/web {25}  raise_prestop: x, now none, proposed 6$")
        self.assertRegex(lines[3], r"^[\d:.]{12}  health   node-1 {38}  lost 7 events$")
        self.assertNotIn("\033", done.stdout)
        self.assertNotIn("TIME", self.run_plugin("-d", "0", "--since", "1h", "--no-headers").stdout)


class End(Plugin):
    def lively(self, *args):
        self.start("-o", "json", *args)
        self.wait_streams(3)
        line = self.say(0, "any")
        return line

    def test_ctrl_c_tells_what_is_held_and_leaves_nothing(self):
        line = self.lively()
        # It has left the agent's log, and waits for older ones: the plugin's own pipe is what it waits in.
        wait_for(lambda: os.path.exists(f"{self.folder}/logs/agent-0.read"), 60, "the line to be read")
        self.stop()
        self.assertEqual(self.messages(), [line])

    def test_sigterm_to_the_plugin_alone(self):
        line = self.lively()
        self.wait_messages(line)
        self.process.terminate()
        self.assertEqual(self.process.wait(60), 0)
        wait_for(lambda: not self.left(), 10, "its processes to be gone")

    def test_duration(self):
        begin = time.monotonic()
        done = self.run_plugin("-d", "2s", "-o", "json")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertGreaterEqual(time.monotonic() - begin, 2)

    def test_a_reader_that_goes(self):
        for node in range(3):
            for _ in range(50):
                self.say(node, "any", padding="x" * 3000)
        process = subprocess.Popen(" ".join(map(re.escape, self.command("-A", "-o", "json", "--since", "1h"))) + " | head -n 1",
                                   shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment,
                                   start_new_session=True, text=True)
        self.process = process
        self.addCleanup(self.end_for_sure)
        out, err = process.communicate(timeout=60)
        self.assertEqual((len(out.splitlines()), err), (1, ""))
        wait_for(lambda: not self.left(), 10, "its processes to be gone")

    def test_interrupted_while_it_reads_history(self):
        self.say(0, "any")
        os.remove(f"{self.folder}/logs/agent-1")
        os.mkfifo(f"{self.folder}/logs/agent-1")    # an agent whose log never comes
        self.start("--since", "1h")
        wait_for(lambda: len(self.calls()) == 3, 60, "the logs to be asked for")
        self.stop()


def load_tests(loader, tests, pattern):
    """All of it under the machine's sh; what depends on the shell under each of them."""
    suite = unittest.TestSuite(tests)
    for shell in SHELLS:
        suite.addTests(loader.loadTestsFromTestCase(type(f"End_{shell}", (End,), {"shell": shell})))
    return suite


if __name__ == "__main__":
    unittest.main()
