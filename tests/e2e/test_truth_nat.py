# SPDX-License-Identifier: Apache-2.0
"""What becomes of a connection behind a node's NAT, on small fixtures (scripts/lab/drainlab/nat.py)."""

import os
import socket
import struct
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab import nat, truth  # noqa: E402
from drainlab.capture import Way  # noqa: E402
from drainlab.proc import LabError  # noqa: E402

S, MS = 10**9, 10**6
BASE = 1_795_000_000 * S
LB, NODE, OTHER, POD, FAR = "10.77.0.10", "10.77.1.10", "10.77.1.20", "10.77.1.66", "10.77.1.33"
NODE_PORT, PORT = 30080, 8080
SYN, ACK, RST, PSH = 2, 16, 4, 8


def outer(at, sport, seq, node=NODE, flags=SYN):
    return (BASE + at, LB, sport, node, NODE_PORT, flags, seq, 0, 0)


def inner(at, sport, seq, source=NODE, pod=POD, flags=SYN, size=0):
    return (BASE + at, source, sport, pod, PORT, flags, seq, 0, size)


def answer(at, sport, source=NODE, pod=POD, flags=RST | ACK, size=0):
    return (BASE + at, pod, PORT, source, sport, flags, 900, 0, size)


def ways(*packets, node=NODE):
    return nat.Translations(packets, LB, node, NODE_PORT, PORT)


