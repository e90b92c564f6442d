# SPDX-License-Identifier: Apache-2.0
"""`drainsnoop agent` as a process: how it gets ready, what it does at its end, at a SIGHUP, and while nobody reads it.

In network namespaces of the test's own, against a stand-in of the API server (fake_kube.py)."""

import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import netns
import test_live
import test_live_dual
from fake_kube import FakeKube, make_pod, stamp
from test_live import BINARY, wait_for

PORT = 19973
POD = {"POD_NAMESPACE": "drainsnoop", "POD_NAME": "drainsnoop-agent-x7k2p"}


class Agent(unittest.TestCase):
    """An agent in the namespace self.netns."""
    end, said, lines, names = test_live.Live.end, test_live.Live.said, test_live.Live.lines, test_live.Live.names

    setUp = test_live.Live.setUp

    def serve(self, *pods):
        with netns.inside(self.netns):
            self.kube = FakeKube()
        self.addCleanup(self.kube.close)
        for pod in pods:
            self.kube.put(pod)

    def start(self, *args, stdout=None, stderr=None, begin=(), **environment):
        out = stdout or open(self.output, "wb")
        argv = [*netns.enter(self.netns), *begin, BINARY, "agent", "--kube-api", self.kube.url, "--node", "node-1",
                "--metrics-listen", f"127.0.0.1:{PORT}", *args]
        with open(self.errors, "wb") as errors:
            process = subprocess.Popen(argv, stdout=out, stderr=stderr or errors, stdin=subprocess.DEVNULL,
                                       env=dict(os.environ, **environment))
        self.addCleanup(self.end, process)
        if not stdout:
            out.close()
            wait_for(lambda: self.names() or process.poll() is not None, 60, "the first line")
        return process

    def get(self, page):
        """Status and text of a page; status None while nobody answers."""
        with netns.inside(self.netns):
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
            try:
                connection.request("GET", page)
                reply = connection.getresponse()
                return reply.status, reply.read().decode()
            except ConnectionError:
                return None, ""
            finally:
                connection.close()

    def wait_ready(self):
        wait_for(lambda: self.get("/readyz")[0] == 200, 60, "readiness")

    def metric(self, sample):
        found = re.search(rf"^{re.escape(sample)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found.group(1)) if found else None

    def terminate(self, process, within=10):
        """SIGTERM; seconds that the end took."""
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0, self.said())
        took = time.monotonic() - begin
        self.assertLess(took, within)
        return took

    def of(self, name):
        return [line for line in self.lines() if line["event.name"] == f"drainsnoop.{name}"]


