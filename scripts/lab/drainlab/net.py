# SPDX-License-Identifier: Apache-2.0
"""Namespaces, links, routes and rules: the node as the VPC CNI leaves it, and what is around it.

    client -- pub0 [lb] eth0 -- ens5 [node] eniXXXXXXXXXXX -- eth0 [pod]
                        eth1 -- ens6
                        eth2 -- ens5 [node2] eniXXXXXXXXXXX -- eth0 [pod]     (settings.nodes = 2)

drainsnoop runs in [node]; [node2] is another node of the cluster. [lb] is the load balancer and, at layer 3, the VPC's router: it sends what is for a pod to the node,
whether the pod still exists or not. Every address exists only inside the run's own namespaces; the
root namespace has no part in it.
"""

import hashlib
import ipaddress
import os
import threading
import time

from .proc import now_ns, run, wait_for

PREFIX = "dl-"
XDP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "xdpdrop.c")


class Plan:
    """The addresses of one family. The same in every run."""

    def __init__(self, ipv6):
        self.ipv6 = ipv6
        self.bits = 128 if ipv6 else 32
        if ipv6:
            self.router, self.node, self.node2 = "fd77:1::1", "fd77:1::10", None
            self.subnet, self.length = "fd77:1::/64", 64
            self.lb, self.outside = "fd77::10", "fd77::99"
            self.lb_more = ["fd77::11", "fd77::12"]
            self.block, self.block2 = "fd77:1::1:0/112", None
            self.more = None
            self.other, self.other_block = "fd77:1::20", "fd77:1::2:0/112"
            self.gateway = "fe80::1"
            self.front, self.client, self.front_length = "fd78::1", "fd78::2", 64
            self.front_b = "fd78::3"
            self.away, self.away_router = "fd79::2", "fd79::1"
        else:
            self.router, self.node, self.node2 = "10.77.1.1", "10.77.1.10", "10.77.1.50"
            self.subnet, self.length = "10.77.1.0/24", 24
            self.lb, self.outside = "10.77.0.10", "10.77.0.99"
            self.lb_more = ["10.77.0.11", "10.77.0.12"]
            self.block, self.block2 = "10.77.1.64/26", "10.77.1.128/25"
            self.more = "10.77.2.0/24"      # of the same interface, for pods by the hundred
            self.other, self.other_block = "10.77.1.20", "10.77.1.32/27"
            self.gateway = "169.254.1.1"
            self.front, self.client, self.front_length = "10.78.0.1", "10.78.0.2", 24
            self.front_b = "10.78.0.3"
            self.away, self.away_router = "10.79.0.2", "10.79.0.1"

    def pod(self, index, secondary):
        """The address of the pod with that index, from the block of its interface."""
        if self.ipv6:
            return f"fd77:1::1:{index:x}"
        if index >= 64 and not secondary:
            return f"10.77.2.{index - 63}"
        return f"10.77.1.{128 + index}" if secondary else f"10.77.1.{64 + index}"

    def pod_elsewhere(self, index):
        """The address of a pod of the second node."""
        return f"fd77:1::2:{index:x}" if self.ipv6 else f"10.77.1.{32 + index}"

    def prefix(self, address):
        return f"{address}/{self.bits}"


class Netns:
    def __init__(self, name):
        self.name = name

    @property
    def path(self):
        return f"/run/netns/{self.name}"

    def ip(self, commands, ipv6=False):
        """Runs `ip` commands, one a line, in it."""
        run(["ip", *(["-6"] if ipv6 else []), "-n", self.name, "-batch", "-"], stdin=commands)

    def sysctl(self, **settings):
        values = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        run(["nsenter", f"--net={self.path}", "sysctl", "-qw", *values])

    def nft(self, commands):
        """Runs nft commands, one a line, in it."""
        run(["nsenter", f"--net={self.path}", "nft", "-f", "-"], stdin=commands)

    def exists(self):
        return os.path.exists(self.path)

    def delete(self):
        run(["ip", "netns", "del", self.name], check=False)


def mac(address):
    """A fixed MAC address for an IPv4 or IPv6 address."""
    digest = hashlib.sha1(address.encode()).hexdigest()
    return "02:" + ":".join(digest[i:i + 2] for i in range(0, 10, 2))


