# SPDX-License-Identifier: Apache-2.0
"""Noise that must not become a drop (DESIGN section 11), present in every run.

Besides what is here: the kubelet's probes (kubernetes.py), HAProxy's health checks, which end in RST
(loadbalancer.py), and the outbound connections of every pod's sidecar (pod.py).
"""

from .pod import Pod
from .proc import Tool, in_netns, program


class Outside:
    """A service outside the cluster that resets whoever talks to it."""

    def __init__(self, lab):
        plan = lab.network.plan
        self.tool = Tool(lab.cgroup.tools, in_netns(lab.network.lb, program("talker", plan.outside, 5432, "reset")))

    def end(self):
        self.tool.end()


class Insider:
    """A pod on the same node whose client retries for ever, also after its targets are gone."""

    def __init__(self, lab):
        self.pod = Pod(lab, "batch", "bystander")
        lab.events.pod_state(self.pod, "ready")
        self.tool = self.pod.run_in_it("client", program("insider"))

    def call(self, pod):
        self.tool.tell(f"add {pod.address} {pod.port}")

    def end(self):
        self.tool.end()
