# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes API server (scripts/kube-assets) for tests: etcd and kube-apiserver in a network namespace, without
kubelet or controllers."""

import base64
import json
import os
import signal
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import netns
from test_live import ROOT, wait_for

PORT = 6443
URL = f"https://127.0.0.1:{PORT}"
ADMIN = "admin-token"
ROLE = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


def assets(which):
    """The folder of that set of scripts/kube-assets, or why there is none: (folder, None) or (None, reason)."""
    done = subprocess.run([os.path.join(ROOT, "scripts/kube-assets"), "--check", which], capture_output=True, text=True,
                          check=False)
    said = (done.stdout + done.stderr).strip()
    return (said.splitlines()[-1], None) if not done.returncode else (None, said)


def needs(which):
    """Skips a test, or a class of them, where that set is not there."""
    return unittest.skipUnless(*assets(which))


LEEWAY_S = 60


class Api:
    """etcd and an API server in a namespace, with an administrator's token."""

    def __init__(self, folder, namespace, *options):
        self.folder, self.netns, self.options = folder, namespace, options
        self.bin, _ = assets("cluster")
        self.programs = {}
        for command in (["genrsa", "-out", "sa.key", "2048"], ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"]):
            subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
        with open(os.path.join(folder, "tokens.csv"), "w", encoding="ascii") as file:
            file.write(f'{ADMIN},admin,admin,"system:masters"\n')
        try:
            self.run("etcd", "--data-dir", "etcd", "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls",
                     "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync")
            self.start()
        except BaseException:
            self.close()    # nobody has got it yet who could
            raise

    def run(self, name, *args):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            self.programs[name] = subprocess.Popen(
                [*netns.enter(self.netns), os.path.join(self.bin, name), *args],
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
                raise AssertionError("the API server ended: " + self.log("kube-apiserver"))
            try:
                return self.ask("GET", "/readyz") == b"ok"
            except OSError:
                return False
        wait_for(ready, 120, "the API server")

    def log(self, name):
        """The end of what a program said."""
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

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

    def ask(self, method, path, body=None, kind="application/json", base=URL):
        """What it answers, JSON read."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(base + path, method=method, data=json.dumps(body).encode() if body else None, headers={
            "Authorization": f"Bearer {ADMIN}", "Content-Type": kind})
        with netns.inside(self.netns):    # the connection is made by this thread
            with urllib.request.urlopen(request, timeout=20, context=context if base[4] == "s" else None) as reply:
                text = reply.read()
        return json.loads(text) if text[:1] == b"{" else text

    def kubectl(self, *args, text=None, token=ADMIN, config=None):
        """The real one, as who has that token or that kubeconfig: its status and what it said."""
        who = ["--kubeconfig", config] if config else [
            "--kubeconfig", os.devnull, "--server", URL, "--token", token, "--insecure-skip-tls-verify"]
        return subprocess.run(
            [*netns.enter(self.netns), os.path.join(self.bin, "kubectl"), *who, "--cache-dir",
             os.path.join(self.folder, "kubectl"), *args], input=text, capture_output=True, text=True, check=False,
            timeout=120, cwd=ROOT)

    def kubeconfig(self, name, user, **context):
        """A file of that name, for a user as kubeconfigs have them; its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [{"name": "k", "cluster": {
                "server": URL, "certificate-authority": "pki/apiserver.crt"}}], "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", **context}}]}, file)
        return path

    # ---- what happens in the cluster ----

    def serve_bindings(self, group="elbv2.k8s.aws"):
        """The kind TargetGroupBinding: as far as its name goes, with whatever is in it."""
        names = {"plural": "targetgroupbindings", "kind": "TargetGroupBinding"}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        self.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "targetgroupbindings." + group}, "spec": {
                "group": group, "scope": "Namespaced", "names": names, "versions": [
                    {"name": "v1beta1", "served": True, "storage": True, "schema": schema}]}})

        def served():
            try:
                return self.ask("GET", f"/apis/{group}/v1beta1/targetgroupbindings")
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in (404, 429):    # 429: a kind that is not served yet
                        raise
            return None
        wait_for(served, 60, "the kind TargetGroupBinding")

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

    def token(self, name="drainsnoop", namespace="default"):
        return self.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
                        {"spec": {"expirationSeconds": 600}})["status"]["token"]

    def token_for(self, seconds, name="drainsnoop"):
        """One that ends sooner than the API server would have it (10 minutes): signed with its own key.

        It is refused after `seconds`: its `exp` lies a minute earlier, as the server goes on accepting for so long
        (go-jose's DefaultLeeway, which Kubernetes' pkg/serviceaccount/claims.go validates with)."""
        uid = self.ask("GET", f"/api/v1/namespaces/default/serviceaccounts/{name}")["metadata"]["uid"]
        now = int(time.time())
        issuer = "https://kubernetes.invalid"

        def encode(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        signed = encode(b'{"alg":"RS256","typ":"JWT"}') + b"." + encode(json.dumps({
            "iss": issuer, "aud": [issuer], "sub": f"system:serviceaccount:default:{name}", "iat": now - 60, "nbf": now - 60,
            "exp": now + seconds - LEEWAY_S, "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": name, "uid": uid}}}).encode())
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