class Network:
    """All namespaces of one run."""

    def __init__(self, run_id, settings, folder):
        self.run_id = run_id
        self.settings = settings
        self.plan = Plan(settings.ipv6)
        self.plans = [self.plan]        # of a dual stack: also the other family's (dual.py)
        self.attachment = BranchAttachment if settings.eni == "branch" else Attachment
        self.lock = threading.Lock()
        self.index = 0
        self.made = []
        self.folder, self.forbidden = folder, []    # of the XDP program: its file, its addresses

    def netns(self, role):
        """Makes a namespace with its loopback up and without address detection delays."""
        ns = Netns(f"{PREFIX}{self.run_id}-{role}")
        run(["ip", "netns", "add", ns.name])
        self.made.append(ns)
        ns.ip("link set lo up")
        ns.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__default__rp_filter=0,
                  net__ipv4__conf__all__accept_redirects=0, net__ipv4__conf__default__accept_redirects=0,
                  net__ipv6__conf__all__accept_dad=0, net__ipv6__conf__default__accept_dad=0,
                  net__ipv6__conf__all__accept_ra=0, net__ipv6__conf__default__accept_ra=0,
                  net__ipv6__conf__all__accept_redirects=0, net__ipv6__conf__default__accept_redirects=0)
        return ns

    def build(self):
        """The namespaces that every run has."""
        self.lb = self.netns("lb")
        self.node = self.netns("node")
        self.client = self.netns("client")
        self._uplinks()
        self._front()
        self.second = None
        if self.settings.nodes > 1:
            self._second_node()

    def _uplinks(self):
        plan, on = self.plan, "1" if self.settings.redirects else "0"
        nodad = " nodad" if plan.ipv6 else ""
        lb, node = self.lb, self.node
        pairs = [("ens5", "eth0", plan.node)] + ([("ens6", "eth1", plan.node2)] if plan.node2 else [])
        node.ip("\n".join(
            f"link add name {here} netns {node.name} address {mac(address)} type veth "
            f"peer name {there} netns {lb.name} address {mac(there)}" for here, there, address in pairs))
        node.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1,
                    net__ipv4__conf__all__send_redirects=on, net__ipv4__conf__default__send_redirects=on,
                    net__ipv4__conf__ens5__send_redirects=on, net__ipv4__conf__ens5__rp_filter=2)
        lb.ip(f"""
            addr add {plan.prefix(plan.router)} dev eth0{nodad}
            addr add {plan.prefix(plan.lb)} dev eth0{nodad}
            addr add {plan.prefix(plan.outside)} dev eth0{nodad}
            link set eth0 up""", plan.ipv6)
        node.ip(f"""
            addr add {plan.node}/{plan.length} dev ens5{nodad}
            link set ens5 up
            route add default via {plan.router} dev ens5
            neigh replace {plan.router} lladdr {mac("eth0")} nud permanent dev ens5""", plan.ipv6)
        if not self.settings.icmp_limit:
            node.sysctl(net__ipv4__icmp_ratelimit=0, net__ipv6__icmp__ratelimit=0)
        self._cover()
        lb.ip(f"""
            neigh replace {plan.node} lladdr {mac(plan.node)} nud permanent dev eth0
            route add {plan.prefix(plan.node)} dev eth0 src {plan.lb}
            route add {plan.subnet} via {plan.node} dev eth0 src {plan.lb}""", plan.ipv6)
        if plan.more:
            node.ip(f"route add {plan.more} dev ens5")
            lb.ip(f"route add {plan.more} via {plan.node} dev eth0 src {plan.lb}")
        if plan.node2:
            self._secondary()

    def _cover(self):
        """What the node's routes say of a pod's address that is no pod's (settings.release)."""
        plan, release = self.plan, self.settings.release
        commands = {
            "blackhole": f"route add blackhole {plan.block}",
            "unreachable": f"route add unreachable {plan.block}",
            "default": f"route del {plan.subnet} dev ens5",
            # Only the ways that are needed: to the router, and by it to what is outside.
            "none": f"""
                route add {plan.prefix(plan.router)} dev ens5
                route add {plan.prefix(plan.lb)} via {plan.router} dev ens5
                route add {plan.prefix(plan.outside)} via {plan.router} dev ens5
                route del default via {plan.router} dev ens5
                route del {plan.subnet} dev ens5""",
        }.get(release)
        if commands:
            self.node.ip(commands, plan.ipv6)

    def _secondary(self):
        """The second interface, with a table of its own, as the VPC CNI sets it up."""
        plan, strict = self.plan, 1 if self.settings.rp_filter == "strict" else 2
        self.node.sysctl(net__ipv4__conf__ens6__rp_filter=strict)
        self.lb.ip(f"""
            link set eth1 up
            neigh replace {plan.node2} lladdr {mac(plan.node2)} nud permanent dev eth1
            route add {plan.node2}/32 dev eth1 src {plan.lb}
            route add {plan.block2} via {plan.node2} dev eth1 src {plan.lb}""")
        self.node.ip(f"""
            addr add {plan.node2}/{plan.length} dev ens6 noprefixroute
            link set ens6 up
            route add {plan.router} dev ens6 scope link table 2
            route add default via {plan.router} dev ens6 table 2
            neigh replace {plan.router} lladdr {mac("eth1")} nud permanent dev ens6""")

    def _second_node(self):
        """Another node of the cluster; what goes from one node to the other goes by the router."""
        plan, second = self.plan, self.netns("node2")
        nodad = " nodad" if plan.ipv6 else ""
        self.second = second
        second.ip(f"link add name ens5 netns {second.name} address {mac(plan.other)} type veth "
                  f"peer name eth2 netns {self.lb.name} address {mac('eth2')}")
        second.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        self.lb.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1,
                       net__ipv4__conf__all__send_redirects=0, net__ipv4__conf__eth0__send_redirects=0)
        self.lb.ip(f"""
            link set eth2 up
            neigh replace {plan.other} lladdr {mac(plan.other)} nud permanent dev eth2
            route add {plan.prefix(plan.other)} dev eth2 src {plan.lb}
            route add {plan.other_block} via {plan.other} dev eth2 src {plan.lb}""", plan.ipv6)
        second.ip(f"""
            addr add {plan.prefix(plan.other)} dev ens5{nodad}
            link set ens5 up
            route add {plan.prefix(plan.router)} dev ens5
            route add default via {plan.router} dev ens5
            neigh replace {plan.router} lladdr {mac("eth2")} nud permanent dev ens5""", plan.ipv6)
        self.node.ip(f"""
            route add {plan.prefix(plan.other)} via {plan.router} dev ens5
            route add {plan.other_block} via {plan.router} dev ens5""", plan.ipv6)

    def vanish(self):
        """The second node is gone, without a word: nothing gets to it or comes from it any more."""
        self.lb.nft("""
            add table inet vanished
            add chain inet vanished out { type filter hook postrouting priority 0; }
            add chain inet vanished in { type filter hook prerouting priority -300; }
            add rule inet vanished out oifname "eth2" drop
            add rule inet vanished in iifname "eth2" drop""")

    def move(self, address):
        """The VPC brings the address to the second node from now on, also what the first one sends."""
        plan = self.plan
        self.lb.ip(f"""
            route replace {plan.prefix(address)} via {plan.other} dev eth2 src {plan.lb}
            neigh add proxy {address} dev eth0""", plan.ipv6)
        if plan.ipv6:
            self.lb.sysctl(net__ipv6__conf__eth0__proxy_ndp=1)

    def _front(self):
        """The side of the clients."""
        plan = self.plan
        nodad = " nodad" if plan.ipv6 else ""
        self.lb.ip(f"""
            link add name pub0 netns {self.lb.name} type veth peer name eth0 netns {self.client.name}
            addr add {plan.front}/{plan.front_length} dev pub0{nodad}
            link set pub0 up""", plan.ipv6)
        self.client.ip(f"""
            addr add {plan.client}/{plan.front_length} dev eth0{nodad}
            link set eth0 up""", plan.ipv6)

    def away(self):
        """Another node of the VPC, whose pods speak with those of this one directly. Its ephemeral
        ports are none of the clients', so that a port tells who it was."""
        plan, ns = self.plan, self.netns("away")
        nodad = " nodad" if plan.ipv6 else ""
        self.lb.ip(f"""
            link add name away0 netns {self.lb.name} type veth peer name eth0 netns {ns.name}
            addr add {plan.away_router}/{plan.front_length} dev away0{nodad}
            link set away0 up""", plan.ipv6)
        ns.ip(f"""
            addr add {plan.away}/{plan.front_length} dev eth0{nodad}
            link set eth0 up""", plan.ipv6)
        ns.sysctl(net__ipv4__ip_local_port_range="10000 19999")
        return ns

    def attach(self, name, namespace="default", index=None, elsewhere=False, address=None):
        """CNI ADD: a pod's namespace, its veth, its route and its rules. The index of a pod that is
        gone gives its address again. `elsewhere`: on the second node, with that address or one of its own."""
        if index is None:
            with self.lock:
                self.index += 1
                index = self.index
        eni = self.settings.eni
        secondary = not elsewhere and not self.plan.ipv6 and (
            eni == "secondary" or (eni == "both" and index % 2 == 0))
        if elsewhere:
            address = address or self.plan.pod_elsewhere(index)
        return self.attachment(self, index, name, namespace, secondary, address)

    def remove(self):
        for ns in reversed(self.made):
            if ns.exists():
                ns.delete()


