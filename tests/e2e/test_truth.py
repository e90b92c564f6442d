# SPDX-License-Identifier: Apache-2.0
"""The truth's join and the capture's reading, on small fixtures: python3 -m unittest tests/e2e/test_truth.py"""

import os
import socket
import struct
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab import capture, loadbalancer, report, truth  # noqa: E402
from drainlab.capture import Way  # noqa: E402
from drainlab.events import parse_rfc3339, rfc3339  # noqa: E402
from drainlab.settings import Settings  # noqa: E402

S, MS = 10**9, 10**6
BASE = 1_795_000_000 * S
LB, POD, UID = "10.77.0.10", "10.77.1.66", "11111111-2222-3333-4444-555555555555"
# T0 at 0, SIGTERM at 0 s, exited at 10 ms, released from 5 s to 5.01 s.
MARKS = {name: [BASE + at for at in edges] for name, edges in {
    "t0": (0, 0), "sigterm": (0, 0), "end_signal": (0, 0), "exited": (10 * MS, 10 * MS),
    "released": (5 * S, 5 * S + 10 * MS)}.items()}


def pod(**changes):
    return {"uid": UID, "name": "web-1", "address": POD, "marks": MARKS, **changes}


def request(ident, good=False):
    return {"id": ident, "ok": good, "status": 200 if good else 503}