class Probes(Agent):
    def test_ready_once_the_pods_are_known_and_healthy_all_the_time(self):
        self.serve(make_pod("web-1", "10.99.0.5"))
        self.kube.stop()
        process = self.start()
        wait_for(lambda: self.get("/healthz")[0] == 200, 60, "health")
        self.assertEqual(self.get("/readyz")[0], 503)
        self.assertIn("the pods of this node are not known yet", self.get("/readyz")[1])
        with netns.inside(self.netns):
            self.kube.start()
        self.wait_ready()
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        self.assertGreater(self.metric('drainsnoop_probes{state="attached"}'), 0)
        self.assertEqual(self.metric('drainsnoop_pod_cache_entries{state="live"}'), 1)
        with open(os.path.join(os.path.dirname(BINARY), "revision"), encoding="ascii") as file:
            revision = file.read()
        self.assertRegex(self.get("/metrics")[1], rf'\ndrainsnoop_build_info{{version="[^"]+",'
                         + (f'revision="{revision}",' if revision else "") + r'libbpf="[^"]+"\} 1\n')
        # An API server that goes away takes no agent with it.
        self.kube.stop()
        wait_for(lambda: "the API server cannot be asked" in self.said(), 60, "the trouble")
        self.assertEqual((self.get("/healthz")[0], self.get("/readyz")[0]), (200, 200))
        with netns.inside(self.netns):
            self.kube.start()
        self.terminate(process)

    def test_a_process_that_stands_still_gives_no_answer(self):
        self.serve()
        process = self.start()
        self.wait_ready()
        process.send_signal(signal.SIGSTOP)
        with netns.inside(self.netns):
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=1)
            with self.assertRaises(TimeoutError):
                connection.request("GET", "/healthz")
                connection.getresponse()
            connection.close()
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: self.get("/healthz")[0] == 200, 60, "health")
        self.terminate(process)

    def test_a_loop_that_stood_still_for_ten_seconds_says_so_once_it_turns(self):
        """What holds it up is a recording that nobody takes: a pipe whose reader is stopped."""
        fifo = os.path.join(self.folder, "recording")
        os.mkfifo(fifo)
        small = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, small)
        fcntl.fcntl(small, fcntl.F_SETPIPE_SZ, 4096)
        reader = subprocess.Popen(["cat", fifo], stdout=subprocess.DEVNULL)
        self.addCleanup(self.end, reader)
        self.serve()
        process = self.start("--record", fifo)
        self.wait_ready()
        with netns.inside(self.netns):
            client = socket.create_connection(("127.0.0.1", PORT), timeout=12)
        self.addCleanup(client.close)

        def ask():
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: agent\r\n\r\n")
            return answer()

        def answer():
            text = b""
            while not re.search(rb"\r\n\r\n.*\n$", text, re.DOTALL):
                piece = client.recv(65536)
                self.assertTrue(piece, "the agent closed the connection")
                text += piece
            return text.decode()

        self.assertIn(" 200 OK\r\n", ask())
        reader.send_signal(signal.SIGSTOP)
        with self.assertRaises(TimeoutError):       # for 12 s there is no answer
            while True:
                self.assertIn(" 200 OK\r\n", ask())
        reader.send_signal(signal.SIGCONT)
        text = answer()
        self.assertIn(" 503 ", text)
        self.assertRegex(text, r"the event loop did not turn for \d\d s\n$")
        wait_for(lambda: " 200 OK\r\n" in ask(), 60, "health")
        self.terminate(process)

    def test_without_metrics_nothing_listens(self):
        self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.start("--metrics-listen", "off")
        wait_for(lambda: "drainsnoop.pod.state" in self.names(), 60, "the pod")
        listening = subprocess.run([*netns.enter(self.netns), "ss", "-Hltnp"], capture_output=True, text=True,
                                   check=True).stdout
        self.assertNotIn(f"pid={process.pid},", listening)
        self.terminate(process)

    def test_pods_have_series_of_their_own_up_to_a_bound(self):
        """There is room for those of the workload and of one pod."""
        self.serve(make_pod("web-1", "10.99.0.5"), make_pod("web-2", "10.99.0.6"))
        process = self.start("--metrics-labels", "namespace,workload,pod", DRAINSNOOP_METRICS_MAX_SERIES="20")
        self.wait_ready()
        wait_for(lambda: {e["k8s.pod.name"] for e in self.of("pod.state")} == {"web-1", "web-2"}, 60, "the pods")
        pods = set(re.findall(r'^drainsnoop_drained_pods_total\{namespace="shop",workload="web",pod="(.*?)"',
                              self.get("/metrics")[1], re.MULTILINE))
        self.assertIn(pods, ({"(other)", "web-1"}, {"(other)", "web-2"}))
        self.assertGreaterEqual(self.metric("drainsnoop_metrics_overflow_events_total"), 1)
        self.assertEqual(self.metric("drainsnoop_metrics_series"), 18)
        self.terminate(process)


