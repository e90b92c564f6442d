# SPDX-License-Identifier: Apache-2.0
"""What plays a Network Load Balancer, in the place of loadbalancer.HAProxy.

Dnat passes packets on and keeps the client's address (preserve_client_ip): nftables in the load
balancer's namespace rewrites the destination, answers come back through it, and conntrack keeps
each flow with its target, also after that has been drained. Front ends the clients' connections and opens
its own (client address not kept), with a PROXY protocol header before the first byte if asked to.

An NLB writes no log of its connections: what became of a request is told by its client, where it
went by the capture (Dnat) or by the Front's list of its own connections. Both are joined here into
entries as loadbalancer.read_log() gives them.
"""

import json
import os
import subprocess
import threading

from .loadbalancer import FRONT_PORT
from .pod import HEALTH_PORT, PORT
from .proc import LabError, Tool, in_netns, program

SLACK = 50_000_000
TICK = 1_000_000     # client and capture have one clock

RULES = """\
table inet nlb {
    chain targets { type nat hook prerouting priority dstnat; }
    chain ways {
        type filter hook forward priority filter;
        oifname "pub0" icmp type destination-unreachable drop
        oifname "pub0" icmpv6 type destination-unreachable drop
    }
}
"""


def outcome(request):
    """How a request ended, in HAProxy's two letters, by what its client saw."""
    if request["ok"]:
        return "----"
    if not request.get("connected"):
        return "sC--" if request["error"] == "timeout" else "SC--"
    if request["status"]:
        return "SD--"
    return "sH--" if request["error"] == "timeout" else "SH--"


def _entry(request, source_port, address, server, term=None):
    # A kept connection is older than the request.
    sent = max(request.get("connected") or 0, request["start"])
    return {"id": request["id"], "accept_ns": request["start"], "sent_ns": sent,
            "end_ns": request["end"], "Ta": (request["end"] - request["start"]) // 10**6,
            "source": request.get("source", "-"), "source_port": source_port, "address": address,
            "port": PORT, "server": request["pod"] if request["ok"] else server,
            "status": request["status"] or 0, "term": term or outcome(request)}


def entries_of_capture(requests, flows, names):
    """Entries where the client's own connection reaches the pod: by its source port the capture tells
    to which pod it went. names: {address: pod's name}. Address "-": it reached no pod."""
    ways = {}
    for way in flows:
        ways.setdefault(way.peer_port, []).append(way)
    entries = []
    for request in requests:
        # Its SYN came in its time: around that another client may have had the port. A kept connection is older.
        connected = request.get("connected") or request["start"]
        begin = connected - SLACK if connected < request["start"] else request["start"] - TICK
        went = [way.address for way in ways.get(request["source_port"], ())
                if flows[way].first_syn(begin, request["end"] + TICK)]
        address = went[0] if len(went) == 1 else "-"
        entries.append(_entry(request, request["source_port"], address, names.get(address)))
    return entries


def entries_of_front(requests, connections, names):
    """Entries where a front opened a connection for each of the clients'. connections: its log."""
    by_port = {}
    for line in connections:
        by_port.setdefault(line["client_port"], []).append(line)
    entries = []
    for request in requests:
        begin, end = request["start"] - SLACK, request["end"] + SLACK
        mine = [line for line in by_port.get(request["source_port"], ()) if begin <= line["start"] <= end]
        if len(mine) != 1:
            entries.append(_entry(request, None, "-", None))
            continue
        term = {"refused": "SC--", "timeout": "sC--"}.get(mine[0]["result"])
        entry = _entry(request, mine[0]["source_port"], mine[0]["address"], names.get(mine[0]["address"]), term)
        entry["sent_ns"] = mine[0]["connected"] or mine[0]["start"]
        entries.append(entry)
    return entries


class Checker:
    """The health checks of the balancer's nodes, each on a schedule of its own (programs/checker.py)."""

    def __init__(self, lab, addresses):
        settings = lab.settings
        self.path = os.path.join(lab.folder, "checks.jsonl")
        self.port = PORT if settings.checks_on_traffic else HEALTH_PORT
        with open(os.path.join(lab.folder, "checks.err"), "wb") as err:
            self.tool = Tool(lab.cgroup.tools, in_netns(lab.network.lb, program(
                "checker", self.path, settings.check_interval, settings.check_style, *addresses)),
                stdin=subprocess.PIPE, stderr=err)

    def add(self, pod):
        self.tool.tell(f"add {pod.name} {pod.address} {self.port}")

    def remove(self, pod):
        self.tool.tell(f"del {pod.name}")

    def log(self):
        """Every check that ended: {"at", "source", "source_port", "name", "result"}."""
        with open(self.path, encoding="utf-8") as log:
            return [json.loads(line) for line in log]

    def end(self):
        self.tool.end()


