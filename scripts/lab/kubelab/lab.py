# SPDX-License-Identifier: Apache-2.0
"""A run of the laboratory whose pods are a real cluster's. All else is the laboratory's own."""

from drainlab.lab import Lab

from .controlplane import ControlPlane
from .kubernetes import RealKubernetes
from .manifests import AGENT, AGENT_RULES
from .node import Node


class ClusterLab(Lab):
    """assets: the folder of the cluster's programs (scripts/kube-assets). pods_by: how drainsnoop hears of
    the pods: events (which the laboratory writes), api (it asks the API server)."""

    unkept = (*Lab.unkept, "*.ttrpc", "containerd", "containerd.state", "etcd", "kubectl", "kubelet", "opt", "pki",
              "private", "*.tar")

    def __init__(self, assets, pods_by, settings, say, drainsnoop=None, tracer_args=()):
        super().__init__(settings, say, drainsnoop, tracer_args)
        self.assets, self.pods_by = assets, pods_by

    def _prepare(self):
        self.say("etcd, API server, controllers, scheduler")
        self.control_plane = self._add(ControlPlane(self, self.assets))
        self.say("containerd, kubelet")
        self.node = Node(self, self.control_plane)
        self.say("the node is ready")
        if self.pods_by == "api":
            self.control_plane.user(AGENT, AGENT_RULES)
            kubeconfig = self.control_plane.keys.kubeconfig(AGENT, self.control_plane.server)
            self.tracer_args = [*self.tracer_args, "--kubeconfig", kubeconfig, "--node", self.node.name]

    def _orchestrator(self):
        return RealKubernetes(self, self.group, self.control_plane, self.node)