def link_name(namespace, name):
    """The host's side of a pod's veth, as the VPC CNI names it."""
    return "eni" + hashlib.sha1(f"{namespace}.{name}".encode()).hexdigest()[:11]


def inside(plan, address, host_mac):
    """The `ip` commands of a pod's own namespace, once its eth0 is there."""
    nodad = " nodad" if plan.ipv6 else ""
    return f"""
        addr add {plan.prefix(address)} dev eth0{nodad}
        link set eth0 up
        route add {plan.gateway} dev eth0
        route add default via {plan.gateway} dev eth0
        neigh replace {plan.gateway} lladdr {host_mac} nud permanent dev eth0"""


def wiring(plan, address, link, secondary=False):
    """The `ip` commands that make a pod's route and its rules on the node."""
    prefix, scope = plan.prefix(address), "" if plan.ipv6 else " scope link"
    return f"""
        route add {prefix} dev {link}{scope}
        rule add to {prefix} table main priority 512""" + (
            f"\nrule add from {prefix} table 2 priority 1536" if secondary else "")


def unwiring(plan, address, link, secondary=False):
    """[(what, `ip` command)]: how the CNI takes that away, in its order."""
    prefix = plan.prefix(address)
    steps = [("rule_512", f"rule del to {prefix} table main priority 512")]
    if secondary:
        steps.append(("rule_1536", f"rule del from {prefix} table 2 priority 1536"))
    return [*steps, ("route", f"route del {prefix} dev {link}")]


