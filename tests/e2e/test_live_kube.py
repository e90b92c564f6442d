# SPDX-License-Identifier: Apache-2.0
"""--kube and its kin: pods from an API server that does what real ones do. A real one is asked
in test_live_kube_api.py; here it is a stand-in (fake_kube.py), so that each fault comes when it is asked for.

Everything happens in a network namespace of the test's own."""

import base64
import json
import os
import signal
import subprocess
import textwrap
import time
import unittest
from unittest import mock

import netns
import test_live
from fake_kube import FakeKube, make_pod
from test_live import wait_for


def parse_time(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


class KubeTest(unittest.TestCase):
    """A run in a namespace, against a server that listens there."""
    start, end, said = test_live.Live.start, test_live.Live.end, test_live.Live.said
    lines, names = test_live.Live.lines, test_live.Live.names

    def setUp(self):
        test_live.Live.setUp(self)
        self.kube = None

    def serve(self, *pods, **options):
        """A server with these pods, in the namespace: sockets belong to the one they were made in."""
        with netns.inside(self.netns):
            self.kube = FakeKube(**options)
        self.addCleanup(self.kube.close)
        for pod in pods:
            self.kube.put(pod)
        return self.kube

    def again(self):
        """The server comes back, on its port."""
        with netns.inside(self.netns):
            self.kube.start()

    def watch(self, *args):
        """A run that has heard of the pods and watches."""
        process = self.start("--kube-api", self.kube.url, "--node", "node-1", *args)
        wait_for(lambda: self.kube.asked("watch"), 60, "the watch")
        return process

    def pods(self, name):
        return [e for e in self.lines() if e["event.name"] == "drainsnoop.pod.state" and e.get("k8s.pod.name") == name]

    def phases(self, name):
        return [e["drainsnoop.pod.phase"] for e in self.pods(name)]

    def wait_phase(self, name, phase, timeout=60):
        wait_for(lambda: phase in self.phases(name), timeout, f"{name} {phase}")

    def losses(self):
        return [e for e in self.lines() if e["event.name"] == "drainsnoop.stop"][0].get("drainsnoop.lost.events", 0)

    def stop(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0, self.said())


@unittest.skipIf(os.geteuid(), "needs root")
class Watch(KubeTest):
    def test_pods_of_this_node_and_their_life(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"), make_pod("far-1", "10.99.0.6", node="node-2"))
        process = self.watch()
        self.wait_phase("web-1", "ready")
        kube.put(make_pod("web-2", "10.99.0.7", lifecycle={"preStop": {"sleep": {"seconds": 7}}}))
        self.wait_phase("web-2", "ready")
        t0 = kube.terminate("web-1")
        self.wait_phase("web-1", "terminating")
        kube.remove("web-1")
        self.wait_phase("web-1", "deleted")
        self.stop(process)
        self.assertEqual(self.phases("web-1"), ["ready", "terminating", "deleted"])
        self.assertFalse(self.pods("far-1"))
        gone = self.pods("web-1")[1]
        self.assertEqual(parse_time(gone["drainsnoop.pod.t0"]), t0)
        self.assertEqual(gone["drainsnoop.pod.t0_source"], "deletion_timestamp")
        self.assertEqual(gone["drainsnoop.pod.trigger"], "deletion")
        self.assertEqual(gone["k8s.deployment.name"], "web")
        self.assertEqual(gone["k8s.node.name"], "node-1")
        self.assertEqual(gone["drainsnoop.pod.prestop"], "none")
        self.assertEqual(self.pods("web-2")[0]["drainsnoop.pod.prestop"], "sleep:7")
        self.assertEqual(self.losses(), 0)
        # One list, one watch, and nothing of another node.
        self.assertEqual([verb for verb, _, _ in kube.requests], ["list", "watch"])
        self.assertTrue(all(q["fieldSelector"] == "spec.nodeName=node-1" for _, q, _ in kube.requests))

    def test_an_eviction_by_the_kubelet_has_no_deletion(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.watch()

        def evict(pod):
            pod["status"]["reason"] = "Evicted"
            pod["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
                                            "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}]
        kube.change("web-1", evict)
        self.wait_phase("web-1", "not_ready")
        kube.change("web-1", lambda pod: pod["status"].update(phase="Failed", containerStatuses=[]))
        self.wait_phase("web-1", "deleted")
        self.stop(process)
        told = self.pods("web-1")[1]
        self.assertEqual(told["drainsnoop.pod.trigger"], "eviction")
        self.assertEqual(told["drainsnoop.pod.t0_source"], "status_reason")
        self.assertEqual(told["drainsnoop.pod.status_reason"], "Evicted")

    def test_a_pod_that_went_while_nobody_ran(self):
        """What the state file knows and the API server does not is no more; what both know goes on."""
        kube = self.serve(make_pod("web-1", "10.99.0.5"), make_pod("web-2", "10.99.0.6"))
        state = os.path.join(self.folder, "state")
        process = self.watch("--state", state)
        self.wait_phase("web-2", "ready")
        t0 = kube.terminate("web-2")
        self.wait_phase("web-2", "terminating")
        self.stop(process)
        kube.remove("web-1")
        process = self.watch("--state", state)
        self.wait_phase("web-1", "deleted")
        kube.remove("web-2")
        self.wait_phase("web-2", "deleted")
        self.stop(process)
        self.assertEqual(parse_time(self.pods("web-2")[-1]["drainsnoop.pod.t0"]), t0)

    def test_a_node_that_has_no_pods_may_have_another_name(self):
        self.serve(make_pod("far-1", "10.99.0.6", node="node-2"))
        process = self.watch()
        wait_for(lambda: "knows no pod of node node-1; is that its name?" in self.said(), 60, "the word of it")
        self.stop(process)

    def test_many_pods_come_in_pages(self):
        kube = self.serve(*(make_pod(f"web-{i}", f"10.99.1.{i}") for i in range(1, 26)))
        kube.page = 10
        process = self.watch()
        wait_for(lambda: self.names().count("drainsnoop.pod.state") == 25, 60, "25 pods")
        self.stop(process)
        self.assertEqual(len(kube.asked("list")), 3)

    def test_an_object_of_megabytes(self):
        pod = make_pod("web-1", "10.99.0.5")
        pod["metadata"]["annotations"] = {"big": "x" * 3000000}
        pod["metadata"]["managedFields"] *= 10000
        self.serve(pod)
        process = self.watch()
        self.wait_phase("web-1", "ready")
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        self.stop(process)
        self.assertLess(resident, 120000)   # kB; the kernel source's tables are most of it


@unittest.skipIf(os.geteuid(), "needs root")
class Faults(KubeTest):
    def test_what_is_too_old_is_listed_anew(self):
        for form in (410, "in-band", "compacted"):
            with self.subTest(form):
                kube = self.serve(*(make_pod(f"web-{i}", f"10.99.0.{i}") for i in (1, 2, 3)))
                process = self.watch()
                self.wait_phase("web-3", "ready")
                kube.terminate("web-2")
                self.wait_phase("web-2", "terminating")
                if form == "compacted":
                    with kube.lock:
                        kube.pods.pop("web-2")
                    kube.compact()
                else:
                    kube.fail("watch", form)
                    with kube.lock:     # behind the watch's back
                        kube.pods.pop("web-2")
                    kube.cut()
                self.wait_phase("web-2", "deleted")
                wait_for(lambda: len(kube.asked("watch")) >= 2, 60, "the next watch")
                kube.put(make_pod("web-4", "10.99.0.4"))
                self.wait_phase("web-4", "ready")
                self.stop(process)
                self.assertEqual(len(kube.asked("list")), 2)
                self.assertNotIn("resourceVersion", kube.asked("list")[1][1])
                self.assertEqual(self.phases("web-1"), ["ready"])
                self.assertEqual(self.losses(), 0)

    def test_a_pod_that_vanished_unseen_is_a_loss(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.watch()
        self.wait_phase("web-1", "ready")
        with kube.lock:
            kube.pods.clear()
        kube.compact()
        self.wait_phase("web-1", "deleted")
        self.stop(process)
        self.assertEqual(self.losses(), 1)
        self.assertNotIn("drainsnoop.pod.t0", self.pods("web-1")[1])

    def test_a_restart_of_the_server_in_mid_watch(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.watch()
        self.wait_phase("web-1", "ready")
        kube.stop()
        wait_for(lambda: any(e["event.name"] == "drainsnoop.health" for e in self.lines()), 60, "health")
        t0 = kube.terminate("web-1")
        wait_for(lambda: time.time() > t0 + 8, 60, "some seconds")
        self.again()
        self.wait_phase("web-1", "terminating", 90)
        self.stop(process)
        health = [e for e in self.lines() if e["event.name"] == "drainsnoop.health"][0]
        self.assertEqual(health["drainsnoop.health.status"], "degraded")
        self.assertGreaterEqual(health["drainsnoop.watch.lag_ms"], 5000)
        self.assertGreaterEqual(health["drainsnoop.watch.restarts"], 1)
        self.assertEqual(parse_time(self.pods("web-1")[1]["drainsnoop.pod.t0"]), t0)
        self.assertEqual(self.losses(), 0)
        self.assertEqual(len(kube.asked("list")), 1)    # from where it was
        self.assertEqual(self.said().count("cannot be asked"), 1, self.said())
        self.assertIn("the API server answers again", self.said())

    def test_a_server_whose_clock_is_another(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.ahead = 100
        process = self.watch()
        self.wait_phase("web-1", "ready")
        before = time.time()
        kube.terminate("web-1")
        after = time.time()
        self.wait_phase("web-1", "terminating")
        self.stop(process)
        told = self.pods("web-1")[1]
        t0, error = parse_time(told["drainsnoop.pod.t0"]), told["drainsnoop.pod.t0_error_ms"] / 1000
        self.assertLessEqual(t0, after)     # t0 is read to whole seconds here
        self.assertGreaterEqual(t0 + 1 + error, before)
        self.assertLess(error, 20)
        self.assertRegex(self.said(), r"the API server's clock is about (9[5-9]|10[0-5])\.\d s ahead of this node's")

    def test_news_that_come_late_are_told(self):
        """A server that stood still: nothing broke, and what it says is old."""
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.watch()
        self.wait_phase("web-1", "ready")
        kube.silent = True
        t0 = kube.terminate("web-1")
        wait_for(lambda: time.time() > t0 + 8, 60, "some seconds")
        with kube.lock:
            kube.silent = False
            kube.lock.notify_all()
        self.wait_phase("web-1", "terminating")
        wait_for(lambda: any(e["event.name"] == "drainsnoop.health" for e in self.lines()), 60, "health")
        self.stop(process)
        health = [e for e in self.lines() if e["event.name"] == "drainsnoop.health"][0]
        self.assertGreaterEqual(health["drainsnoop.watch.lag_ms"], 5000)
        self.assertIn("late", health["message"])

    def test_a_server_that_is_not_there_yet_is_waited_for(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.stop()
        process = self.start("--kube-api", kube.url, "--node", "node-1")
        wait_for(lambda: "cannot be asked to list pods" in self.said(), 60, "the word of it")
        self.again()
        self.wait_phase("web-1", "ready")
        self.stop(process)

    def test_a_right_that_is_missing_is_named_once(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.fail("list", 403, 'pods is forbidden: User "system:anonymous" cannot list resource "pods"', times=9)
        process = self.start("--kube-api", kube.url, "--node", "node-1")
        wait_for(lambda: "the right to list and watch pods is missing: pods is forbidden: User" in self.said(), 60, "the word of it")
        self.stop(process)
        self.assertEqual(self.said().count("forbidden"), 1)

    def test_a_server_that_is_busy_says_when_to_come_back(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.fail("list", 429, "too many requests", Retry_After="3")
        begin = time.monotonic()
        process = self.watch()
        self.assertGreaterEqual(time.monotonic() - begin, 3)
        self.wait_phase("web-1", "ready")
        self.stop(process)

    def test_what_is_no_answer(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.fail("list", 500, "etcd is gone")
        process = self.watch()
        self.wait_phase("web-1", "ready")
        self.stop(process)
        self.assertIn("the API server answers 500 to list pods: etcd is gone", self.said())


CONFIG = """\
apiVersion: v1
kind: Config
current-context: here
clusters:
- name: here
  cluster:
{cluster}
contexts:
- name: here
  context: {{cluster: here, user: me}}
users:
- name: me
  user:
{user}
"""


@unittest.skipIf(os.geteuid(), "needs root")
class Access(KubeTest):
    def config(self, cluster, user):
        """A kubeconfig; the path of it."""
        path = os.path.join(self.folder, "config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(cluster=textwrap.indent(textwrap.dedent(cluster), "    "),
                                     user=textwrap.indent(textwrap.dedent(user), "    ")))
        return path

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)

    def certificates(self):
        """A CA, and what it signed for the server (127.0.0.1 and ::1) and for the client."""
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test-ca")
        for name, more in (("server", ["-addext", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:kubernetes"]), ("client", [])):
            self.openssl("req", "-x509", *ec, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key",
                         "-out", f"{name}.pem", "-subj", f"/CN={name}", *more)
        return [os.path.join(self.folder, n) for n in ("server.pem", "server.key", "ca.pem")]

    def read64(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return base64.b64encode(file.read()).decode()

    def run_with(self, *args):
        process = self.start("--node", "node-1", *args)
        self.wait_phase("web-1", "ready")
        self.stop(process)

    def assert_refused(self, path, *said):
        """The run does not start, and says why."""
        done = subprocess.run([test_live.BINARY, "trace", "--kubeconfig", path, "--node", "n"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        for text in said:
            self.assertIn(text, done.stderr)

    def test_client_certificates_in_the_kubeconfig_and_beside_it(self):
        self.serve(make_pod("web-1", "10.99.0.5"), tls=self.certificates())
        self.run_with("--kubeconfig", self.config(
            f"{{server: {self.kube.url}, certificate-authority: ca.pem}}",
            "{client-certificate: client.pem, client-key: client.key}"))
        self.run_with("--kubeconfig", self.config(
            f"server: {self.kube.url}/\ncertificate-authority-data: {self.read64('ca.pem')}",
            f"client-certificate-data: {self.read64('client.pem')}\nclient-key-data: {self.read64('client.key')}"))

    def test_a_server_that_cannot_be_trusted(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"), tls=self.certificates()[:2])
        process = self.start("--node", "node-1", "--kubeconfig",
                             self.config(f"server: {kube.url}", "token: secret-token"))
        wait_for(lambda: "cannot be asked to list pods" in self.said(), 60, "the word of it")
        self.stop(process)
        self.assertNotIn("secret-token", self.said())
        self.assertFalse(kube.requests)
        self.run_with("--kubeconfig", self.config(f"server: {kube.url}\ninsecure-skip-tls-verify: true", "token: a"))
        self.assertIn("certificate is not checked", self.said())

    def test_a_token_that_is_replaced(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.tokens = {"first"}
        self.write("token", "first\n")
        process = self.start("--node", "node-1", "--kubeconfig", self.config(f"server: {kube.url}", "tokenFile: token"))
        self.wait_phase("web-1", "ready")
        self.write("token", "second")
        kube.tokens = {"second"}
        kube.cut()
        wait_for(lambda: len(kube.asked("watch")) >= 2, 60, "the next watch")
        kube.terminate("web-1")
        self.wait_phase("web-1", "terminating")
        kube.tokens = {"third"}     # replaced only after it was refused
        kube.cut()
        wait_for(lambda: "does not accept who we are (401" in self.said(), 60, "the word of it")
        self.write("token", "third")
        kube.remove("web-1")
        self.wait_phase("web-1", "deleted")
        self.stop(process)
        self.assertEqual(kube.requests[0][2], "Bearer first")
        self.assertEqual(kube.requests[-1][2], "Bearer third")
        for word in ("first", "second", "third"):
            self.assertNotIn(word, self.said())

    def plugin(self, script):
        path = self.write("get-token", f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)
        return """\
            exec:
              apiVersion: client.authentication.k8s.io/v1beta1
              command: ./get-token
              args: [eks, get-token]
              env: [{name: WHO, value: me}]
              installHint: get the plugin
            """

    def test_a_plugin_is_asked_again_when_its_token_is_refused(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.tokens = {"me-eks-1"}
        user = self.plugin("""\
            echo x >>calls; n=$(wc -l <calls)
            case $KUBERNETES_EXEC_INFO in *ExecCredential*) ;; *) exit 9 ;; esac
            echo "{\\"kind\\":\\"ExecCredential\\",\\"apiVersion\\":\\"client.authentication.k8s.io/v1beta1\\",\
\\"status\\":{\\"expirationTimestamp\\":\\"2099-01-01T00:00:00Z\\",\\"token\\":\\"$WHO-$1-$n\\"}}" """.replace(
                "calls", os.path.join(self.folder, "calls")))
        process = self.start("--node", "node-1", "--kubeconfig", self.config(f"server: {kube.url}", user))
        self.wait_phase("web-1", "ready")
        kube.tokens = {"me-eks-2"}
        kube.cut()
        wait_for(lambda: kube.requests[-1][2] == "Bearer me-eks-2", 60, "the next token")
        kube.terminate("web-1")
        self.wait_phase("web-1", "terminating")
        self.stop(process)
        with open(os.path.join(self.folder, "calls"), encoding="ascii") as file:
            self.assertEqual(len(file.read().split()), 2)   # the first was good for two requests
        self.assertNotIn("me-eks", self.said())

    def test_a_plugin_that_gives_a_certificate(self):
        self.serve(make_pod("web-1", "10.99.0.5"), tls=self.certificates())
        credential = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1", "status": {}}
        for key, name in (("clientCertificateData", "client.pem"), ("clientKeyData", "client.key")):
            with open(os.path.join(self.folder, name), encoding="ascii") as file:
                credential["status"][key] = file.read()
        given = self.write("credential", json.dumps(credential))
        self.run_with("--kubeconfig", self.config(f"{{server: {self.kube.url}, certificate-authority: ca.pem}}",
                                                  self.plugin(f"cat {given}")))
        self.assertNotIn("PRIVATE KEY", self.said())

    def test_plugins_that_fail(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        for script, said in (("echo secret-word; exit 3", "ended with status 3"), ("echo secret-word", "its answer is no JSON"),
                             ("kill -9 $$", "ended with signal 9"), ("yes secret-word", "it prints too much")):
            with self.subTest(script):
                process = self.start("--node", "node-1", "--kubeconfig",
                                     self.config(f"server: {kube.url}", self.plugin(script)))
                wait_for(lambda: said in self.said(), 60, said)
                self.assertNotIn("secret-word", self.said())
                self.stop(process)
        os.remove(os.path.join(self.folder, "get-token"))
        process = self.start("--node", "node-1", "--kubeconfig", os.path.join(self.folder, "config"))
        wait_for(lambda: "cannot be run: no such file or directory. get the plugin" in self.said(), 60, "the hint")
        self.stop(process)

    def test_a_run_ends_while_its_plugin_hangs(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        mark = os.path.join(self.folder, "child")
        process = self.start("--node", "node-1", "--kubeconfig", self.config(
            f"server: {kube.url}", self.plugin(f"sleep 1000 & echo $! >{mark}; wait")))
        wait_for(lambda: os.path.exists(mark) and os.path.getsize(mark), 60, "the plugin")
        with open(mark, encoding="ascii") as file:
            child = int(file.read())

        def over():
            try:
                with open(f"/proc/{child}/stat", encoding="ascii") as stat:
                    return stat.read().split()[2] == "Z"
            except FileNotFoundError:
                return True
        self.addCleanup(lambda: over() or os.kill(child, signal.SIGKILL))
        self.assertFalse(over(), "the child ended by itself: this shows nothing")
        self.stop(process)
        wait_for(over, 60, "the end of the plugin's child")

    def test_kubeconfigs_that_are_wrong(self):
        self.assert_refused(self.write("config", "clusters:\n- name: [\n"), f"{self.folder}/config:3: not YAML")
        self.assert_refused(self.write("config", "kind: Config\n"), "no current-context")
        self.assert_refused(os.path.join(self.folder, "none"), "No such file or directory")
        self.assert_refused(self.config("server: 10.0.0.1:6443", "token: a"), "begins with neither https:// nor http://")
        self.assert_refused(self.config("server: https://k.example.com", "client-certificate-data: '%'"),
                            "the client certificate of 'me' is no base64")
        self.assert_refused(self.config("server: https://k.example.com\ncertificate-authority: no.pem", "token: a"),
                            f"from {self.folder}/no.pem")
        self.assert_refused(self.config("server: https://k.example.com", "token: two words"), "more than one word")

    def test_kubeconfig_in_the_environment_and_another_context(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        self.config(f"server: {kube.url}", "token: a")
        other = self.write("other", "contexts: [{name: there, context: {cluster: here, user: me}}]\n"
                                    "current-context: nowhere\n")
        with mock.patch.dict(os.environ, {"KUBECONFIG": f"{self.folder}/none:{other}:{self.folder}/config"}):
            self.run_with("--context", "there")

    def test_in_a_pod_by_its_service_account(self):
        """Over IPv6, by the files that every pod has."""
        kube = self.serve(make_pod("web-1", "10.99.0.5"), tls=self.certificates()[:2], host="::1")
        kube.tokens = {"projected"}
        self.write("token", "projected")
        script = ("mount -t tmpfs none /var/run && mkdir -p /var/run/secrets/kubernetes.io/serviceaccount && "
                  "cd /var/run/secrets/kubernetes.io/serviceaccount && cp $0/ca.pem ca.crt && cp $0/token token && exec \"$@\"")
        environment = dict(os.environ, KUBERNETES_SERVICE_HOST="::1", KUBERNETES_SERVICE_PORT=str(kube.port),
                           NODE_NAME="node-1")
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            process = subprocess.Popen([*netns.enter(self.netns), "unshare", "-m", "sh", "-c", script,
                                        self.folder, test_live.BINARY, "trace", "-o", "json", "--kube"],
                                       stdout=out, stderr=errors, env=environment)
        self.addCleanup(self.end, process)
        self.wait_phase("web-1", "ready")
        self.stop(process)
        self.assertEqual(self.lines()[0]["k8s.node.name"], "node-1")


if __name__ == "__main__":
    unittest.main()