class Ends(Agent):
    def test_sigterm_judges_what_is_open(self):
        self.serve(make_pod("web-1", "10.99.0.5"), make_pod("web-2", "10.99.0.6"))
        process = self.start(DRAINSNOOP_CLUSTER="prod-eu1")
        self.wait_ready()
        self.kube.terminate("web-1")
        wait_for(lambda: "terminating" in [e["drainsnoop.pod.phase"] for e in self.of("pod.phase")], 60, "the phase")
        self.terminate(process, within=5)
        verdict, = self.of("pod.verdict")
        self.assertEqual((verdict["k8s.pod.name"], verdict["drainsnoop.verdict.code"], verdict["drainsnoop.verdict.reason"]),
                         ("web-1", "inconclusive", "observation_cut"))
        self.assertEqual(self.names()[-1], "drainsnoop.stop")
        self.assertEqual({(e["k8s.cluster.name"], e["k8s.node.name"]) for e in self.lines()}, {("prod-eu1", "node-1")})
        self.assertEqual([e["drainsnoop.seq"] for e in self.lines()], list(range(len(self.lines()))))

    def test_sighup_opens_the_recording_anew(self):
        """Both pieces, one behind the other, are a recording: its replay is what was written to standard output."""
        self.serve(make_pod("web-1", "10.99.0.5"))
        path, old = os.path.join(self.folder, "recording"), os.path.join(self.folder, "recording.1")
        process = self.start("--record", path, "--cluster", "prod-eu1")
        self.wait_ready()
        wait_for(lambda: len(self.of("pod.state")) == 1, 60, "the pod")
        os.rename(path, old)
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: os.path.exists(path), 60, "the new file")
        self.kube.terminate("web-1")
        wait_for(lambda: len(self.of("pod.state")) == 2, 60, "the pod's end")
        process.send_signal(signal.SIGHUP)      # not renamed: nothing is lost
        self.terminate(process)
        with open(old, "rb") as first, open(path, "rb") as second:
            pieces = [first.read(), second.read()]
        self.assertTrue(all(pieces))
        self.assertIn(b'"drainsnoop.start"', pieces[0])
        self.assertNotIn(b'"drainsnoop.start"', pieces[1])
        replay = subprocess.run([BINARY, "replay", "-o", "json", "-"], input=b"".join(pieces), capture_output=True, check=True)
        with open(self.output, "rb") as file:
            self.assertEqual(replay.stdout, file.read())

    def latency(self, state, pod):
        """Seconds from a pod's news to the state file that has them."""
        begin = time.monotonic()
        self.kube.put(make_pod(pod, f"10.99.1.{len(self.kube.pods)}"))
        wait_for(lambda: pod in state(), 60, "the state file")
        return time.monotonic() - begin

    def hurried(self, change):
        path = os.path.join(self.folder, "state")

        def state():
            try:
                with open(path, encoding="utf-8") as file:
                    return file.read()
            except FileNotFoundError:
                return ""
        self.serve(make_pod("web-1", "10.99.0.5"))
        agent = make_pod(POD["POD_NAME"], "10.99.0.9")
        agent["metadata"]["namespace"] = POD["POD_NAMESPACE"]
        self.kube.put(agent)
        # Of an earlier shutdown: such objects stay for days.
        old = make_pod("old-1", "10.99.0.8")
        old["status"] |= {"phase": "Failed", "reason": "Terminated"}
        old["status"]["conditions"] += [{"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
                                         "lastTransitionTime": stamp(time.time() - 3600)}]
        self.kube.put(old)
        process = self.start("-v", "--state", path, **POD)
        self.wait_ready()
        wait_for(lambda: {"web-1", "old-1", POD["POD_NAME"]} <= {e["k8s.pod.name"] for e in self.of("pod.state")}, 60, "the pods")
        self.assertNotIn("the end may be near", self.said())
        change()
        wait_for(lambda: "the end may be near" in self.said(), 60, "the hurry")
        # Otherwise it is 2 s each.
        self.assertLess(sum(self.latency(state, f"new-{n}") for n in range(6)), 9)
        self.terminate(process)

    def test_files_are_written_at_once_when_the_node_shuts_down(self):
        def shut_down(pod):
            pod["status"] |= {"phase": "Failed", "reason": "Terminated",
                              "message": "Pod was terminated in response to imminent node shutdown."}
        self.hurried(lambda: self.kube.change("web-1", shut_down))

    def test_files_are_written_at_once_when_the_agents_own_pod_goes(self):
        self.hurried(lambda: self.kube.terminate(POD["POD_NAME"]))


@unittest.skipUnless(shutil.which("strace"), "needs strace")
class Credentials(Agent):
    """AWS is none of the agent's business, unless it is told so. strace -D: the process that is started is the agent."""
    ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef"

    def calls(self):
        with open(os.path.join(self.folder, "calls"), encoding="utf-8") as file:
            return file.read()

    def run_with(self, until, *args):
        config = os.path.join(self.folder, "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[default]\nregion = eu-central-1\n")
        self.serve(make_pod("web-1", "10.99.0.5"))
        begin = ["strace", "-D", "-f", "-qq", "-e", "trace=open,openat,connect", "-o", os.path.join(self.folder, "calls")]
        process = self.start(*args, begin=begin, AWS_CONFIG_FILE=config, AWS_SHARED_CREDENTIALS_FILE=config,
                             AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_EC2_METADATA_DISABLED="true")
        self.wait_ready()
        self.kube.terminate("web-1")
        wait_for(lambda: "terminating" in [e["drainsnoop.pod.phase"] for e in self.of("pod.phase")], 60, "the phase")
        wait_for(lambda: until(self.calls()), 60, "the files to be opened")
        self.terminate(process)
        return config in self.calls()

    def test_without_elb_no_credentials_are_looked_for(self):
        self.assertFalse(self.run_with(lambda calls: "/sys/kernel/btf/vmlinux" in calls))

    def test_standalone_asks(self):
        config = os.path.join(self.folder, "config")
        self.assertTrue(self.run_with(lambda calls: config in calls, "--standalone", "--target-group", self.ARN))