class Attachment:
    """A pod's place in the network."""

    others = ()     # further addresses

    def __init__(self, network, index, name, namespace, secondary, elsewhere=None):
        """`elsewhere`: its address, where it is on the second node."""
        plan = network.plan
        self.network, self.index, self.secondary = network, index, secondary
        self.elsewhere = elsewhere is not None
        self.node = network.second if elsewhere else network.node
        self.filtered = network.settings.release if network.settings.release in ("tc", "xdp") else None
        self.address = elsewhere or plan.pod(index, secondary)
        self.link = link_name(namespace, name)
        self.netns = network.netns(f"pod{index}")
        host_mac, node = mac(self.link), self.node
        node.ip(f"link add name {self.link} netns {node.name} address {host_mac} type veth "
                f"peer name eth0 netns {self.netns.name}")
        self.netns.ip(inside(plan, self.address, host_mac), plan.ipv6)
        self.attached = now_ns()
        node.ip(f"link set {self.link} up")
        self._wire()

    @property
    def prefix(self):
        return self.network.plan.prefix(self.address)

    def _wire(self):
        """Its route and its rules on the node."""
        plan = self.network.plan
        self.node.ip(wiring(plan, self.address, self.link, self.secondary), plan.ipv6)

    def _unwiring(self):
        """[(what, command)]: how the CNI takes that away, in its order."""
        return unwiring(self.network.plan, self.address, self.link, self.secondary)

    def release(self):
        """CNI DEL on the node, in its real order. Returns [(what, before, after)], times in ns."""
        done, steps = [], self._unwiring()
        if self.filtered:
            before = now_ns()
            (self._forbid if self.filtered == "tc" else self._forbid_early)()
            done.append(("filter", before, now_ns()))
        if self.network.settings.release_by == "link":
            steps = [("link", f"link del {self.link}")]
        return done + self._undo(steps, self.network.plan)

    def _undo(self, steps, plan):
        done = []
        for what, command in steps:
            if what == "route":
                time.sleep(self.network.settings.route_after)
            before = now_ns()
            self.node.ip(command, plan.ipv6)
            done.append((what, before, now_ns()))
        return done

    def cover(self, kind):
        """What is left of the address once it is released, whatever the others' is: blackhole, unreachable,
        throw (no route), forward (back to the router), tc; subnet is what there is anyway."""
        route = {"blackhole": "blackhole {}", "unreachable": "unreachable {}", "throw": "throw {}",
                 "forward": f"{{}} via {self.network.plan.router} dev ens5"}.get(kind)
        self.filtered = kind if kind == "tc" else None
        if route:   # worse than the pod's own route, and better than the subnet's
            prefix = self.network.plan.prefix(self.address)
            self.network.node.ip(f"route add {route.format(prefix)} metric 4096", self.network.plan.ipv6)

    def flap(self, seconds):
        """The route goes and comes back: a CNI that makes it anew. Returns the moments before and after."""
        plan, node = self.network.plan, self.network.node
        before = now_ns()
        node.ip(f"route del {self.prefix} dev {self.link}", plan.ipv6)
        time.sleep(seconds)
        node.ip(f"route add {self.prefix} dev {self.link}" + ("" if plan.ipv6 else " scope link"), plan.ipv6)
        return before, now_ns()

    def _forbid(self):
        """The CNI's filter on the uplink drops what comes for the address from now on. In classic BPF,
        as its program is one of its own: the last word of the destination, TC_ACT_SHOT or TC_ACT_OK."""
        packed = ipaddress.ip_address(self.address).packed
        word, at = int.from_bytes(packed[-4:], "big"), 14 + (36 if self.network.plan.ipv6 else 16)
        code = f"4,32 0 0 {at},21 0 1 {word},6 0 0 2,6 0 0 4294967295"
        tc = ["nsenter", f"--net={self.network.node.path}", "tc"]
        run([*tc, "qdisc", "replace", "dev", "ens5", "clsact"])
        run([*tc, "filter", "add", "dev", "ens5", "ingress", "protocol", "all", "prio", str(self.index),
             "bpf", "da", "bytecode", code])

    def _forbid_early(self):
        """The same by XDP, in its generic mode (a native program's drops nobody can see). One program a
        device: it is made anew, with all addresses that are forbidden by now."""
        network = self.network
        with network.lock:
            network.forbidden.append(int.from_bytes(ipaddress.ip_address(self.address).packed[-4:], "big"))
            words, file = ",".join(map(str, network.forbidden)), os.path.join(network.folder, "xdpdrop.o")
            run(["clang", "-target", "bpf", "-O2", f"-DFORBIDDEN={words}", "-c", XDP, "-o", file])
            run(["ip", "-force", "-n", network.node.name, "link", "set", "dev", "ens5", "xdpgeneric",
                 "obj", file, "sec", "xdp"])

    def remove(self):
        """The veth and the namespace."""
        run(["ip", "-n", self.node.name, "link", "del", self.link], check=False)
        self.netns.delete()
        wait_for(lambda: not self.netns.exists(), 10, f"the end of {self.netns.name}")


