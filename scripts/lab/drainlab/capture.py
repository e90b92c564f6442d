# SPDX-License-Identifier: Apache-2.0
"""tcpdump on the node, and its file read by hand: what really passed, for what no log tells.

An XDP program of the node drops before anything there can capture: then it is the load balancer's namespace.
"""

import collections
import os
import socket
import struct

from .proc import LabError
from .tcpdump import Tcpdump

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
INCOMING, OUTGOING = 0, 4   # pkttype of a cooked capture
SLL2 = 276


class Capture(Tcpdump):
    """The node on all its interfaces; the uplinks' packets are what counts later."""

    def __init__(self, lab):
        self.at_lb = lab.settings.release == "xdp"
        self.path = os.path.join(lab.folder, "node.pcap")
        super().__init__(lab, lab.network.lb if self.at_lb else lab.network.node,
                         os.path.join(lab.folder, "tcpdump.err"), [
                             "-i", "any", "--time-stamp-precision=nano", "-y", "LINUX_SLL2", "-w", self.path,
                             "tcp or icmp or icmp6 or arp"])


class Packet:
    """One TCP segment as it passed the node's edge. `to_pod`: it came from the load balancer's side."""

    __slots__ = ("at", "to_pod", "flags", "seq", "ack", "size")

    def __init__(self, at, to_pod, flags, seq, ack, size):
        self.at, self.to_pod, self.flags, self.seq, self.ack, self.size = at, to_pod, flags, seq, ack, size


# A connection as the pods see it. Pods on the host's network have one address, and a port of the peer's may be used for each.
Way = collections.namedtuple("Way", "peer_port address port")


class Flow:
    """The packets of one 4-tuple, in their order."""

    def __init__(self, port):
        self.port = port        # the pod's
        self.packets = []

    def between(self, begin, end):
        return [p for p in self.packets if begin <= p.at <= end]

    def first_syn(self, begin, end):
        """The moment of the first SYN to the pod, or None."""
        return next((p.at for p in self.between(begin, end) if p.to_pod and p.flags & (SYN | ACK) == SYN), None)

    def last_payload(self, begin, end):
        """The moment at which the last request (payload not seen before) went to the pod, or None."""
        top, last = None, None
        for p in self.between(0, end):
            if not p.to_pod or not p.size:
                continue
            if top is None or (p.seq + p.size - top) & 0xFFFFFFFF < 1 << 31 and p.seq + p.size != top:
                top = p.seq + p.size
                if p.at >= begin:
                    last = p.at
        return last

    def last_arrival(self, unseen=()):
        """The moment of the last thing that was sent to the pod for the first time: a SYN or payload. SYNs
        within the intervals `unseen` do not count: who saw nothing then takes the next one for the first."""
        syns = {}
        for p in self.packets:
            if p.to_pod and p.flags & (SYN | ACK) == SYN and not any(lo <= p.at <= hi for lo, hi in unseen):
                syns.setdefault(p.seq, p.at)
        payload = self.last_payload(0, 1 << 63)
        return max([*syns.values(), *([payload] if payload else [])], default=None)

    def lost(self, begin, end):
        """True if something that the load balancer sent in that time was refused or never answered."""
        packets = self.between(begin, end)
        return any(not self._answered(p, packets[i + 1:]) for i, p in enumerate(packets)
                   if p.to_pod and (p.flags & SYN or p.size))

    @staticmethod
    def _answered(sent, later):
        """True if the pod answered a SYN with SYN|ACK, a payload with payload, before it closed."""
        for p in later:
            if p.to_pod:
                continue
            if p.flags & RST:
                return False
            if p.flags & SYN if sent.flags & SYN else p.size:
                return True
            if p.flags & FIN:
                return False
        return False

    def answered_whole(self, begin, end):
        """True if nothing was outstanding when the pod ended the connection: every byte that it had
        received was older than a byte that it had sent, and all that it sent was acknowledged."""
        packets = self.between(begin, end)
        cut = next((i for i, p in enumerate(packets) if not p.to_pod and p.flags & (FIN | RST)), None)
        if cut is None:
            return False
        before = packets[:cut]
        sent = [p for p in before if not p.to_pod and p.size]
        got = [p for p in before if p.to_pod and p.size]
        if not sent or not got or got[-1].at > sent[-1].at:
            return False
        top = (sent[-1].seq + sent[-1].size) & 0xFFFFFFFF
        last = packets[cut]
        return last.size == 0 and last.seq == top and any(
            p.to_pod and p.flags & ACK and p.ack == top for p in before)


