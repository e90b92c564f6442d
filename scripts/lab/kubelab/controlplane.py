# SPDX-License-Identifier: Apache-2.0
"""etcd, the API server, the controller manager and the scheduler, in the node's namespace.

TLS with certificates of the run's own authority, the Node and RBAC authorizers, tokens for service
accounts. The audit log tells when the API server was asked to delete which pod.
"""

import contextlib
import json
import os
import signal

from drainlab.proc import LabError, Tool, in_cgroup, in_netns, run, wait_for

from .api import Api
from .manifests import rights
from .pki import Keys

PORT = 6443
ETCD = "http://127.0.0.1:2379"      # no address of the network's family: it is the same namespace
SERVICES = {False: "10.96.0.0/16", True: "fd96::/108"}
FIRST_SERVICE = {False: "10.96.0.1", True: "fd96::1"}

AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
    {"level": "Metadata", "verbs": ["delete", "deletecollection"],
     "resources": [{"group": "", "resources": ["pods"]}]},
    {"level": "Metadata", "verbs": ["create"], "resources": [{"group": "", "resources": ["pods/eviction"]}]},
    {"level": "None"}]}


class ControlPlane:
    def __init__(self, lab, assets):
        self.lab, self.assets = lab, assets
        self.netns, plan = lab.network.node, lab.network.plan
        self.folder = os.path.join(lab.folder, "kube")
        self.logs = os.path.join(self.folder, "log")
        os.makedirs(self.logs)
        self.audit_log = os.path.join(self.logs, "audit.jsonl")
        self.tools, self.programs = {}, {}     # by name: what runs, and how it is run
        self.ipv6 = plan.ipv6
        self.host = "::1" if plan.ipv6 else "127.0.0.1"
        self.server = f"https://[{self.host}]:{PORT}" if plan.ipv6 else f"https://{self.host}:{PORT}"
        self._keys(plan)
        self._start(plan)

    def _keys(self, plan):
        keys = self.keys = Keys(os.path.join(self.folder, "pki"))
        keys.issue("apiserver", "kube-apiserver", addresses=(self.host, plan.node, FIRST_SERVICE[self.ipv6]),
                   names=("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"))
        keys.issue("admin", "admin", ["system:masters"])
        keys.issue("kubelet-client", "apiserver", ["system:masters"])
        keys.issue("controller-manager", "system:kube-controller-manager")
        keys.issue("scheduler", "system:kube-scheduler")
        keys.issue("proxy", "system:kube-proxy")
        self.admin = keys.kubeconfig("admin", self.server)

    def api(self, user):
        """A client for an issued user."""
        return Api(self.netns, self.host, PORT, self.keys.authority, *self.keys.pair(user))

    def user(self, name, rules):
        """A user of the API with these rights (manifests.rights())."""
        self.keys.issue(name, name)
        for path, thing in rights(name, rules):
            self.api("admin").create(path, thing)

    def define(self, path, kind):
        """Has the API server serve a kind of which a file has the CustomResourceDefinition."""
        self.kubectl("apply", "-f", path)
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "customresourcedefinition/" + kind)

    def run(self, name, argv, enter=None):
        """Starts a program of the cluster in the node's namespace, with a log of its own."""
        with open(os.path.join(self.logs, name + ".log"), "ab") as log:
            tool = Tool(self.lab.cgroup.tools, enter(argv) if enter else in_netns(self.netns, argv),
                        stdout=log, stderr=log)
        self.tools[name], self.programs[name] = tool, (argv, enter)
        return tool

    @contextlib.contextmanager
    def stopped(self, name):
        """SIGSTOP to a program, and SIGCONT when what is inside is done."""
        self.tools[name].signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.tools[name].signal(signal.SIGCONT)

    @contextlib.contextmanager
    def away(self, name):
        """Kills a program, and starts it again when what is inside is done."""
        argv = self.programs[name]
        self.tools[name].end(0)
        yield
        self.run(name, *argv)

    def wait_until(self, condition, timeout, what, *names):
        """Waits for a condition that these programs bring about; says what they say if one of them ends."""
        def check():
            for name in names:
                if not self.tools[name].running():
                    raise LabError(f"{name} ended by itself: {self.last_words(name)}")
            return condition()
        try:
            return wait_for(check, timeout, what, 0.1)
        except LabError as error:
            raise LabError(f"{error}\n" + "\n".join(f"{n}: {self.last_words(n)}" for n in names)) from None

    def last_words(self, name):
        with open(os.path.join(self.logs, name + ".log"), encoding="utf-8", errors="replace") as log:
            return " | ".join(log.read().strip().splitlines()[-3:])[:1200]

    def _start(self, plan):
        self.run("etcd", [
            self._program("etcd"), "--data-dir", os.path.join(self.folder, "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD,
            "--listen-peer-urls", "http://127.0.0.1:2380"])
        self.run("apiserver", self._apiserver(plan))
        api = self.api("admin")
        self.wait_until(api.ready, 60, "the API server", "etcd", "apiserver")
        self.run("controller-manager", [
            self._program("kube-controller-manager"),
            "--kubeconfig", self.keys.kubeconfig("controller-manager", self.server),
            "--service-account-private-key-file", self.keys.path("sa.key"), "--root-ca-file", self.keys.authority,
            "--use-service-account-credentials", "--leader-elect=false",
            "--controllers", "*,-node-ipam-controller,-cloud-node-lifecycle-controller"])
        self.run("scheduler", [self._program("kube-scheduler"), "--leader-elect=false",
                               "--kubeconfig", self.keys.kubeconfig("scheduler", self.server)])

    def _apiserver(self, plan):
        policy = os.path.join(self.folder, "audit-policy.json")
        with open(policy, "w", encoding="ascii") as file:
            json.dump(AUDIT, file)
        certificate, key = self.keys.pair("apiserver")
        client, client_key = self.keys.pair("kubelet-client")
        return [
            self._program("kube-apiserver"), "--etcd-servers", ETCD,
            "--secure-port", str(PORT), "--bind-address", "::" if self.ipv6 else "0.0.0.0",
            "--advertise-address", plan.node, "--service-cluster-ip-range", SERVICES[self.ipv6],
            "--tls-cert-file", certificate, "--tls-private-key-file", key,
            "--client-ca-file", self.keys.authority, "--authorization-mode", "Node,RBAC",
            "--service-account-key-file", self.keys.path("sa.pub"),
            "--service-account-signing-key-file", self.keys.path("sa.key"),
            "--service-account-issuer", "https://drainlab.invalid",
            "--kubelet-preferred-address-types", "InternalIP",
            "--kubelet-client-certificate", client, "--kubelet-client-key", client_key,
            "--allow-privileged", "--profiling=false",
            "--audit-policy-file", policy, "--audit-log-path", self.audit_log, "--audit-log-mode", "blocking"]

    def _program(self, name):
        return os.path.join(self.assets, name)

    def kubectl(self, *arguments, timeout=60, stdin=None):
        """What a person types, as the cluster's administrator; returns what it printed."""
        command = [self._program("kubectl"), "--kubeconfig", self.admin,
                   "--cache-dir", os.path.join(self.folder, "kubectl"), *arguments]
        return run(in_cgroup(self.lab.cgroup.tools, in_netns(self.netns, command)), stdin=stdin, timeout=timeout,
                   quiet=True)

    def end(self):
        """At once: nothing of it is kept, and what runs in pods is ended by its cgroup."""
        for tool in reversed(self.tools.values()):
            tool.end(0)