def entry(ident, port, term, sent, took=0, address=POD):
    return {"id": ident, "accept_ns": BASE + sent, "sent_ns": BASE + sent, "end_ns": BASE + sent + took,
            "server": "web-1", "source": LB, "source_port": port, "address": address, "port": 8080,
            "term": term, "status": 503, "Ta": took // MS}


def drop(port, cause, at, uid=UID, reverse=False, address=POD):
    peer, own = ("destination", "source") if reverse else ("source", "destination")
    return {"event.name": "drainsnoop.drop", "time": rfc3339(BASE + at), "k8s.pod.uid": uid,
            "drainsnoop.drop.cause": cause, peer + ".address": LB, peer + ".port": port,
            own + ".address": address, own + ".port": 8080}


def packet(at, to_pod, flags, seq=0, ack=0, size=0):
    return capture.Packet(BASE + at, to_pod, flags, seq, ack, size)


def flow(*packets):
    made = capture.Flow(8080)
    made.packets = list(packets)
    return made


def join(requests, entries, drops, flows=None, pods=None, **more):
    return truth.join(requests, entries, drops, pods or [pod()], {8080}, flows, **more)


class Join(unittest.TestCase):
    def verdicts(self, joined):
        return [f.verdict for f in joined.failures]

    def test_nothing_failed(self):
        joined = join([request("a", True)], [entry("a", 1000, "----", 0)], [])
        self.assertEqual((joined.recall, joined.precision, len(joined.failures)), (1.0, 1.0, 0))

    def test_explained_whichever_way_the_packet_went(self):
        for reverse in (False, True):
            joined = join([request("a")], [entry("a", 1000, "SC--", S)],
                          [drop(1000, "listener_closed", S, reverse=reverse)])
            self.assertEqual(self.verdicts(joined), ["explained"])
            self.assertEqual((joined.recall, joined.precision), (1.0, 1.0))

    def test_unexplained_and_false(self):
        joined = join([request("a")], [entry("a", 1000, "SC--", S)], [drop(1001, "listener_closed", S)])
        self.assertEqual(self.verdicts(joined), ["unexplained"])
        self.assertEqual((joined.recall, joined.precision), (0.0, 0.0))

    def test_wrong_cause_is_no_false_drop(self):
        joined = join([request("a")], [entry("a", 1000, "SC--", S)], [drop(1000, "address_released", S)])
        self.assertEqual(self.verdicts(joined), ["wrong_cause"])
        self.assertEqual((joined.recall, joined.precision), (0.0, 1.0))

    def test_wrong_pod(self):
        joined = join([request("a")], [entry("a", 1000, "SC--", S)],
                      [drop(1000, "listener_closed", S, uid="another")])
        self.assertEqual(self.verdicts(joined), ["wrong_cause"])

    def test_right_drop_is_preferred_and_the_second_is_false(self):
        joined = join([request("a")], [entry("a", 1000, "SC--", S)],
                      [drop(1000, "unknown", S), drop(1000, "listener_closed", S + 1)])
        self.assertEqual(self.verdicts(joined), ["explained"])
        self.assertEqual([d["drainsnoop.drop.cause"] for d in joined.false_drops], ["unknown"])
        self.assertEqual(joined.precision, 0.5)

    def test_one_drop_explains_one_request(self):
        joined = join([request("a"), request("b")],
                      [entry("a", 1000, "SC--", S), entry("b", 1000, "SC--", 2 * S)],
                      [drop(1000, "listener_closed", S)])
        self.assertEqual(sorted(self.verdicts(joined)), ["explained", "unexplained"])

    def test_a_reused_port_is_told_by_time(self):
        joined = join([request("a"), request("b")],
                      [entry("a", 1000, "SC--", S), entry("b", 1000, "SC--", 100 * S)],
                      [drop(1000, "listener_closed", S), drop(1000, "address_released", 100 * S)])
        self.assertEqual(self.verdicts(joined), ["explained", "explained"])

    def test_no_server_and_never_arrived_are_unobservable(self):
        nowhere = {**entry("a", None, "SC--", S), "source_port": None, "address": "-"}
        joined = join([request("a"), request("b")], [nowhere], [])
        self.assertEqual(self.verdicts(joined), ["unobservable"] * 2)
        self.assertEqual(joined.recall, 1.0)

    def test_no_packet_is_unobservable_only_with_a_capture(self):
        args = [request("a")], [entry("a", 1000, "sC--", S, 10 * S)], []
        self.assertEqual(self.verdicts(join(*args)), ["unexplained"])
        self.assertEqual(self.verdicts(join(*args, flows={})), ["unobservable"])
        seen = {Way(1000, POD, 8080): flow(packet(S, True, capture.SYN))}
        self.assertEqual(self.verdicts(join(*args, flows=seen)), ["unexplained"])

    def test_cut_after_everything_was_acknowledged(self):
        answered = flow(packet(S, True, 24, 1, 1, 60), packet(S + 1, False, 24, 1, 61, 500),
                        packet(S + 2, True, 16, 61, 501), packet(S + 3, False, 17, 501, 61))
        open_end = flow(packet(S, True, 24, 1, 1, 60), packet(S + 1, False, 24, 1, 61, 500),
                        packet(S + 3, False, 17, 501, 61))
        for packets, want in ((answered, "unobservable"), (open_end, "unexplained")):
            joined = join([request("a")], [entry("a", 1000, "SD--", S, MS)], [], {Way(1000, POD, 8080): packets})
            self.assertEqual(self.verdicts(joined), [want])

    def test_an_answer_of_the_pods_own_is_unobservable(self):
        args = ([request("a")], [entry("a", 1000, "----", 0, 50 * MS)], [])
        whole = flow(packet(0, True, capture.ACK, 1, 1, 100), packet(MS, False, capture.ACK, 1, 101, 50))
        cut = flow(packet(0, True, capture.ACK, 1, 1, 100))
        for packets, want in ((whole, "unobservable"), (cut, "unexplained")):
            self.assertEqual(self.verdicts(join(*args, flows={Way(1000, POD, 8080): packets})), [want])

    def test_a_drop_that_nobody_felt_but_the_log_or_the_capture_shows(self):
        joined = join([request("a", True)], [entry("a", 1000, "SC--", S)], [drop(1000, "listener_closed", S)])
        self.assertEqual(joined.precision, 1.0)
        refused = {Way(1000, POD, 8080): flow(packet(S, True, 2, 5), packet(S + 1, False, 20, 0, 6))}
        self.assertEqual(join([], [], [drop(1000, "listener_closed", S)], refused).precision, 1.0)
        served = {Way(1000, POD, 8080): flow(packet(S, True, 2, 5), packet(S + 1, False, 18, 9, 6),
                                    packet(S + 2, True, 24, 6, 10, 60), packet(S + 3, False, 24, 10, 66, 90),
                                    packet(S + 4, False, 20, 100, 66))}
        self.assertEqual(join([], [], [drop(1000, "listener_closed", S)], served).precision, 0.0)

    def test_indistinguishable_is_outside_precision(self):
        joined = join([], [], [drop(1000, "listener_closed", S)], indistinguishable=lambda d: True)
        self.assertEqual((len(joined.indistinguishable), joined.precision), (1, 1.0))

    def test_a_port_used_again_does_not_lend_its_drop_to_the_request_before(self):
        args = [request("a"), request("b")], [entry("a", 1000, "SC--", S), entry("b", 1000, "SC--", 3 * S)]
        joined = join(*args, [drop(1000, "listener_closed", 3 * S)], gaps=[(BASE, BASE + 2 * S)])
        self.assertEqual(self.verdicts(joined), ["not_observed", "explained"])
        joined = join(*args, [drop(1000, "listener_closed", S), drop(1000, "listener_closed", 3 * S)])
        self.assertEqual((self.verdicts(joined), joined.precision), (["explained"] * 2, 1.0))

    def test_lost_in_a_gap_is_not_observed_unless_it_is_explained(self):
        args = [request("a"), request("b"), request("c")], [entry("a", 1000, "SC--", S), entry("b", 1001, "SC--", S),
                                                            entry("c", 1002, "SC--", 3 * S)]
        joined = join(*args, [drop(1001, "listener_closed", S)], gaps=[(BASE + S - MS, BASE + 2 * S)])
        self.assertEqual(self.verdicts(joined), ["not_observed", "explained", "unexplained"])
        self.assertEqual(joined.recall, 0.5)
        self.assertEqual(self.verdicts(join(*args, [], gaps=[(BASE, BASE + 2 * S)]))[2], "unexplained")

    def test_drops_of_nobody_are_false(self):
        joined = join([], [], [drop(1000, "listener_closed", S, address="10.77.1.99"), {"time": rfc3339(BASE)}])
        self.assertEqual(len(joined.false_drops), 2)

    def test_ipv6_text_forms(self):
        joined = join([request("a")], [entry("a", 1000, "SC--", S, address="fd77:1::1:2")],
                      [drop(1000, "listener_closed", S, address="fd77:1:0:0:0:0:1:2")],
                      pods=[pod(address="fd77:1::1:2")])
        self.assertEqual(self.verdicts(joined), ["explained"])


class Expected(unittest.TestCase):
    def causes(self, term, sent, failed, opened=None, marks=MARKS):
        failure = truth.Failure({}, {"term": term}, None, BASE + sent, BASE + failed,
                                opened and BASE + opened)
        return set(truth.expected_causes(failure, marks))

    def test_connects(self):
        self.assertEqual(self.causes("SC--", S, S), {"listener_closed"})
        self.assertEqual(self.causes("sC--", 6 * S, 16 * S), {"address_released"})
        both = {"listener_closed", "address_released"}
        self.assertEqual(self.causes("SC--", 5 * S - 40 * MS, 5 * S), both)
        self.assertEqual(self.causes("SC--", 5 * S + 40 * MS, 6 * S), both)
        self.assertEqual(self.causes("SC--", 5 * S - 60 * MS, 5 * S), {"listener_closed"})
        self.assertEqual(self.causes("SC--", 5 * S + 70 * MS, 6 * S), {"address_released"})

    def test_before_the_end_a_refused_connection_has_no_rollout_cause(self):
        self.assertEqual(self.causes("SC--", -S, -S), set())

    def test_responses(self):
        self.assertEqual(self.causes("SH--", -2 * S, 5 * MS), {"aborted_in_flight"})
        self.assertEqual(self.causes("SH--", S, S), {"late_request"})
        self.assertEqual(self.causes("SH--", 6 * S, 7 * S), {"address_released"})
        self.assertEqual(self.causes("SH--", 5 * MS, 6 * MS), {"aborted_in_flight", "late_request"})
        self.assertIn("listener_closed", self.causes("SH--", 5 * MS, 6 * MS, opened=4 * MS))

    def test_keep_alive(self):
        self.assertEqual(self.causes("SH--", S, S, marks={}), {"keepalive_race"})
        waiting = {"t0": [BASE, BASE], "end_signal": [BASE + 9 * S] * 2}
        self.assertEqual(self.causes("SH--", S, S, marks=waiting), {"late_request"})
        self.assertEqual(self.causes("SH--", -S, -S, marks=waiting), {"keepalive_race"})


class Flows(unittest.TestCase):
    def test_last_arrival_counts_first_sendings_only(self):
        made = flow(packet(0, True, 2, 5), packet(S, True, 2, 5), packet(2 * S, False, 18, 9, 6),
                    packet(3 * S, True, 24, 6, 10, 60), packet(4 * S, True, 24, 6, 10, 60),
                    packet(5 * S, True, 17, 66, 10), packet(6 * S, True, 16, 66, 10))
        self.assertEqual(made.last_arrival(), BASE + 3 * S)
        self.assertEqual(truth.last_arrival({Way(1, POD, 8080): made}, ["10.77.1.67", POD], BASE), BASE + 3 * S)
        self.assertIsNone(truth.last_arrival({Way(1, POD, 8080): made}, ["10.77.1.67"], BASE))

    def test_lost(self):
        silent = flow(packet(0, True, 2, 5), packet(S, True, 2, 5))
        self.assertTrue(silent.lost(BASE - S, BASE + 9 * S))
        self.assertFalse(flow(packet(0, True, 17, 66, 10), packet(1, False, 4, 10)).lost(BASE - S, BASE + S))

    def frame(self, kind, ip, tcp, protocol):
        return struct.pack(">HHIHBB8s", protocol, 0, 3, 1, kind, 6, bytes(8)) + ip + tcp

    def test_read(self):
        lb6, pod6 = "fd77::10", "fd77:1::1:2"
        tcp = struct.pack(">HHIIBBHHH", 40000, 8080, 7, 0, 5 << 4, 2, 1, 0, 0)
        back = struct.pack(">HHIIBBHHH", 8080, 40000, 0, 8, 5 << 4, 20, 1, 0, 0)
        ip4 = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0,
                          socket.inet_aton(LB), socket.inet_aton(POD))
        ip4_back = ip4[:12] + ip4[16:20] + ip4[12:16]
        ip6 = struct.pack(">IHBB16s16s", 6 << 28, 20, 6, 64, socket.inet_pton(socket.AF_INET6, lb6),
                          socket.inet_pton(socket.AF_INET6, pod6))
        frames = [self.frame(0, ip4, tcp, 0x0800), self.frame(4, ip4, tcp, 0x0800),
                  self.frame(0, ip4_back, back, 0x0800), self.frame(4, ip4_back, back, 0x0800),
                  self.frame(0, ip6, tcp, 0x86DD), self.frame(0, b"\0" * 28, b"", 0x0806),
                  # A second pod on the host's network: the peer may use a port of its own for each.
                  self.frame(0, ip4, tcp[:2] + struct.pack(">H", 9080) + tcp[4:], 0x0800)]
        data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, capture.SLL2)
        for i, frame in enumerate(frames):
            data += struct.pack("<IIII", 5, i, len(frame), len(frame)) + frame
        with tempfile.NamedTemporaryFile() as file:
            file.write(data + b"cut short")
            file.flush()
            four = capture.read(file.name, {LB}, {8080, 9080})
            six = capture.read(file.name, {lb6}, {8080})
        self.assertEqual([(p.at, p.to_pod, p.flags, p.size) for p in four[40000, POD, 8080].packets],
                         [(5 * S, True, 2, 0), (5 * S + 3, False, 20, 0)])
        self.assertEqual([p.at for p in four[40000, POD, 9080].packets], [5 * S + 6])
        self.assertEqual([p.seq for p in six[40000, pod6, 8080].packets], [7])