def entry(ident, sport, sent, took=0, node=NODE, term="SC--"):
    return {"id": ident, "accept_ns": BASE + sent, "sent_ns": BASE + sent, "end_ns": BASE + sent + took,
            "server": "node", "source": LB, "source_port": sport, "address": node, "port": NODE_PORT,
            "term": term, "status": 503, "Ta": took // MS}


class TestTranslations(unittest.TestCase):
    def test_the_syn_with_the_same_number_is_the_same(self):
        found = ways(outer(0, 40000, 7), inner(1, 50000, 8), inner(1, 51000, 7))
        self.assertEqual(found.of(40000, BASE + MS), (True, (NODE, 51000, POD)))

    def test_a_retransmission_is_not_another_connection(self):
        found = ways(outer(0, 40000, 7), inner(0, 51000, 7), outer(S, 40000, 7), inner(S, 51000, 7))
        self.assertEqual(len(found.outer[40000]), 1)

    def test_a_port_used_again_goes_by_time(self):
        found = ways(outer(0, 40000, 7), inner(0, 51000, 7), outer(5 * S, 40000, 9),
                     inner(5 * S, 52000, 9, pod=FAR))
        self.assertEqual(found.of(40000, BASE + 4 * S)[1], (NODE, 51000, POD))
        self.assertEqual(found.of(40000, BASE + 5 * S)[1], (NODE, 52000, FAR))

    def test_a_number_of_long_ago_is_another_connection(self):
        self.assertEqual(ways(inner(0, 51000, 7), outer(5 * S, 40000, 7)).of(40000, BASE + 5 * S), (True, None))

    def test_handed_on_to_no_pod(self):
        self.assertEqual(ways(outer(0, 40000, 7)).of(40000, BASE), (True, None))

    def test_never_seen(self):
        self.assertEqual(ways(outer(S, 40000, 7)).of(40000, BASE), (False, None))
        self.assertEqual(ways().of(40000, BASE), (False, None))

    def test_what_others_send_to_the_node_port_is_not_the_balancers(self):
        stranger = (BASE, "10.77.1.65", 40000, NODE, NODE_PORT, SYN, 7, 0, 0)
        self.assertEqual(ways(stranger, inner(0, 51000, 7)).inner(), set())

    def test_only_a_syn_opens(self):
        self.assertEqual(ways(outer(0, 40000, 7, flags=ACK), inner(0, 51000, 7)).inner(), set())


class TestFollow(unittest.TestCase):
    def follow(self, entries, *packets):
        return nat.follow(entries, {NODE: ways(*packets)}, {POD: "web-1"}, PORT)

    def test_an_entry_is_told_as_the_pod_sees_it(self):
        made, = self.follow([entry("1", 40000, 0)], outer(0, 40000, 7), inner(0, 51000, 7))
        self.assertEqual((made["source"], made["source_port"], made["address"], made["port"], made["server"],
                          made["via"]), (NODE, 51000, POD, PORT, "web-1", "node"))
        self.assertNotIn("why", made)

    def test_the_witness_may_be_a_little_late(self):
        made, = self.follow([entry("1", 40000, 0)], outer(40 * MS, 40000, 7), inner(40 * MS, 51000, 7))
        self.assertEqual(made["address"], POD)

    def test_a_pooled_connection_is_followed_from_its_beginning(self):
        made, = self.follow([entry("1", 40000, 20 * S, term="SH--")], outer(0, 40000, 7), inner(0, 51000, 7))
        self.assertEqual(made["source_port"], 51000)

    def test_what_the_node_kept_says_so(self):
        refused, lost = self.follow([entry("1", 40000, 0), entry("2", 40001, 0)], outer(0, 40000, 7))
        self.assertEqual((refused["address"], refused["why"]), (NODE, "the node sent it to no pod"))
        self.assertEqual(lost["why"], "no packet of it reached the node")

    def test_entries_of_no_node_and_of_no_connection_stay(self):
        plain, none = entry("1", 40000, 0, node=POD), entry("2", None, 0)
        self.assertEqual(self.follow([plain, none], outer(0, 40000, 7)), [plain, none])


class TestFlows(unittest.TestCase):
    def test_both_ways_of_what_was_handed_on_and_nothing_else(self):
        probe = inner(0, 60000, 99)
        packets = (outer(0, 40000, 7), inner(0, 51000, 7), answer(1, 51000), probe, answer(1, 60000))
        found = nat.flows(packets, [ways(*packets)], PORT)
        self.assertEqual(list(found), [Way(51000, POD, PORT)])
        self.assertEqual([p.to_pod for p in found[51000, POD, PORT].packets], [True, False])
        self.assertTrue(found[51000, POD, PORT].lost(BASE, BASE + S))

    def test_over_another_node_the_first_ones_witness_shows_it(self):
        there = ways(outer(0, 40000, 7, node=OTHER), inner(0, 51000, 7, source=OTHER), node=OTHER)
        here = [inner(1, 51000, 7, source=OTHER), answer(2, 51000, source=OTHER)]
        self.assertEqual(len(nat.flows(here, [there], PORT)[51000, POD, PORT].packets), 2)


class TestJoin(unittest.TestCase):
    PODS = [{"uid": "u1", "name": "web-1", "address": POD, "marks": {"t0": [BASE, BASE]}},
            {"uid": "u2", "name": "web-2", "address": FAR, "marks": {}, "elsewhere": True}]

    def join(self, entries, drops=()):
        requests = [{"id": e["id"], "ok": False, "status": 503} for e in entries]
        return truth.join(requests, entries, list(drops), self.PODS, {PORT}, {})

    def test_a_pod_of_another_node_is_out_of_sight(self):
        packets = (outer(0, 40000, 7), inner(0, 51000, 7, pod=FAR))
        failure, = self.join(nat.follow([entry("1", 40000, 0, term="sC--")], {NODE: ways(*packets)},
                                        {FAR: "web-2"}, PORT)).failures
        self.assertEqual((failure.verdict, failure.why), ("unobservable", "the node sent it to web-2, on another node"))

    def test_a_drop_of_such_a_pod_is_a_false_one(self):
        drop = {"time": "2026-11-18T08:00:00Z", "source.address": LB, "source.port": 51000,
                "destination.address": FAR, "destination.port": PORT, "k8s.pod.uid": "u2"}
        self.assertEqual(len(self.join([], [drop]).false_drops), 1)

    def test_what_the_node_refused_is_out_of_sight(self):
        entries = nat.follow([entry("1", 40000, 0)], {NODE: ways(outer(0, 40000, 7))}, {}, PORT)
        failure, = self.join(entries).failures
        self.assertEqual((failure.verdict, failure.why), ("unobservable", "the node sent it to no pod"))


class TestParse(unittest.TestCase):
    @staticmethod
    def record(*attributes):
        body = b"\x02\x00\x00\x07"
        for kind, value in attributes:
            body += struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
        return body

    @staticmethod
    def segment():
        tcp = struct.pack(">HHIIBBHHH", 40000, 8080, 7, 0, 5 << 4, SYN, 0, 0, 0)
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 63, 6, 0,
                           socket.inet_aton(LB), socket.inet_aton(POD))
        return head + tcp

    def capture(self, *records, link=nat.NFLOG):
        data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 160, link)
        for record in records:
            data += struct.pack("<IIII", 1_795_000_000, 250_000, len(record), len(record)) + record
        return data

    def test_the_packet_is_found_among_the_attributes(self):
        record = self.record((1, b"abcd"), (10, b"x"), (nat.PAYLOAD, self.segment()))
        (at, source, sport, target, dport, flags, seq, _, size), = nat.parse(self.capture(record))
        self.assertEqual((at, source, sport, target, dport, flags, seq, size),
                         (BASE + 250 * MS, LB, 40000, POD, 8080, SYN, 7, 0))

    def test_what_is_no_packet_is_passed_over(self):
        broken = b"\x02\x00\x00\x07" + struct.pack("<HH", 0, 1)
        self.assertEqual(list(nat.parse(self.capture(broken, self.record((1, b"abcd")), b""))), [])

    def test_a_record_that_was_cut_ends_it(self):
        whole = self.capture(self.record((nat.PAYLOAD, self.segment())))
        self.assertEqual(list(nat.parse(whole[:-3])), [])

    def test_another_link_type_is_an_error(self):
        with self.assertRaises(LabError):
            list(nat.parse(self.capture(link=276)))


if __name__ == "__main__":
    unittest.main()
