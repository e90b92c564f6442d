# SPDX-License-Identifier: Apache-2.0
"""The target group of a NodePort of the real cluster: its target is the node, and behind it is the real kube-proxy.

What the laboratory's own kube-proxy has to be told elsewhere (drainlab/instance.py) this one hears from the API. That
a pod gets no new connections any more is read from the rules that it wrote.
"""

import ipaddress
import re
import threading

from drainlab.instance import InstanceGroup
from drainlab.kubeproxy import HEALTHZ, NODE_PORT
from drainlab.nat import Witness
from drainlab.pod import PORT
from drainlab.proc import LabError, in_netns, now_ns, run, wait_for

POLL = 0.05     # s
ENDPOINT = re.compile(r" : ([0-9a-f.:]+) \. (\d+)")


def endpoints(ruleset, port):
    """The addresses to which the rules of a kube-proxy (1.36) send what is for a service with that port of its pods:
    one rule of each service's chain has them all. Pure."""
    found = [pair for line in ruleset.splitlines() if " dnat " in line for pair in ENDPOINT.findall(line)]
    return {str(ipaddress.ip_address(address)) for address, to in found if int(to) == port}


class Node:
    """The node as the load balancer's target; as drainlab.instance.Node, but with nothing of its own on it."""

    port, health_port, name, instance = NODE_PORT, HEALTHZ, "node", "i-0aaaaaaaaaaaaaaa1"

    def __init__(self, lab):
        self.netns, self.address = lab.network.node, lab.network.plan.node
        self.witness = Witness(lab, self.netns, self.name, NODE_PORT, PORT)

    def end(self):
        self.witness.end()


class NodePortGroup(InstanceGroup):
    def __init__(self, lab, plane):
        self.lab, self.plane, self.delay = lab, plane, lab.settings.delay
        self.nodes, self.threads, self.drains = {"node": Node(lab)}, [], []
        self.family = "ip6" if lab.network.plan.ipv6 else "ip"
        self.type, self.preserves_client = plane.type, plane.preserves_client
        if lab.account:
            lab.account.serve(self, plane)
        lab.events.write("load_balancer.address", load_balancer__type="application",
                         load_balancer__name="shop", address=lab.network.plan.lb)

    def add_node(self, name):
        """What the controller does for a binding of instance targets, too."""
        if self.lab.account:
            self.lab.account.register(self.nodes[name].instance, NODE_PORT)
        super().add_node(name)

    def sent_to(self):
        """The addresses of the pods that the rules know now."""
        text = run(in_netns(self.nodes["node"].netns, ["nft", "list", "table", self.family, "kube-proxy"]))
        return endpoints(text, PORT)

    def wait_for(self, pods):
        """Waits until the rules know these pods."""
        addresses = {str(ipaddress.ip_address(pod.address)) for pod in pods}
        wait_for(lambda: addresses <= self.sent_to() or self.lab.check(), 30, "kube-proxy's rules", POLL)

    def register(self, pod):
        raise LabError("pods are no targets here")

    def deregister(self, pod, propagation):
        """The pod is an endpoint no more, by the API: from then on kube-proxy hears of it."""
        del propagation
        thread = threading.Thread(target=self._await_rules, args=(pod,), daemon=True)
        thread.start()
        self.threads.append(thread)

    def _await_rules(self, pod):
        address = str(ipaddress.ip_address(pod.address))
        try:
            while not self.lab.stopping.wait(POLL):
                before = now_ns()
                if address not in self.sent_to():
                    pod.mark("drained", before, now_ns())
                    self.lab.say(f"kube-proxy sends no new connections to {pod.name} any more")
                    return
        except Exception as error:  # told to the main thread
            self.lab.fail(error)

    def gone(self, pod):
        """kube-proxy hears of that by itself."""
