# SPDX-License-Identifier: Apache-2.0
"""Entries where the balancer keeps no log: python3 -m unittest tests/e2e/test_truth_nlb.py"""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab import capture, nlb, truth  # noqa: E402
from drainlab.capture import ACK, RST, SYN, Way  # noqa: E402

S, MS = 10**9, 10**6
BASE = 1_795_000_000 * S
A, B = "10.77.1.66", "10.77.1.67"
NAMES = {A: "web-a", B: "web-b"}


def request(ident, port, start, took, connected=None, ok=False, status=None, error=None, pod=None):
    told = {"connected": BASE + connected, "source": "10.78.0.2"} if connected is not None else {}
    return {"id": ident, "source_port": port, "start": BASE + start, "end": BASE + start + took, "ok": ok,
            "status": 200 if ok else status, "error": error, "pod": pod, **told}


def flow(*packets):
    made = capture.Flow(8080)
    made.packets = [capture.Packet(BASE + at, to_pod, flags, seq, 0, size) for at, to_pod, flags, seq, size in packets]
    return made


class Outcome(unittest.TestCase):
    def test_by_what_the_client_saw(self):
        for expected, seen in (
                ("----", request("r", 1, 0, 1, 0, ok=True)),
                ("SC--", request("r", 1, 0, 1, error="Connection refused")),
                ("sC--", request("r", 1, 0, 10 * S, error="timeout")),
                ("SH--", request("r", 1, 0, 1, 0, error="closed")),
                ("sH--", request("r", 1, 0, 40 * S, 0, error="timeout")),
                ("SD--", request("r", 1, 0, 1, 0, status=200, error="cut"))):
            self.assertEqual(nlb.outcome(seen), expected)