class Small(unittest.TestCase):
    def test_times(self):
        self.assertEqual(rfc3339(BASE + 1), "2026-11-18T11:06:40.000000001Z")
        self.assertEqual(parse_rfc3339(rfc3339(BASE + 17 * MS)), BASE + 17 * MS)
        self.assertEqual(parse_rfc3339("2026-11-18T11:06:40Z"), BASE)

    def test_log(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("Server pods/web-1 is UP\n"
                       '{"id":"a","accept":"1795000000.250","server":"web-1","source":"10.77.0.10",'
                       '"source_port":"4000","address":"10.77.1.66","port":"8080","term":"SC--","status":503,'
                       '"Tq":2,"Tw":1,"Tc":-1,"Tr":-1,"Ta":3}\n'
                       '{"id":"b","accept":"1795000000.250","server":"<NOSRV>","source":"-","source_port":"-",'
                       '"address":"-","port":"-","term":"SC--","status":503,"Tq":0,"Tw":-1,"Tc":-1,"Tr":-1,"Ta":0}\n')
            file.flush()
            first, second = loadbalancer.read_log(file.name, LB)
        self.assertEqual((first["sent_ns"], first["end_ns"]), (BASE + 253 * MS, BASE + 253 * MS))
        self.assertEqual((second["source_port"], second["port"]), (None, None))

    def test_scale(self):
        scaled = Settings(prestop=5, grace=30, lag=4, delay=30, rate=50, scale=0.1).scaled()
        self.assertEqual((scaled.prestop, scaled.grace, scaled.delay, scaled.rate), (1.0, 3.0, 3.0, 50))
        self.assertAlmostEqual(scaled.lag, 0.4)
        self.assertEqual(Settings(scale=0.1).scaled().prestop, 0)

    def test_advice_is_the_last_of_its_kind(self):
        def advice(suggested, code="raise_prestop"):
            return {"event.name": "drainsnoop.advice", "drainsnoop.advice.code": code,
                    "drainsnoop.advice.object": "Deployment/default/web", "drainsnoop.advice.field": "f",
                    "drainsnoop.advice.current": "none", "drainsnoop.advice.suggested": suggested}
        found = report.advice_of([advice("5"), advice("7"), advice("20", "raise_grace"), {"event.name": "x"}])
        self.assertEqual([(a["code"], a["suggested"]) for a in found], [("raise_prestop", "7"), ("raise_grace", "20")])

    def test_json_keys(self):
        lab = type("Lab", (), {"settings": Settings()})
        made = report.result("clean", lab, join([], [], []), [], None, [])
        self.assertEqual(tuple(made), report.KEYS)


if __name__ == "__main__":
    unittest.main()
