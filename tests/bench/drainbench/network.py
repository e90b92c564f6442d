# SPDX-License-Identifier: Apache-2.0
"""The namespaces of a run: somebody who sends, a node that routes, a pod that answers.

    [client] eth0 -- ens5 [node] eni... -- eth0 [pod]

Every address exists only in them; the root namespace has no part in it. Their names begin with the
pid of the run, so that a later one can remove what a killed one has left.
"""

import os

from drainlab.net import Netns, mac, netns_names
from drainlab.proc import run

PREFIX = "db-"

NODE, CLIENT = "10.99.0.1", "10.99.0.2"
SOURCES, FIRST_SOURCE = "10.99.8.0/24", "10.99.8.0"  # what the storm comes from
POD, OTHER_POD, GATEWAY = "10.99.1.10", "10.99.1.11", "169.254.1.1"
POD_LINK = "enibench000001"


class Network:
    def __init__(self):
        self.made = []

    def build(self):
        self.client, self.node, self.pod = (self._netns(role) for role in ("client", "node", "pod"))
        client, node, pod = self.client, self.node, self.pod
        node.sysctl(net__ipv4__ip_forward=1, net__ipv4__conf__all__send_redirects=0,
                    net__ipv4__conf__default__send_redirects=0)
        node.ip(f"""
            link add name ens5 netns {node.name} address {mac(NODE)} type veth peer name eth0 netns {client.name} address {mac(CLIENT)}
            link add name {POD_LINK} netns {node.name} address {mac(GATEWAY)} type veth peer name eth0 netns {pod.name} address {mac(POD)}
            addr add {NODE}/24 dev ens5
            link set ens5 up
            link set {POD_LINK} up
            route add {POD}/32 dev {POD_LINK} scope link
            route add {SOURCES} via {CLIENT} dev ens5
            neigh replace {CLIENT} lladdr {mac(CLIENT)} nud permanent dev ens5
            neigh replace {POD} lladdr {mac(POD)} nud permanent dev {POD_LINK}""")
        # A local route: the answers to all these sources end here, without an address for each.
        client.ip(f"""
            addr add {CLIENT}/24 dev eth0
            link set eth0 up
            neigh replace {NODE} lladdr {mac(NODE)} nud permanent dev eth0
            route add {POD}/32 via {NODE} dev eth0
            route add local {SOURCES} dev lo""")
        pod.ip(f"""
            addr add {POD}/32 dev eth0
            link set eth0 up
            route add {GATEWAY} dev eth0
            neigh replace {GATEWAY} lladdr {mac(GATEWAY)} nud permanent dev eth0
            route add default via {GATEWAY} dev eth0""")

    def _netns(self, role):
        ns = Netns(f"{PREFIX}{os.getpid()}-{role}")
        run(["ip", "netns", "add", ns.name])
        self.made.append(ns)
        ns.ip("link set lo up")
        ns.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__default__rp_filter=0)
        return ns

    def resets_sent(self):
        """Tcp OutRsts of the pod's namespace: the kernel's own count of what there was to be seen."""
        text = run(["nsenter", f"--net={self.pod.path}", "cat", "/proc/net/snmp"])
        names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Tcp:"))
        return int(values[names.index("OutRsts")])

    def remove(self):
        for ns in reversed(self.made):
            if ns.exists():
                ns.delete()


def sweep():
    """Removes the namespaces of runs that are no more."""
    for name in netns_names():
        parts = name.split("-")
        if name.startswith(PREFIX) and parts[1].isdigit() and not os.path.exists(f"/proc/{parts[1]}"):
            Netns(name).delete()