class Stalled(Agent):
    """Standard output that nobody reads."""
    PODS = 1500

    @staticmethod
    def pod(n):
        return json.dumps({"event.name": "drainsnoop.pod.state", "k8s.pod.name": f"web-{n}" + "x" * 200,
                           "k8s.namespace.name": "shop", "drainsnoop.pod.phase": "ready",
                           "k8s.pod.uid": f"6f2a1c1e-0000-4000-8000-{n:012d}",
                           "drainsnoop.pod.addresses": f"10.99.{n // 250}.{n % 250 + 1}"}) + "\n"

    def flood(self):
        """Agent and pipe, after more lines than queue and pipe can hold."""
        self.serve()
        events = os.path.join(self.folder, "events.jsonl")
        with open(events, "w", encoding="utf-8") as file:
            for n in range(self.PODS):
                file.write(self.pod(n))
        self.source = events
        process = self.start("--events", events, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        wait_for(lambda: self.metric('drainsnoop_lost_events_total{stage="output"}'), 60, "the loss")
        return process

    def test_lines_are_lost_and_counted_and_nothing_else_waits(self):
        process = self.flood()
        self.assertEqual((self.get("/healthz")[0], self.get("/readyz")[0]), (200, 200))
        # Whoever reads again gets whole lines, and what is missing is what was counted.
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(json.loads(line) for line in process.stdout), daemon=True)
        reader.start()
        with open(self.source, "a", encoding="utf-8") as file:
            file.write(self.pod(self.PODS))
        wait_for(lambda: lines and f"web-{self.PODS}x" in lines[-1].get("k8s.pod.name", ""), 60, "the news")
        process.send_signal(signal.SIGTERM)
        reader.join(60)
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(lines[-1]["event.name"], "drainsnoop.stop")
        numbers = [line["drainsnoop.seq"] for line in lines]
        self.assertEqual(numbers, sorted(set(numbers)))
        missing = numbers[-1] + 1 - len(numbers)
        self.assertGreater(missing, 100)
        self.assertEqual(lines[-1]["drainsnoop.lost.events"], missing)
        self.assertIn("web-0x", lines[1]["k8s.pod.name"])

    def test_the_end_does_not_wait_for_a_reader(self):
        process = self.flood()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        # Nor does it end for a file that is rotated meanwhile.
        wait_for(lambda: process.send_signal(signal.SIGHUP) or process.poll() is not None, 60, "the end")
        self.assertEqual(process.returncode, 0, self.said())
        self.assertLess(time.monotonic() - begin, 20)
        self.assertIn("standard output did not take the last", self.said())

    def test_a_reader_that_has_gone_ends_it(self):
        self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.start(stdout=subprocess.PIPE)
        self.assertIn(b"drainsnoop.start", process.stdout.readline())
        process.stdout.close()
        self.kube.terminate("web-1")
        self.assertEqual(process.wait(60), 1)
        self.assertIn("nobody reads standard output any more", self.said())


class StalledErrors(Agent):
    """Standard error that nobody reads, of an agent that has a lot to say: at each SIGHUP that its recording is gone."""

    def flood(self):
        self.serve(make_pod("web-1", "10.99.0.5"))
        folder = os.path.join(self.folder, *3 * ["f" * 250])
        os.makedirs(folder)
        reader, writer = os.pipe()
        self.errors_end = open(reader, "rb")
        self.addCleanup(self.errors_end.close)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        process = self.start("--record", os.path.join(folder, "recording"), stderr=writer)
        os.close(writer)
        self.wait_ready()
        self.assertEqual(self.metric("drainsnoop_lost_messages_total"), 0)
        shutil.rmtree(os.path.join(self.folder, "f" * 250))

        def lost():
            process.send_signal(signal.SIGHUP)
            return self.metric("drainsnoop_lost_messages_total")
        wait_for(lost, 60, "the loss")
        return process

    def test_messages_are_lost_and_counted_and_nothing_else_waits(self):
        process = self.flood()
        self.assertEqual((self.get("/healthz")[0], self.get("/readyz")[0]), (200, 200))
        self.kube.put(make_pod("web-2", "10.99.0.6"))
        wait_for(lambda: "web-2" in [line["k8s.pod.name"] for line in self.of("pod.state")], 60, "the pod")
        # Whoever reads again gets whole lines, and is told what is missing.
        for line in self.errors_end:
            self.assertTrue(line.startswith(b"drainsnoop: ") and line.endswith(b"\n"), line)
            stalled = re.search(rb"standard error stalled: (\d+) messages before this one are lost", line)
            if stalled:
                break
        self.assertEqual(int(stalled.group(1)), self.metric("drainsnoop_lost_messages_total"))
        process.send_signal(signal.SIGTERM)
        self.assertIn(process.wait(60), (0, 1))     # 1: files could not be opened anew

    def test_the_end_does_not_wait_for_a_reader(self):
        process = self.flood()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 1)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(self.names()[-1], "drainsnoop.stop")


