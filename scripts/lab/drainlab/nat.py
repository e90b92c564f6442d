# SPDX-License-Identifier: Apache-2.0
"""Follows connections through a node's NAT: which pod did a connection to a NodePort go to?

The witness logs packets at netfilter's hooks (NFLOG, read by tcpdump): those for the NodePort as they
come in, those for a pod as they are handed on, after all NAT and also where nobody is found on the link
afterwards, and the pods' answers. NAT changes addresses and ports, never a sequence number: the SYN that
goes out with the initial number of one that came in is the same. Pure but for the Witness.
"""

import bisect
import os
import struct

from .capture import ACK, SYN, Flow, Packet, Way, ip_segment
from .proc import LabError
from .tcpdump import Tcpdump

GROUP, NFLOG, PAYLOAD = 7, 239, 9
LATE = 50 * 10**6
SAME = 2 * 10**9    # a SYN passes NAT at once; its retransmissions have the same number


class Witness(Tcpdump):
    """tcpdump on a node's NFLOG group."""

    def __init__(self, lab, netns, name, node_port, port):
        self.path = os.path.join(lab.folder, f"nat-{name}.pcap")
        log = f"log group {GROUP} snaplen 160 queue-threshold 1"
        netns.nft(f"""
            table inet witness {{
                chain before {{ type filter hook prerouting priority -300; tcp dport {node_port} {log}; tcp sport {port} {log}; }}
                chain after {{ type filter hook postrouting priority 300; tcp dport {port} {log}; }}
            }}""")
        super().__init__(lab, netns, self.path + ".err", ["-i", f"nflog:{GROUP}", "-w", self.path])

    def read(self):
        with open(self.path, "rb") as file:
            return list(parse(file.read()))


def parse(data):
    """Yields (ns, source, source port, destination, port, flags, seq, ack, payload bytes) of an NFLOG capture."""
    if data[:4] != b"\xd4\xc3\xb2\xa1" or struct.unpack_from("<I", data, 20)[0] & 0xFFFF != NFLOG:
        raise LabError("the capture is not of link type NFLOG")
    at = 24
    while at + 16 <= len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, at)
        record = data[at + 16:at + 16 + size]
        at += 16 + size
        if len(record) < size:
            return
        packet = payload_of(record)
        found = ip_segment(packet) if packet else None
        if found:
            yield (seconds * 10**9 + micros * 1000, *found)


def payload_of(record):
    """The packet in an NFLOG record: a header of four bytes, then attributes (length, type, value, padding)."""
    at = 4
    while at + 4 <= len(record):
        size, kind = struct.unpack_from("<HH", record, at)
        if size < 4:
            return None
        if kind == PAYLOAD:
            return record[at + 4:at + size]
        at += (size + 3) & ~3
    return None


class Translations:
    """What became of the load balancer's connections to a node's NodePort.

    packets: of one node's witness. lb: the load balancer's addresses; nodes: where it sends.
    """

    def __init__(self, packets, lb, node, node_port, port):
        inner = {}
        for at, source, sport, target, dport, flags, seq, *_ in packets:
            if dport == port and flags & (SYN | ACK) == SYN:
                inner.setdefault(seq, []).append((at, source, sport, target))
        self.outer = {}     # balancer's port: [(when, None or (source, source port, pod's address))]
        seen = set()
        for at, source, sport, target, dport, flags, seq, *_ in packets:
            if (source, target, dport) != (lb, node, node_port) or flags & (SYN | ACK) != SYN:
                continue
            if (sport, seq) in seen:
                continue
            seen.add((sport, seq))
            to = next((there[1:] for there in inner.get(seq, ()) if abs(there[0] - at) < SAME), None)
            self.outer.setdefault(sport, []).append((at, to))

    def of(self, sport, at):
        """(known, (source, source port, pod's address) or None) of the connection from that port, which was
        opened at that moment or before."""
        times = self.outer.get(sport, [])
        index = bisect.bisect_right([time for time, _ in times], at) - 1
        return (True, times[index][1]) if index >= 0 else (False, None)

    def inner(self):
        """{(source, source port, pod's address)} of all that was handed on to a pod."""
        return {to for times in self.outer.values() for _, to in times if to}


def follow(entries, translations, pods, port):
    """The balancer's log as if it had sent to the pods themselves: server, address and source port of each
    connection are those behind the NAT; `via` is the node. What was handed on to no pod keeps the node's
    address and says so in `why`.

    translations: {node's address: Translations}. pods: {address: name}; port: the pods'.
    """
    followed = []
    for entry in entries:
        ways = translations.get(entry["address"])
        if not ways or not entry["source_port"]:
            followed.append(entry)
            continue
        # HAProxy's times are whole ms, the witness's those of its reading; a pooled connection is older.
        known, to = ways.of(entry["source_port"], entry["end_ns"] + LATE)
        entry = {**entry, "via": entry["server"]}
        if to:
            source, sport, address = to
            entry |= {"source": source, "source_port": sport, "address": address, "port": port,
                      "server": pods.get(address, entry["server"])}
        else:
            entry["why"] = "the node sent it to no pod" if known else "no packet of it reached the node"
        followed.append(entry)
    return followed


def flows(packets, translations, port):
    """{Way: Flow} of what was handed on to pods, and of the answers."""
    wanted = {way for ways in translations for way in ways.inner()}
    found = {}
    for at, source, sport, target, dport, flags, seq, ack, size in packets:
        if dport == port and (source, sport, target) in wanted:
            way, to_pod = Way(sport, target, port), True
        elif sport == port and (target, dport, source) in wanted:
            way, to_pod = Way(dport, source, port), False
        else:
            continue
        found.setdefault(way, Flow(port)).packets.append(Packet(at, to_pod, flags, seq, ack, size))
    for flow in found.values():
        flow.packets.sort(key=lambda packet: packet.at)
    return found
