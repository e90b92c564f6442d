# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes API server (scripts/kube-assets) and its faults: drainsnoop with the rights of its own
ServiceAccount and nothing more. There is no kubelet: the test does what it would do to its pods.

Everything happens in a network namespace of the test's own."""

import base64
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import test_live
from test_live import wait_for
from test_live_kube import KubeTest, inside, parse_time

PORT = 6443
ROLE = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


def assets():
    """The folder of the programs, or why there is none."""
    done = subprocess.run([os.path.join(test_live.ROOT, "scripts/kube-assets"), "--check"], capture_output=True,
                          text=True, check=False)
    return (done.stdout.strip(), None) if not done.returncode else (None, done.stderr.strip())


class Api:
    """etcd and an API server in a namespace, with an administrator's token."""

    def __init__(self, folder, netns, *options):
        self.folder, self.netns, self.options = folder, netns, options
        self.bin, _ = assets()
        self.programs = {}
        for command in (["genrsa", "-out", "sa.key", "2048"], ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"]):
            subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
        with open(os.path.join(folder, "tokens.csv"), "w", encoding="ascii") as file:
            file.write('admin-token,admin,admin,"system:masters"\n')
        self.run("etcd", "--data-dir", "etcd", "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls",
                 "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync")
        self.start()

    def run(self, name, *args):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            self.programs[name] = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.netns}", os.path.join(self.bin, name), *args],
                cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def start(self):
        self.run("kube-apiserver", "--etcd-servers", "http://127.0.0.1:2379", "--secure-port", str(PORT),
                 "--bind-address", "127.0.0.1", "--advertise-address", "192.0.2.1", "--cert-dir", "pki",
                 "--token-auth-file", "tokens.csv", "--authorization-mode", "RBAC", "--service-account-key-file", "sa.pub",
                 "--service-account-signing-key-file", "sa.key", "--service-account-issuer",
                 "https://kubernetes.invalid", "--service-cluster-ip-range", "10.96.0.0/16", "--profiling=false",
                 "--endpoint-reconciler-type=none", "--disable-admission-plugins=ServiceAccount", *self.options)

        def ready():
            if self.programs["kube-apiserver"].poll() is not None:
                raise AssertionError("the API server ended; see its log")
            try:
                return self.ask("GET", "/readyz") == b"ok"
            except OSError:
                return False
        wait_for(ready, 120, "the API server")

    def stop(self, name="kube-apiserver", number=signal.SIGKILL):
        process = self.programs[name]
        process.send_signal(number)
        process.wait(60)

    def close(self):
        for process in self.programs.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def ask(self, method, path, body=None, kind="application/json", base=f"https://127.0.0.1:{PORT}"):
        """What it answers, JSON read."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(base + path, method=method, data=json.dumps(body).encode() if body else None, headers={
            "Authorization": "Bearer admin-token", "Content-Type": kind})
        with inside(self.netns):    # the connection is made by this thread
            with urllib.request.urlopen(request, timeout=20, context=context if base[4] == "s" else None) as reply:
                text = reply.read()
        return json.loads(text) if text[:1] == b"{" else text

    # ---- what happens in the cluster ----

    def account(self, name="drainsnoop"):
        """Its own ServiceAccount, with its rights; a token of it."""
        rights = "/apis/rbac.authorization.k8s.io/v1"
        for path, body in (
                ("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}}),
                (rights + "/clusterroles", {"metadata": {"name": name}, "rules": ROLE}),
                (rights + "/clusterrolebindings", {
                    "metadata": {"name": name}, "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}})):
            self.ask("POST", path, body)
        return self.token(name)

    def token(self, name="drainsnoop"):
        return self.ask("POST", f"/api/v1/namespaces/default/serviceaccounts/{name}/token",
                        {"spec": {"expirationSeconds": 600}})["status"]["token"]

    def token_for(self, seconds, name="drainsnoop"):
        """One that ends sooner than the API server would have it (10 minutes): signed with its own key."""
        uid = self.ask("GET", f"/api/v1/namespaces/default/serviceaccounts/{name}")["metadata"]["uid"]
        now = int(time.time())
        issuer = "https://kubernetes.invalid"

        def encode(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        signed = encode(b'{"alg":"RS256","typ":"JWT"}') + b"." + encode(json.dumps({
            "iss": issuer, "aud": [issuer], "sub": f"system:serviceaccount:default:{name}", "iat": now, "nbf": now - 60,
            "exp": now + seconds, "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": name, "uid": uid}}}).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", "sa.key"], input=signed, cwd=self.folder, check=True,
                                   capture_output=True).stdout
        return (signed + b"." + encode(signature)).decode()

    def bind(self, bound):
        """Grants its rights, or takes them away."""
        path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/drainsnoop"
        binding = self.ask("GET", path)
        binding["subjects"][0]["name"] = "drainsnoop" if bound else "nobody"
        self.ask("PUT", path, binding)

    def create(self, name, address, node="node-1"):
        pod = self.ask("POST", "/api/v1/namespaces/default/pods", {
            "metadata": {"name": name}, "spec": {"nodeName": node, "terminationGracePeriodSeconds": 40, "containers": [{
                "name": "web", "image": "web:1", "ports": [{"containerPort": 8080}],
                "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 5"]}}}}]}})
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.ask("PATCH", f"/api/v1/namespaces/default/pods/{name}/status", {"status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            "containerStatuses": [{"name": "web", "ready": True, "restartCount": 0, "image": "web:1", "imageID": "x",
                                   "state": {"running": {"startedAt": now}}}]}},
                 "application/strategic-merge-patch+json")
        return pod

    def delete(self, name, **options):
        return self.ask("DELETE", f"/api/v1/namespaces/default/pods/{name}", options or None)

    def compact(self):
        """What etcd holds of the past is gone."""
        etcd = "http://127.0.0.1:2379"
        now = self.ask("POST", "/v3/kv/range", {"key": "AA=="}, base=etcd)["header"]["revision"]
        self.ask("POST", "/v3/kv/compaction", {"revision": now, "physical": True}, base=etcd)


@unittest.skipIf(os.geteuid(), "needs root")
class RealApi(KubeTest):
    options = ()

    def setUp(self):
        folder, why = assets()
        if not folder:
            self.skipTest(why)
        super().setUp()
        self.state = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.state)
        self.api = Api(self.state, self.netns, *self.options)
        self.addCleanup(self.api.close)

    def write_token(self, token):
        """As the kubelet does: whoever reads has the old one or the new one."""
        path = os.path.join(self.state, "token")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(token)
        os.rename(path + ".new", path)

    def watch_as_service_account(self, seconds=None):
        """A run with a token of its ServiceAccount, for so long; its kubeconfig names the file of it."""
        token = self.api.account()
        self.write_token(self.api.token_for(seconds) if seconds else token)
        config = os.path.join(self.state, "config")
        with open(config, "w", encoding="ascii") as file:
            json.dump({"current-context": "c", "clusters": [{"name": "k", "cluster": {
                "server": f"https://127.0.0.1:{PORT}", "certificate-authority": "pki/apiserver.crt"}}],
                "users": [{"name": "u", "user": {"tokenFile": "token"}}],
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}]}, file)
        return self.start("--kubeconfig", config, "--node", "node-1")

    def health(self):
        return [e for e in self.lines() if e["event.name"] == "drainsnoop.health"]

    def test_a_pods_life(self):
        self.api.create("web-1", "10.99.0.5")
        self.api.create("far-1", "10.99.0.6", node="node-2")
        process = self.watch_as_service_account()
        self.wait_phase("web-1", "ready")
        deleted = self.api.delete("web-1")
        self.wait_phase("web-1", "terminating")
        self.api.delete("web-1", gracePeriodSeconds=0)
        self.wait_phase("web-1", "deleted")
        self.api.create("web-2", "10.99.0.7")
        self.wait_phase("web-2", "ready")
        self.api.delete("web-2", gracePeriodSeconds=0)      # by force: the object is gone at once
        self.wait_phase("web-2", "deleted")
        self.stop(process)
        told = next(e for e in self.pods("web-1") if e["drainsnoop.pod.phase"] == "terminating")
        self.assertEqual(parse_time(told["drainsnoop.pod.t0"]), parse_time(deleted["metadata"]["deletionTimestamp"]) - 40)
        self.assertEqual(told["drainsnoop.pod.prestop"], "sleep:5")
        self.assertEqual(told["drainsnoop.pod.grace_period_s"], 40)
        self.assertIn("drainsnoop.pod.t0", self.pods("web-2")[-1])
        self.assertFalse(self.pods("far-1"))
        self.assertEqual(self.losses(), 0)
        self.assertNotIn("API server", self.said())

    def test_a_restart_in_mid_watch_and_a_server_that_stands_still(self):
        """After a restart the server has forgotten the past: what was watched is too old for it (410)."""
        self.api.create("web-1", "10.99.0.5")
        self.api.create("web-2", "10.99.0.6")
        process = self.watch_as_service_account()
        self.wait_phase("web-2", "ready")
        self.api.stop()
        wait_for(lambda: self.health() and self.health()[0]["drainsnoop.watch.lag_ms"] >= 5000, 60, "health")
        self.api.start()
        deleted = self.api.delete("web-1")
        self.wait_phase("web-1", "terminating", 90)
        wait_for(lambda: "the API server answers again" in self.said(), 90, "the word of it")
        self.api.programs["kube-apiserver"].send_signal(signal.SIGSTOP)
        time.sleep(30)      # it stands still for so long: nothing can be waited for
        self.api.programs["kube-apiserver"].send_signal(signal.SIGCONT)
        self.api.delete("web-1", gracePeriodSeconds=0)
        self.wait_phase("web-1", "deleted", 90)
        self.stop(process)
        told = next(e for e in self.pods("web-1") if e["drainsnoop.pod.phase"] == "terminating")
        self.assertEqual(parse_time(told["drainsnoop.pod.t0"]), parse_time(deleted["metadata"]["deletionTimestamp"]) - 40)
        self.assertEqual(self.phases("web-2"), ["ready"])
        self.assertEqual(self.losses(), 0)

    def test_a_token_that_expires(self):
        """The kubelet puts a new one into the file before: nobody notices. Where it does not, that is said."""
        self.api.create("web-1", "10.99.0.5")
        process = self.watch_as_service_account(20)
        self.wait_phase("web-1", "ready")
        expires = time.time() + 20
        self.write_token(self.api.token_for(30))
        wait_for(lambda: time.time() > expires + 12, 60, "its end, and that of what the server remembers of it")
        self.api.stop()
        self.api.start()        # whoever watches has to say anew who they are
        self.api.create("web-2", "10.99.0.6")
        self.wait_phase("web-2", "ready", 90)
        self.assertNotIn("401", self.said())
        expires = time.time() + 30
        wait_for(lambda: time.time() > expires + 12, 60, "the end of the second")
        self.api.stop()
        self.api.start()
        wait_for(lambda: "does not accept who we are (401" in self.said(), 90, "401")
        self.api.delete("web-1")
        token = self.api.token()
        self.write_token(token)
        self.wait_phase("web-1", "terminating", 120)
        self.stop(process)
        self.assertEqual(self.said().count("(401"), 1, self.said())
        self.assertNotIn(token, self.said())
        self.assertEqual(self.losses(), 0)

    def test_rights_that_are_taken_away_and_tokens_that_are_no_more(self):
        self.api.create("web-1", "10.99.0.5")
        process = self.watch_as_service_account()
        self.wait_phase("web-1", "ready")
        # The account is another by now: tokens of the first are worth nothing.
        self.api.ask("DELETE", "/api/v1/namespaces/default/serviceaccounts/drainsnoop")
        self.api.ask("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "drainsnoop"}})
        self.api.stop()
        self.api.start()
        wait_for(lambda: "does not accept who we are (401" in self.said(), 90, "401")
        self.api.bind(False)
        token = self.api.token()
        self.write_token(token)
        wait_for(lambda: "is missing: pods is forbidden: User \"system:serviceaccount:default:drainsnoop\"" in self.said(),
                 90, "403")
        self.assertEqual(self.said().count("forbidden"), 1)
        self.assertNotIn(token, self.said())
        self.api.bind(True)
        self.api.delete("web-1")
        self.wait_phase("web-1", "terminating", 120)
        self.stop(process)


class WithoutCache(RealApi):
    """Watches go to etcd itself: what it has compacted is gone."""
    options = ("--watch-cache=false",)
    test_a_pods_life = test_a_restart_in_mid_watch_and_a_server_that_stands_still = None
    test_rights_that_are_taken_away_and_tokens_that_are_no_more = test_a_token_that_expires = None

    def test_what_etcd_has_compacted_is_listed_anew(self):
        for i in (1, 2, 3):
            self.api.create(f"web-{i}", f"10.99.0.{i}")
        process = self.watch_as_service_account()
        self.wait_phase("web-3", "ready")
        self.api.delete("web-1")
        self.wait_phase("web-1", "terminating")
        self.api.stop()
        # With drainsnoop away from it, a server of its own changes the past and forgets it.
        self.api.start()
        self.api.delete("web-1", gracePeriodSeconds=0)
        self.api.create("web-4", "10.99.0.4")
        self.api.compact()
        self.wait_phase("web-4", "ready", 90)
        self.wait_phase("web-1", "deleted", 90)
        self.stop(process)
        self.assertEqual(self.phases("web-2"), ["ready"])
        self.assertEqual(self.losses(), 0)


if __name__ == "__main__":
    unittest.main()
