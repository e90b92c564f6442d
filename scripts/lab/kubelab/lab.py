# SPDX-License-Identifier: Apache-2.0
"""A run of the laboratory whose pods are a real cluster's. All else is the laboratory's own."""

import os

from drainlab.account import Account
from drainlab.lab import Lab

from .agent import Agent, Targets
from .controlplane import ControlPlane
from .kubernetes import RealKubernetes
from .manifests import AGENT, AGENT_RULES
from .monitors import LogAgent, Scraper
from .node import Node
from .nodeport import NodePortGroup
from .release import Release

CRD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crd/targetgroupbinding.yaml")


class ClusterLab(Lab):
    """assets: the folder of the cluster's programs (scripts/kube-assets). agent: how drainsnoop runs: daemonset (a
    pod, by its own manifests), process. pods_by: how the process hears of the pods: events (which the laboratory
    writes), api (it asks the API server, as a daemonset's pod does anyway). agent_how: further arguments of Agent()."""

    unkept = (*Lab.unkept, "*.ttrpc", "containerd", "containerd.state", "etcd", "kubectl", "kubelet", "opt", "pki",
              "private", "tsdb", "*.tar")

    def __init__(self, assets, agent, pods_by, agent_how, settings, say, drainsnoop=None, tracer_args=()):
        super().__init__(settings, say, drainsnoop, tracer_args)
        self.assets, self.agent, self.pods_by, self.agent_how = assets, agent, pods_by, agent_how
        if agent == "daemonset":    # its events come from drainsnoop targets, which asks AWS
            self.settings.told_by = self.settings.told_by or "elb"

    def _prepare(self):
        self.say("etcd, API server, controllers, scheduler")
        self.control_plane = self._add(ControlPlane(self, self.assets))
        self.control_plane.define(CRD, "targetgroupbindings.elbv2.k8s.aws")
        self.say("containerd, kubelet, kube-proxy")
        self.node = Node(self, self.control_plane)
        self.say("the node is ready")
        if self.agent == "process" and self.pods_by == "api":
            self.control_plane.user(AGENT, AGENT_RULES)
            kubeconfig = self.control_plane.keys.kubeconfig(AGENT, self.control_plane.server)
            self.tracer_args = [*self.tracer_args, "--kubeconfig", kubeconfig, "--node", self.node.name]

    def _tracer(self):
        if self.agent == "process":
            return super()._tracer()
        self.say("drainsnoop's image, its DaemonSet, its Deployment")
        self.release = Release(self)
        self.targets = self._add(Targets(self))
        return Agent(self, self.tracer_args, **self.agent_how)

    def monitor(self):
        """What others make of the agent's pod, from now on: a Prometheus and a log agent (monitors.py)."""
        self.say("a Prometheus and a log agent look at drainsnoop's pods")
        self.scraper, self.log_agent = self._add(Scraper(self)), self._add(LogAgent(self))
        self.tracer.last_looks.append(self.scraper.last_look)
        self.scraper.prometheus.wait_scrapes(1)

    def _group(self):
        return NodePortGroup(self, self.plane) if self.settings.target == "instance" else super()._group()

    def _account(self, region):
        return Account(self, region, self.network.plan.node)    # also for who asks from a pod

    def _orchestrator(self):
        return RealKubernetes(self, self.group, self.control_plane, self.node)
