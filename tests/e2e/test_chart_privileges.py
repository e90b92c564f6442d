# SPDX-License-Identifier: Apache-2.0
"""The programs with the arguments and the privileges of the plain manifests: what they hold at the start is enough,
and what docs/security.md says of afterwards is so.

In a network namespace of the test's own, against a stand-in of the API server (fake_kube.py)."""

import os
import shutil
import subprocess
import unittest
import unittest.mock

import deployed
import netns
import test_live_agent
from deployed import find, read
from fake_kube import make_pod
from test_live import BINARY, wait_for

CAPABILITIES = {"PERFMON": 38, "BPF": 39}


@unittest.skipIf(os.geteuid(), "needs root")
class Privileges(test_live_agent.Agent):
    def setUp(self):
        super().setUp()
        # Without CAP_DAC_OVERRIDE root is a user like others: the checkout may be another's.
        os.chmod(self.folder, 0o755)
        self.binary = shutil.copy(BINARY, os.path.join(self.folder, "drainsnoop"))
        self.state = os.path.join(self.folder, "state")
        os.mkdir(self.state)
        self.serve(make_pod("web-1", "10.99.0.5"))
        patch = unittest.mock.patch.object(test_live_agent, "PORT", 9973)    # the chart's
        patch.start()
        self.addCleanup(patch.stop)

    def start_as(self, kind, *privileges):
        """Runs what the manifests run, with `setpriv PRIVILEGES`; the API server is given as agent.extraArgs would."""
        things = deployed.objects(read("deploy/manifests/drainsnoop.yaml"))
        container = find(things, kind)["spec"]["template"]["spec"]["containers"][0]
        options = {name: value.replace("/var/lib/drainsnoop", self.state)
                   for name, value in deployed.options(container).items()}
        names = {"NODE_NAME": "node-1", "POD_NAMESPACE": "drainsnoop", "POD_NAME": "drainsnoop-x7k2p", "HOST_IP": "10.0.0.1"}
        self.assertEqual({*names, *options}, {entry["name"] for entry in container["env"]})
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            process = subprocess.Popen(
                [*netns.enter(self.netns), "setpriv", *privileges, "--no-new-privs", self.binary,
                 *container["args"], "--kube-api", self.kube.url],
                stdout=out, stderr=errors, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **names, **options})
        self.addCleanup(self.end, process)
        return process

    def start_agent(self, *privileges):
        process = self.start_as("DaemonSet", *privileges)
        wait_for(lambda: self.names() or process.poll() is not None, 60, "the first line")
        self.assertIsNone(process.poll(), self.said())
        self.wait_ready()
        return process

    @staticmethod
    def privileges_of(process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        return {key: int(lines[key], 16) for key in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")} | {
            "NoNewPrivs": int(lines["NoNewPrivs"])}

    def test_the_agent_does_all_with_two_capabilities(self):
        things = deployed.objects(read("deploy/manifests/drainsnoop.yaml"))
        security = find(things, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["securityContext"]
        added = security["capabilities"]["add"]
        self.end(self.start_agent())
        with_all = self.lines()[0]
        wanted = ",".join("+" + name.lower() for name in added)
        process = self.start_agent(f"--bounding-set=-all,{wanted}", "--inh-caps=-all")
        start = self.lines()[0]
        for key in ("drainsnoop.tier", "drainsnoop.probes.attached"):
            self.assertEqual(start[key], with_all[key])
        self.assertEqual(start.get("drainsnoop.probes.missing"), with_all.get("drainsnoop.probes.missing"))
        self.assertEqual(start["k8s.node.name"], "node-1")
        two = sum(1 << CAPABILITIES[name] for name in added)
        self.assertEqual(self.privileges_of(process), {
            "CapPrm": two, "CapEff": 0, "CapInh": 0, "CapBnd": two, "CapAmb": 0, "NoNewPrivs": 1})
        self.terminate(process)
        self.assertTrue(os.path.exists(os.path.join(self.state, "state")))

    def test_the_agent_gives_up_what_it_does_not_need(self):
        """Also where it is given everything, as the root command is."""
        process = self.start_agent()
        held = self.privileges_of(process)
        self.assertEqual(held["CapPrm"], sum(1 << number for number in CAPABILITIES.values()))
        self.assertEqual((held["CapEff"], held["CapInh"]), (0, 0))
        self.terminate(process)


if __name__ == "__main__":
    unittest.main()
