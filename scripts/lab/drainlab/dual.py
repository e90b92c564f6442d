# SPDX-License-Identifier: Apache-2.0
"""Dual stack (settings.dual): IPv6 beside IPv4, in the same namespaces and on the same links.

Node, load balancer and clients have addresses of both families, and so has a pod. The targets of a target group are of
one family, so there are two groups behind a balancer that is reached by either.
"""

from .loadbalancer import TargetGroup
from .net import Attachment, Plan, inside, mac, unwiring, wiring


def add_family(network):
    """What Network.build() makes, of IPv6, on the links that are there. Pods are attached with both from here on."""
    four, six = network.plan, Plan(True)
    network.plans.append(six)
    network.attachment = DualAttachment
    network.node.ip(f"""
        addr add {six.node}/{six.length} dev ens5 nodad
        route add default via {six.router} dev ens5
        neigh replace {six.router} lladdr {mac("eth0")} nud permanent dev ens5""", True)
    network.lb.ip(f"""
        addr add {six.prefix(six.router)} dev eth0 nodad
        addr add {six.prefix(six.lb)} dev eth0 nodad
        neigh replace {six.node} lladdr {mac(four.node)} nud permanent dev eth0
        route add {six.prefix(six.node)} dev eth0 src {six.lb}
        route add {six.subnet} via {six.node} dev eth0 src {six.lb}
        addr add {six.front}/{six.front_length} dev pub0 nodad""", True)
    network.client.ip(f"addr add {six.client}/{six.front_length} dev eth0 nodad", True)


class DualAttachment(Attachment):
    """A pod's place in the network, with an address of the other family besides."""

    def _wire(self):
        super()._wire()
        six = self.network.plans[1]
        self.others = (six.pod(self.index, False),)
        self.netns.ip(inside(six, self.others[0], mac(self.link)), True)
        self.node.ip(wiring(six, self.others[0], self.link), True)

    def release(self):
        six = self.network.plans[1]
        steps = [(what + "_ipv6", command) for what, command in unwiring(six, self.others[0], self.link)]
        return super().release() + self._undo(steps, six)


class OtherFamily:
    """A pod as the target of its other address. What happens to that target is noted apart."""

    def __init__(self, pod):
        self.pod, self.address = pod, pod.others[0]

    def __getattr__(self, name):
        return getattr(self.pod, name)

    def mark(self, what, before, after=None):
        self.pod.mark(what + "_ipv6", before, after)


class Groups:
    """Speaks as loadbalancer.TargetGroup does, of a pod's two targets."""

    def __init__(self, lab, plane):
        self.first, self.second = TargetGroup(lab, plane), TargetGroup(lab, plane, "shop-web-six")
        self.each = (self.first, self.second)

    def register(self, pod):
        self.first.register(pod)
        self.second.register(OtherFamily(pod))

    def deregister(self, pod, propagation):
        self.first.deregister(pod, propagation)
        self.second.deregister(OtherFamily(pod), propagation)

    def gone(self, pod):
        for group in self.each:
            group.gone(pod)

    def wait_drained(self):
        for group in self.each:
            group.wait_drained()

    def wait(self):
        for group in self.each:
            group.wait()

    def stop(self):
        for group in self.each:
            group.stop()

    def end(self):
        for group in self.each:
            group.end()