class BranchAttachment(Attachment):
    """A pod with security groups of its own: its branch interface is a VLAN of the trunk, its route is in
    a table of its own that rules find by the interface, and there is no rule 512.

    The VLAN is a link of its own here (not every kernel has 802.1Q), between the node and the VPC's
    router, and by that router the node itself and the other pods reach it: it answers ARP for the
    address as long as the interface exists, and eats what comes back to it (the VPC's check of sources)."""

    def _wire(self):
        network, plan, vlan = self.network, self.network.plan, self.index
        lb, node, self.table = network.lb, network.node, 100 + vlan
        self.branch, there = f"vlan.eth.{vlan}", f"br{vlan}"
        lb.sysctl(net__ipv4__ip_forward=1)
        node.ip(f"link add name {self.branch} netns {node.name} address {mac(self.branch)} type veth "
                f"peer name {there} netns {lb.name} address {mac(there)}")
        lb.ip(f"""
            link set {there} up
            neigh add proxy {self.address} dev eth0
            neigh replace {plan.node} lladdr {mac(self.branch)} nud permanent dev {there}
            route add {self.prefix} via {plan.node} dev {there} src {plan.lb} onlink""")
        # The kubelet's own packets come back by the router.
        node.sysctl(**{f"net/ipv4/conf/{self.branch}/accept_local": 1})
        node.ip(f"""
            link set {self.branch} up
            neigh replace {plan.router} lladdr {mac(there)} nud permanent dev {self.branch}
            route add {self.prefix} dev {self.link} scope link table {self.table}
            route add default via {plan.router} dev {self.branch} onlink table {self.table}
            rule add iif {self.branch} table {self.table} priority 10
            rule add iif {self.link} table {self.table} priority 10""")

    def _unwiring(self):
        return [("route", f"route del {self.prefix} dev {self.link} table {self.table}"),
                ("rules", f"rule del iif {self.branch} table {self.table} priority 10\n"
                          f"rule del iif {self.link} table {self.table} priority 10")]


class HostPlace:
    """The place of a pod on the host's network: the node's own, which the pod's end leaves as it is."""

    elsewhere, others = False, ()

    def __init__(self, network):
        self.netns, self.node, self.address = network.node, network.node, network.plan.node

    def release(self):
        return []

    def remove(self):
        pass


def sweep(run_id):
    """Removes every namespace of a run."""
    for name in netns_names():
        if name.startswith(f"{PREFIX}{run_id}-"):
            Netns(name).delete()


def netns_names():
    return os.listdir("/run/netns") if os.path.isdir("/run/netns") else []


def run_ids():
    """Ids of the runs that have a namespace."""
    return {name.split("-")[1] for name in netns_names() if name.startswith(PREFIX)}
