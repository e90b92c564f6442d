# SPDX-License-Identifier: Apache-2.0
"""The target group of a NodePort: its targets are nodes (target_type instance), and a kube-proxy on each.

A pod that comes or goes changes the Service's endpoints; every kube-proxy writes its rules some time
later (settings.sync). The load balancer's controller has no part in that: only nodes are registered.
"""

import subprocess
import threading

from .kubeproxy import HEALTHZ, NODE_PORT, KubeProxy
from .nat import Translations, Witness, flows, follow
from .pod import PORT
from .proc import LabError, Tool, in_netns, now_ns, program
from .events import rfc3339


class Node:
    """A node as the load balancer's target."""

    port, health_port = NODE_PORT, HEALTHZ

    def __init__(self, lab, name, netns, address, instance):
        settings = lab.settings
        self.name, self.netns, self.address, self.instance = name, netns, address, instance
        self.endpoints = []     # pods, as its kube-proxy knows them
        self.proxied = True
        self.proxy = KubeProxy(netns, address, settings.ipv6, settings.policy, settings.affinity,
                               lambda a: any(p.address == a and p.place.node is netns for p in self.endpoints))
        self.witness = Witness(lab, netns, name, NODE_PORT, PORT)
        self.healthz = Tool(lab.cgroup.tools, in_netns(netns, program("healthz", address, HEALTHZ)),
                            stdout=subprocess.PIPE)
        if self.healthz.process.stdout.readline() != b"ready\n":
            raise LabError(f"the health check server of {name} does not start")

    def write_rules(self, pods):
        """Nothing of it where its kube-proxy does not run."""
        self.endpoints = list(pods)
        if self.proxied:
            self.proxy.sync([pod.address for pod in pods])

    def stop_proxy(self):
        """No kube-proxy and no rules: a node that joins, or one that is being taken down."""
        self.proxied = False
        self.proxy.remove()

    def start_proxy(self, pods):
        self.proxied = True
        self.write_rules(pods)

    def end(self):
        self.witness.end()
        self.healthz.end()


class InstanceGroup:
    """Speaks as loadbalancer.TargetGroup does; what is registered with the balancer are nodes."""

    port, health_port, health_interval, target_type = NODE_PORT, HEALTHZ, 1, "instance"
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web-np/0123456789abcdef"
    name = "shop-web-np"

    def __init__(self, lab, plane):
        self.lab, self.plane, self.delay = lab, plane, lab.settings.delay
        network = lab.network
        self.nodes = {"node": Node(lab, "node", network.node, network.plan.node, "i-0aaaaaaaaaaaaaaa1")}
        if network.second:
            self.nodes["node2"] = Node(lab, "node2", network.second, network.plan.other, "i-0bbbbbbbbbbbbbbb2")
            # What a node's agent learns of the cluster's other nodes.
            lab.events.write("node.address", node__other=True, address=network.plan.other)
        self.pods = []          # ready endpoints, everywhere
        self.leaving = []       # terminating ones that still serve
        self.lock = threading.Lock()
        self.threads = []
        lab.events.write("load_balancer.address", load_balancer__type="application",
                         load_balancer__name="shop", address=network.plan.lb)
        self.write_rules()
        for name in lab.settings.targets:
            self.add_node(name)

    # nodes

    def balanced(self):
        """The nodes that are targets from the start."""
        return [self.nodes[name] for name in self.lab.settings.targets]

    def _tell(self, node, state, **keys):
        self.lab.events.write("target.state", target_group__name=self.name, target_group__arn=self.arn,
                              target_group__deregistration_delay_s=int(self.delay),
                              target_group__target_type=self.target_type, target_group__preserve_client_ip=False,
                              target_group__health_check_port=HEALTHZ,
                              target_group__health_check_interval_s=self.health_interval,
                              load_balancer__type="application", target__id=node.instance,
                              target__port=NODE_PORT, target__state=state, **keys)

    def add_node(self, name):
        """A node becomes a target; returns once requests go to it."""
        node = self.nodes[name]
        self._tell(node, "initial", target__source="describe_target_health")
        self.plane.add(node)
        self._tell(node, "healthy", target__state_previous="initial", target__source="describe_target_health")
        self.plane.enable(node)
        self.lab.say(f"{name} ({node.address}:{NODE_PORT}) is registered and healthy")

    def remove_node(self, name, propagation=0.0):
        """DeregisterTargets of a node; the data plane hears of it `propagation` seconds later."""
        node, before = self.nodes[name], now_ns()
        self._tell(node, "draining", target__state_previous="healthy", target__source="controller_log",
                   not_before=rfc3339(before), not_after=rfc3339(now_ns()))
        self.lab.sleep(propagation)
        self.plane.drain(node)
        self.lab.say(f"the load balancer sends nothing to {name} any more")

    # endpoints

    def endpoints(self):
        """The ready ones; where there is none, those that terminate and serve (KEP-1669)."""
        with self.lock:
            return list(self.pods or self.leaving)

    def write_rules(self, only=None):
        """Every kube-proxy knows of the endpoints now."""
        for name, node in self.nodes.items():
            if only in (None, name):
                node.write_rules(self.endpoints())

    def register(self, pod):
        """A ready endpoint. Returns once the rules send connections to it."""
        with self.lock:
            self.pods.append(pod)
        self.write_rules()
        self.lab.say(f"{pod.name} ({pod.address}) is an endpoint of the Service")

    def deregister(self, pod, propagation):
        """The endpoint is not ready any more; the rules follow after settings.sync, not after `propagation`:
        that is the load balancer's, which does not hear of pods."""
        with self.lock:
            self.pods.remove(pod)
            self.leaving.append(pod)
        del propagation
        thread = threading.Thread(target=self._later, args=(pod,), daemon=True)
        thread.start()
        self.threads.append(thread)

    def _later(self, pod):
        try:
            if not self.lab.stopping.wait(self.lab.settings.sync):
                before = now_ns()
                self.write_rules()
                pod.mark("drained", before, now_ns())
                self.lab.say(f"no kube-proxy sends new connections to {pod.name} any more")
        except Exception as error:  # told to the main thread
            self.lab.fail(error)

    def gone(self, pod):
        """The pod has ended: not even a serving endpoint any more."""
        with self.lock:
            self.leaving = [other for other in self.leaving if other is not pod]
            needed = not self.pods
        if needed and not self.lab.stopping.wait(self.lab.settings.sync):
            self.write_rules()

    def wait_drained(self):
        for thread in self.threads:
            thread.join()
        self.lab.check()

    def wait(self):
        self.wait_drained()

    def followed(self, entries, pods):
        """The balancer's log and the packets behind the nodes' NAT (nat.py)."""
        lb, watched = self.lab.network.plan.lb, self.nodes["node"].witness.read()
        ways = {node.address: Translations(watched if name == "node" else node.witness.read(), lb,
                                           node.address, NODE_PORT, PORT) for name, node in self.nodes.items()}
        return (follow(entries, ways, {pod.address: pod.name for pod in pods}, PORT),
                flows(watched, ways.values(), PORT))

    def stop(self):
        for node in self.nodes.values():
            node.witness.stop()

    def end(self):
        for node in self.nodes.values():
            node.end()
