# SPDX-License-Identifier: Apache-2.0
"""kubectl drainsnoop and kubectl debug with the real kubectl at a real API server (scripts/kube-assets): what they list
is what the plugin expects, and the pods that docs/kubectl.md has made are allowed what drainsnoop needs. There is no
kubelet here: logs are played."""

import json
import os
import re
import shutil
import stat
import tempfile
import unittest

import netns
import real_api
import test_plugin
from test_cli import ROOT

with open(os.path.join(ROOT, "docs/kubectl.md"), encoding="utf-8") as page:
    DEBUG = [line for line in page.read().splitlines() if line.startswith("kubectl debug ")]


@unittest.skipIf(os.geteuid(), "needs root")
@real_api.needs("cluster")
class RealKubectl(test_plugin.Plugin):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.netns = netns.make("plugin", cls.addClassCleanup)
        cls.api = real_api.Api(cls.shared, cls.netns, "--allow-privileged")
        cls.addClassCleanup(cls.api.close)
        cls.config = cls.api.kubeconfig("kubeconfig", {"token": real_api.ADMIN}, namespace="shop")
        for namespace in ("shop", "drainsnoop"):
            cls.kubectl("create", "namespace", namespace)
            cls.kubectl("-n", namespace, "create", "serviceaccount", "default")
        for node in range(2):
            cls.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{node}"}})
            cls.put_pod("drainsnoop", f"agent-{node}", node, {
                "app.kubernetes.io/name": "drainsnoop", "app.kubernetes.io/component": "agent"}, phase="Running")
        owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d9c7b9b5c", "controller": True,
                  "uid": "94a195fd-ac8e-43c1-8099-6b9c80c3987b"}]
        cls.put_pod("shop", "web-5d9c7b9b5c-aaaa0", 0, {"app": "web", "pod-template-hash": "5d9c7b9b5c"}, owner)
        cls.put_pod("shop", "bare", 1, {"app": "bare"})

    @classmethod
    def kubectl(cls, *args, text=None):
        done = cls.api.kubectl(*args, text=text, config=cls.config)
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr}")
        return done.stdout

    @classmethod
    def create(cls, thing):
        cls.kubectl("create", "-f", "-", text=json.dumps(thing))

    @classmethod
    def put_pod(cls, namespace, name, node, labels, owner=(), phase=None):
        cls.create({"apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": list(owner)},
                    "spec": {"nodeName": f"node-{node}", "automountServiceAccountToken": False,
                             "containers": [{"name": "agent", "image": "none"}]}})
        if phase:
            cls.kubectl("-n", namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p",
                        json.dumps({"status": {"phase": phase}}))

    def setUp(self):
        super().setUp()
        # Logs are played; everything else is asked for real.
        wrapper = os.path.join(self.folder, "kubectl")
        with open(wrapper, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nfor word; do [ "$word" != logs ] || exec {test_plugin.FAKE} "$@"; done\n'
                       f'exec {" ".join(netns.enter(self.netns))} {self.api.bin}/kubectl --kubeconfig {self.config} '
                       f'--cache-dir {self.shared}/kubectl "$@"\n')
        os.chmod(wrapper, os.stat(wrapper).st_mode | stat.S_IXUSR)
        self.environment["KUBECTL"] = wrapper

    def told(self, *args):
        done = self.run_plugin("-o", "json", "-d", "0", "--since", "1h", *args)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [json.loads(line)["message"] for line in done.stdout.splitlines()]

    def test_the_plugin_understands_what_kubectl_lists(self):
        web = [self.say(0, "web-5d9c7b9b5c-aaaa0", k8s__deployment__name="web"),
               self.say(1, "web-77777-gone0", k8s__deployment__name="web")]
        bare = self.say(1, "bare")
        other = self.say(1, "any", namespace="other")
        self.assertEqual(self.told("-l", "app=web"), web)
        self.assertEqual(self.told("bare"), [bare])
        self.assertEqual(self.told(), [*web, bare])         # the namespace of the context
        self.assertEqual(self.told("-A"), [*web, bare, other])

    def test_only_the_node_of_a_pod_is_asked(self):
        self.start("bare")
        self.wait_streams(1)
        self.stop()
        self.assertEqual({call[-1] for call in self.calls()}, {"agent-1"})

    def debug(self, line):
        """The pod that a line of the page makes, and its one container."""
        args = line.replace("NODE", "node-0").replace(" -it ", " ").removeprefix("kubectl ")
        args = re.sub(r" -n drainsnoop-debug ", " -n shop ", args)
        args = re.sub(r"\$\(.*\)", "", args).split()
        before = set(self.kubectl("-n", "shop", "get", "pods", "-o", "name").split())
        self.kubectl(*args)
        name, = set(self.kubectl("-n", "shop", "get", "pods", "-o", "name").split()) - before
        pod = json.loads(self.kubectl("-n", "shop", "get", name, "-o", "json"))
        self.assertEqual(pod["spec"]["nodeName"], "node-0")
        self.assertTrue(pod["spec"]["hostNetwork"])         # routes are told in the node's namespace only
        container, = pod["spec"]["containers"]
        self.assertEqual(container["command"][0], "/usr/bin/drainsnoop")
        return pod, container

    def test_the_lines_of_the_page_make_pods_that_can_trace(self):
        self.assertEqual(len(DEBUG), 3)
        for line in DEBUG:
            with self.subTest(line=line):
                pod, container = self.debug(line)
                security = container["securityContext"]
                if "--profile=sysadmin" in line:
                    self.assertTrue(security["privileged"])
                    self.assertTrue(pod["spec"]["hostPID"])
                else:
                    self.assertNotIn("privileged", security)
                    self.assertEqual(security["capabilities"], {"drop": ["ALL"], "add": ["BPF", "PERFMON"]})
                    self.assertEqual(security["runAsUser"], 0)

    def test_the_pods_of_the_page_are_named_so_that_drainsnoop_takes_them(self):
        self.kubectl("-n", "shop", "patch", "pod", "bare", "--subresource=status", "--type=merge", "-p",
                     json.dumps({"status": {"podIP": "10.0.3.9", "podIPs": [{"ip": "10.0.3.9"}]}}))
        inner, = re.findall(r"\$\(kubectl (.*)\)", DEBUG[0])
        path, = re.findall(r"jsonpath='([^']*)'", inner)
        args = inner.replace("NODE", "node-1").partition(" -o ")[0].split() + ["-o", f"jsonpath={path}"]
        self.assertEqual(self.kubectl(*args).split(), ["--pod-ip", "10.0.3.9=shop/bare"])



if __name__ == "__main__":
    unittest.main()