class Redaction(unittest.TestCase):
    """Real connections from a client whose address must not show, by IPv4 and IPv6."""
    Dual = test_live_dual.Dual
    setUp, ip, inside, started, traffic = Dual.setUp, staticmethod(Dual.ip), Dual.inside, Dual.started, Dual.traffic
    lines, connect = Dual.lines, Dual.connect
    del Dual

    def run_with(self, *args):
        """A pod that goes and is asked twice more; the lines of that."""
        self.state = os.path.join(self.folder, "state")
        with netns.inside(self.names["node"]):
            kube = FakeKube()
        self.addCleanup(kube.close)
        pod = make_pod("web-1", test_live_dual.POD[0])
        pod["status"]["podIPs"] = [{"ip": address} for address in test_live_dual.POD]
        kube.put(pod)
        with open(self.output, "wb") as out:
            agent = self.started([*self.inside("node"), BINARY, "agent", "--kube-api", kube.url, "--node", "node-1",
                                  "--settle", "1s", "--metrics-listen", "off", "--record", self.recording,
                                  "--state", self.state, *args], stdout=out, stderr=subprocess.DEVNULL)
        server = self.started([*self.inside("pod"), sys.executable, "-c", test_live_dual.SERVER], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.assertEqual(server.stdout.readline(), b"listens\n")
        wait_for(lambda: self.lines("pod.state"), 60, "the pod")
        self.assertEqual(self.connect(), ["served", "served"])
        wait_for(lambda: all(f'"destination.address":"{address}"' in self.traffic() for address in test_live_dual.POD), 60,
                 "the counters of both addresses")
        kube.terminate("web-1")
        wait_for(lambda: "terminating" in [e["drainsnoop.pod.phase"] for e in self.lines("pod.phase")], 60, "the phase")
        server.kill()
        server.wait()
        self.assertEqual(self.connect(), ["refused", "refused"])
        wait_for(lambda: len(self.lines("drop")) == 2, 60, "both drops")
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(60), 0)
        return self.lines("drop")

    def texts(self):
        for path in (self.output, self.recording):
            with open(path, encoding="utf-8") as file:
                yield file.read()

    def assert_hidden(self, text):
        for address in test_live_dual.LB:
            self.assertNotIn(f'"{address}"', text)
            self.assertNotRegex(text, rf"(?<![\d.:a-f]){re.escape(address)}(?![\d.:a-f])")

    def test_clients_are_replaced_everywhere(self):
        key = os.path.join(self.folder, "key")
        with open(key, "w", encoding="ascii") as file:
            file.write("0123456789abcdef0123456789abcdef")
        drops = self.run_with("--redact-peers", "--redact-key-file", key)
        peers = {drop["network.type"]: drop["source.address"] for drop in drops}
        self.assertRegex(peers["ipv4"], r"^2[45]\d\.")
        self.assertRegex(peers["ipv6"], r"^100::")
        self.assertEqual({drop["destination.address"] for drop in drops}, set(test_live_dual.POD))
        for text in self.texts():
            self.assert_hidden(text)
            for address in peers.values():
                self.assertIn(f'"{address}"', text)
        # What a later run must know of them is numbers: no client's address, clear or replaced, is part of it.
        with open(self.state, encoding="utf-8") as file:
            state = file.read()
        self.assert_hidden(state)
        self.assertIn(test_live_dual.POD[0], state)
        for address in peers.values():
            self.assertNotIn(address, state)
        replay = subprocess.run([BINARY, "replay", "-o", "json", self.recording], capture_output=True, text=True, check=True)
        self.assertEqual(replay.stdout, next(self.texts()))

    def test_the_load_balancer_is_shown(self):
        drops = self.run_with("--redact-peers", "--lb", test_live_dual.LB[0], "--lb", test_live_dual.LB[1])
        self.assertEqual({drop["source.address"] for drop in drops}, set(test_live_dual.LB))


if __name__ == "__main__":
    unittest.main()