class Plane:
    """What both kinds have: the nodes' addresses, and their checks."""

    type = "network"

    def __init__(self, lab):
        self.lab, plan = lab, lab.network.plan
        self.check_interval = lab.settings.check_interval
        # The first carries the traffic of Front; the others only check, as the nodes of other zones do.
        self.addresses = [plan.lb, *plan.lb_more]
        nodad = " nodad" if plan.ipv6 else ""
        lab.network.lb.ip("\n".join(f"addr add {plan.prefix(a)} dev eth0{nodad}" for a in plan.lb_more), plan.ipv6)
        checking = self.addresses[lab.settings.quiet_nodes:]
        self.checker = Checker(lab, checking)

    def names(self):
        return {pod.address: pod.name for pod in self.lab.kubernetes.pods}

    def add(self, pod):
        """Checked from here on; requests come with enable()."""
        self.checker.add(pod)

    def remove(self, pod):
        """Not a target any more: its health checks stop."""
        self.checker.remove(pod)

    def end(self):
        self.checker.end()


class Dnat(Plane):
    """The client's address is kept. A second front stands for a zone without a target, and cross-zone
    balancing is off: what comes there is refused by the balancer itself."""

    name, preserves_client = "nlb", True

    def __init__(self, lab):
        super().__init__(lab)
        self.peers = {lab.network.plan.client}
        self.lock = threading.Lock()
        self.targets = []
        ns = lab.network.lb
        ns.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        ns.nft(RULES)
        plan = lab.network.plan
        ns.ip(f"addr add {plan.prefix(plan.front_b)} dev pub0" + (" nodad" if plan.ipv6 else ""), plan.ipv6)

    def entries(self, requests, flows):
        return entries_of_capture(requests, flows, self.names())

    def enable(self, pod):
        self._change(self.targets.append, pod.address)

    def drain(self, pod):
        """No new flow from here on; conntrack keeps the others where they are."""
        self._change(self.targets.remove, pod.address)

    def _change(self, how, address):
        """The rule and its targets in one transaction; without a target nothing answers but a RST."""
        with self.lock:
            how(address)
            family = "ip6" if self.lab.network.plan.ipv6 else "ip"
            rules = "flush chain inet nlb targets\n"
            if self.targets:
                numbered = ", ".join(f"{i} : {a} . {PORT}" for i, a in enumerate(self.targets))
                rules += (f"add rule inet nlb targets {family} daddr {self.lab.network.plan.front} "
                          f"tcp dport {FRONT_PORT} dnat {family} to numgen inc mod {len(self.targets)} "
                          f"map {{ {numbered} }}\n")
            self.lab.network.lb.nft(rules)

    def forbid(self, pod):
        """The security group lets no new flow through to the pod any more, of no node of the balancer. At
        the device: a flow keeps its target, which it would not if it were dropped before conntrack has it."""
        family = "ip6" if self.lab.network.plan.ipv6 else "ip"
        self.lab.network.lb.nft(
            "table netdev group { chain out { type filter hook egress device eth0 priority filter; "
            f"{family} daddr {pod.address} tcp flags & (syn | ack) == syn counter drop; }}; }}\n")


class Front(Plane):
    """The client's address is not kept: every connection is one of the balancer's own."""

    name, preserves_client = "nlb_front", False

    def __init__(self, lab):
        super().__init__(lab)
        self.lock = threading.Lock()
        self.peers = {lab.network.plan.lb}
        self.path = os.path.join(lab.folder, "front.jsonl")
        with open(os.path.join(lab.folder, "front.err"), "wb") as err:
            self.tool = Tool(lab.cgroup.tools, in_netns(lab.network.lb, program(
                "front", lab.network.plan.front, FRONT_PORT, lab.network.plan.lb,
                int(lab.settings.proxy_header), self.path)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err)

    def entries(self, requests, _flows):
        with open(self.path, encoding="utf-8") as log:
            return entries_of_front(requests, [json.loads(line) for line in log], self.names())

    def _command(self, line):
        with self.lock:
            self.tool.tell(line)
            if self.tool.process.stdout.readline().strip() != b"done":
                raise LabError("the front ended, see front.err")

    def enable(self, pod):
        self._command(f"add {pod.name} {pod.address} {PORT}")

    def drain(self, pod):
        self._command(f"drain {pod.name}")

    def end(self):
        self.tool.end()
        super().end()