class OfCapture(unittest.TestCase):
    def entries(self, requests, flows):
        return {e["id"]: e for e in nlb.entries_of_capture(requests, flows, NAMES)}

    def test_the_port_tells_the_pod(self):
        flows = {Way(4001, A, 8080): flow((1 * MS, True, SYN, 7, 0), (2 * MS, False, RST | ACK, 0, 0)),
                 Way(4002, B, 8080): flow((1 * MS, True, SYN, 7, 0))}
        found = self.entries([request("r1", 4001, 0, 3 * MS, error="Connection refused"),
                              request("r2", 4002, 0, 10 * S, error="timeout"),
                              request("r3", 4003, 0, 10 * S, error="timeout")], flows)
        self.assertEqual([(found[i]["address"], found[i]["server"], found[i]["term"]) for i in ("r1", "r2", "r3")],
                         [(A, "web-a", "SC--"), (B, "web-b", "sC--"), ("-", None, "sC--")])
        self.assertEqual(found["r1"]["accept_ns"], BASE)
        self.assertEqual(found["r2"]["end_ns"], BASE + 10 * S)

    def test_a_port_that_is_used_again_is_told_by_time(self):
        flows = {Way(4001, A, 8080): flow((1 * MS, True, SYN, 7, 0)), Way(4001, B, 8080): flow((60 * S, True, SYN, 9, 0))}
        found = self.entries([request("r1", 4001, 0, 10 * S, error="timeout"),
                              request("r2", 4001, 60 * S, 10 * S, error="timeout")], flows)
        self.assertEqual((found["r1"]["address"], found["r2"]["address"]), (A, B))

    def test_a_port_that_another_client_uses_is_told_by_time(self):
        """The one was refused by the balancer itself, the other came to a pod 22 ms later."""
        flows = {Way(4001, A, 8080): flow((22 * MS, True, SYN, 7, 0))}
        found = self.entries([request("r1", 4001, 0, MS // 2, error="Connection refused"),
                              request("r2", 4001, 22 * MS, 2 * MS, 1 * MS, ok=True, pod="web-a")], flows)
        self.assertEqual((found["r1"]["address"], found["r2"]["address"]), ("-", A))

    def test_a_port_that_went_to_two_pods_at_once_tells_nothing(self):
        flows = {Way(4001, A, 8080): flow((1 * MS, True, SYN, 7, 0)), Way(4001, B, 8080): flow((2 * MS, True, SYN, 7, 0))}
        self.assertEqual(self.entries([request("r1", 4001, 0, S, error="timeout")], flows)["r1"]["address"], "-")

    def test_who_answered_is_who_was_meant(self):
        flows = {Way(4001, A, 8080): flow((1 * MS, True, SYN, 7, 0))}
        found = self.entries([request("r1", 4001, 0, S, 2 * MS, ok=True, pod="web-c")], flows)
        self.assertEqual(found["r1"]["server"], "web-c")    # its address has been another's

    def test_a_kept_connection_is_older_than_its_request(self):
        flows = {Way(4001, A, 8080): flow((1 * MS, True, SYN, 7, 0)), Way(4001, B, 8080): flow((90 * S, True, SYN, 9, 0))}
        found = self.entries([request("r1", 4001, 60 * S, 1 * MS, 2 * MS, error="closed")], flows)
        self.assertEqual((found["r1"]["address"], found["r1"]["sent_ns"]), (A, BASE + 60 * S))

    def test_joined_with_what_reached_no_node(self):
        requests = [request("r1", 4001, 0, 10 * S, error="timeout")]
        joined = truth.join(requests, nlb.entries_of_capture(requests, {}, NAMES), [], [], 8080, {})
        self.assertEqual([f.verdict for f in joined.failures], ["unobservable"])


class OfFront(unittest.TestCase):
    def line(self, port, start, result, connected=None, address=A):
        return {"client_port": port, "start": BASE + start, "source_port": port + 1000, "address": address,
                "result": result, "connected": connected and BASE + connected}

    def test_the_fronts_own_connection_is_what_counts(self):
        lines = [self.line(4001, 1 * MS, "refused"), self.line(4002, 1 * MS, "timeout"),
                 self.line(4003, 1 * MS, "connected", 2 * MS)]
        requests = [request("r1", 4001, 0, 3 * MS, 1, error="Connection reset by peer"),
                    request("r2", 4002, 0, 10 * S, 1, error="Connection reset by peer"),
                    request("r3", 4003, 0, 9 * MS, 1, error="closed"), request("r4", 4004, 0, 1 * MS, 1, error="closed")]
        found = nlb.entries_of_front(requests, lines, NAMES)
        self.assertEqual([(e["source_port"], e["address"], e["term"]) for e in found],
                         [(5001, A, "SC--"), (5002, A, "sC--"), (5003, A, "SH--"), (None, "-", "SH--")])
        self.assertEqual((found[0]["sent_ns"], found[2]["sent_ns"]), (BASE + 1 * MS, BASE + 2 * MS))

    def test_a_port_that_is_used_again_is_told_by_time(self):
        lines = [self.line(4001, 1 * MS, "refused"), self.line(4001, 60 * S, "refused", address=B)]
        found = nlb.entries_of_front([request("r1", 4001, 60 * S, 3 * MS, 1, error="closed")], lines, NAMES)
        self.assertEqual(found[0]["address"], B)


class Header(unittest.TestCase):
    def test_proxy_protocol_version_2(self):
        sys.path.insert(0, os.path.join(ROOT, "scripts/lab/drainlab/programs"))
        import front  # noqa: E402
        self.assertEqual(front.proxy_header(("10.78.0.2", 4001), ("10.78.0.1", 80)), bytes.fromhex(
            "0d0a0d0a000d0a515549540a" "21" "11" "000c" "0a4e0002" "0a4e0001" "0fa1" "0050"))
        six = front.proxy_header(("fd78::2", 4001, 0, 0), ("fd78::1", 80, 0, 0))
        self.assertEqual((six[13], six[14:16], len(six)), (0x21, b"\x00\x24", 52))


if __name__ == "__main__":
    unittest.main()
