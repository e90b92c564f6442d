# SPDX-License-Identifier: Apache-2.0
"""A run of the laboratory whose pods are a real cluster's. All else is the laboratory's own."""

from drainlab.lab import Lab

from .controlplane import ControlPlane
from .kubernetes import RealKubernetes
from .node import Node


class ClusterLab(Lab):
    """assets: the folder of the cluster's programs (scripts/kube-assets)."""

    unkept = (*Lab.unkept, "*.ttrpc", "containerd", "containerd.state", "etcd", "kubectl", "kubelet", "opt", "pki",
              "private", "*.tar")

    def __init__(self, settings, say, assets, drainsnoop=None, tracer_args=()):
        super().__init__(settings, say, drainsnoop, tracer_args)
        self.assets = assets

    def _prepare(self):
        self.say("etcd, API server, controllers, scheduler")
        self.control_plane = self._add(ControlPlane(self, self.assets))
        self.say("containerd, kubelet")
        self.node = Node(self, self.control_plane)
        self.say("the node is ready")

    def _orchestrator(self):
        return RealKubernetes(self, self.group, self.control_plane, self.node)
