# SPDX-License-Identifier: Apache-2.0
"""For tests of `drainsnoop targets`: runs of it beside a stand-in of the API server (fake_cluster.py), in which a
small shop lives, and one of AWS, whose target group the shop's pods are in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import netns
import test_live
from elb_run import CLEAN
from fake_cluster import FakeCluster, Shop
from test_live import ROOT, wait_for

sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws            # noqa: E402

NAMESPACE = "drainsnoop"


class Instance:
    """One run of `drainsnoop targets`."""

    def __init__(self, test, name, *args, api=True, **environment):
        """`api`: the test's API server is asked without credentials; else args say how."""
        self.output = os.path.join(test.folder, f"{name}.jsonl")
        self.errors = os.path.join(test.folder, f"{name}.err")
        environment = {**os.environ, **CLEAN, "AWS_ENDPOINT_URL": test.url, **test.key.environment(),
                       "POD_NAMESPACE": NAMESPACE, "POD_NAME": name, **environment}
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [*(netns.enter(test.netns) if test.netns else ()), test_live.BINARY, "targets", *(("--kube-api", test.kube.url) if api else ()),
                 "--metrics-listen", "off", "-v", *args], stdout=out, stderr=errors, env=environment)
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def said(self):
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self, name=None, **keys):
        with open(self.output, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in lines if name in (None, line["event.name"]) and all(
            line.get(key.replace("__", ".")) == value for key, value in keys.items())]

    def stop(self, test, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        test.assertEqual(self.process.wait(60), 0, self.said())
        kept = self.said() + json.dumps(self.lines())
        for key in test.aws.keys.known.values():
            for secret in (key.secret, key.token):
                test.assertNotIn(secret or "no secret", kept)
        test.assertEqual(self.lines()[-1]["event.name"], "drainsnoop.stop")


class Base(unittest.TestCase):
    netns = None    # the namespace in which all of it is, None = this one

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.anew()

    def anew(self):
        self.aws = FakeAws()
        self.addCleanup(self.aws.close)
        self.url = self.aws.listen(netns=self.netns and f"/run/netns/{self.netns}")
        self.key = self.aws.keys.issue(lifetime=3600)
        self.group = self.aws.elb.add_group("web", delay=3, port=8080)
        self.balancer = self.aws.elb.add_load_balancer("shop", ["10.99.200.1", "10.99.200.2"], [self.group])
        self.kube = self.make_kube()
        self.addCleanup(self.kube.close)
        self.shop = Shop(self.kube, self.group)

    def make_kube(self):
        return FakeCluster()

    def run_targets(self, *args, name="targets-1", **environment):
        return Instance(self, name, *args, **environment)

    def lead(self, *args, **environment):
        """A run that leads and knows the cluster."""
        run = self.run_targets(*args, **environment)
        self.wait_watches(run)
        return run

    def wait_watches(self, run):
        def watched():
            return {"endpointslices", "targetgroupbindings", "replicasets"} <= {c[2] for c in self.kube.calls if c[1] == "list"}
        wait_for(lambda: watched() or run.process.poll() is not None, 60, "the cluster to be read: " + run.said())
        self.assertIsNone(run.process.poll(), run.said())

    def page(self, node):
        """The lines that are handed to a node, or None."""
        found = self.kube.get("configmaps", f"drainsnoop-targets-{node}", NAMESPACE)
        return found and [json.loads(line) for line in found["data"]["events.jsonl"].splitlines()]

    def told(self, node, name, **keys):
        return [line for line in self.page(node) or () if line["event.name"] == name and all(
            line.get(key.replace("__", ".")) == value for key, value in keys.items())]

    def wait_told(self, run, node, name, timeout=60, **keys):
        wait_for(lambda: self.told(node, name, **keys), timeout, f"{name} {keys} for {node}; {run.said()}")
        return self.told(node, name, **keys)[-1]

    def asked(self, action="DescribeTargetHealth", since=0):
        return self.aws.asked(action, since)

    def roll(self, *numbers):
        """The Deployment gets a newer template, and these of its pods go."""
        self.shop.deployment(replicas=3, revision=2)
        self.shop.replica_set("9f8e", revision=2, desired=1)
        self.shop.replica_set("7c5d", revision=1, desired=3 - len(numbers), present=3)
        self.shop.terminate(*numbers)

    def deregister(self, number):
        before = time.time_ns()
        self.group.deregister(self.shop.address(number), self.shop.port)
        return before, time.time_ns()