def frames(data):
    """Yields (ns, cooked frame) of a capture."""
    magic = data[:4]
    if magic not in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"):
        raise LabError("the capture has no nanosecond stamps")
    order = "<" if magic == b"\x4d\x3c\xb2\xa1" else ">"
    if struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF != SLL2:
        raise LabError("the capture is not of link type LINUX_SLL2")
    at = 24
    while at + 16 <= len(data):
        seconds, nanos, size, _ = struct.unpack_from(order + "IIII", data, at)
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if len(frame) < size:
            return
        yield seconds * 10**9 + nanos, frame


def parse(data):
    """Yields (ns, pkttype, source, source port, destination, port, flags, seq, ack, payload bytes)."""
    for at, frame in frames(data):
        found = segment(frame)
        if found:
            yield (at, frame[10], *found)


def unreachables(path):
    """[(ns, seq)] of the ICMP errors "unreachable": when each passed, and the number of the segment that is in it."""
    with open(path, "rb") as file:
        found = [(at, refused(frame)) for at, frame in frames(file.read())]
    return [(at, seq) for at, seq in found if seq is not None]


def refused(frame):
    """The sequence number of the segment of which a cooked frame says that it is unreachable, or None."""
    protocol, packet = struct.unpack_from(">H", frame)[0], frame[20:]
    if protocol == 0x0800 and len(packet) > 20 and packet[9] == 1:
        icmp, kind = packet[(packet[0] & 15) * 4:], 3
    elif protocol == 0x86DD and len(packet) > 40 and packet[6] == 58:
        icmp, kind = packet[40:], 1
    else:
        return None
    inner = icmp[8:]
    if len(inner) < 20 or icmp[0] != kind or (inner[9] if kind == 3 else inner[6]) != 6:
        return None
    tcp = inner[(inner[0] & 15) * 4 if kind == 3 else 40:]
    return struct.unpack_from(">I", tcp, 4)[0] if len(tcp) >= 8 else None


def segment(frame):
    """The TCP segment in a cooked frame, or None."""
    return ip_segment(frame[20:]) if struct.unpack_from(">H", frame)[0] in (0x0800, 0x86DD) else None


def ip_segment(packet):
    """The TCP segment in an IP packet, or None."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20 and packet[9] == 6:
        head, total = (packet[0] & 15) * 4, struct.unpack_from(">H", packet, 2)[0]
        family, source, target = socket.AF_INET, packet[12:16], packet[16:20]
    elif version == 6 and len(packet) >= 40 and packet[6] == 6:
        head, total = 40, 40 + struct.unpack_from(">H", packet, 4)[0]
        family, source, target = socket.AF_INET6, packet[8:24], packet[24:40]
    else:
        return None
    tcp = packet[head:]
    if len(tcp) < 20:
        return None
    sport, dport, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", tcp)
    return (socket.inet_ntop(family, source), sport, socket.inet_ntop(family, target), dport, flags,
            seq, ack, total - head - (offset >> 4) * 4)


def read(path, peers, ports, at_lb=False):
    """{Way: Flow} of the connections of these peers to the pods' serving ports."""
    wanted = {True: OUTGOING, False: INCOMING} if at_lb else {True: INCOMING, False: OUTGOING}
    with open(path, "rb") as file:
        data = file.read()
    flows = {}
    for at, kind, source, sport, target, dport, flags, seq, ack, size in parse(data):
        if source in peers and dport in ports:
            way, to_pod = Way(sport, target, dport), True
        elif target in peers and sport in ports:
            way, to_pod = Way(dport, source, sport), False
        else:
            continue
        # A packet passes two interfaces of the node. What counts is the load balancer's side: there
        # its packets come in, and the answers that it gets go out.
        if kind != wanted[to_pod]:
            continue
        flows.setdefault(way, Flow(way.port)).packets.append(Packet(at, to_pod, flags, seq, ack, size))
    for flow in flows.values():
        flow.packets.sort(key=lambda p: p.at)
    return flows
