# SPDX-License-Identifier: Apache-2.0
"""What the kernel's own trace proves, on lines as it prints them: python3 -m unittest tests/e2e/test_truth_ftrace.py"""

import os
import socket
import struct
import sys
import tempfile
import types
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

import scenarios  # noqa: E402
from drainlab import capture, ftrace, truth  # noqa: E402
from drainlab.capture import ACK, RST, SYN, Way  # noqa: E402

S, MS, US = 10**9, 10**6, 10**3
LB, POD = "10.77.0.10", "10.77.1.66"
SUPERVISOR, OTHER = 700, 41     # the one that cannot be traced, and one that can

GIVEN_UP = ("  some task-x-{pid}      [001] {flags}  {at:.6f}: kfree_skb: skbaddr=00000000d7a1 rx_sk=0000000000000000 "
            "protocol=2048 location=neigh_invalidate+0xd3/0x140 reason: NEIGH_FAILED\n")
RESET = ("          <idle>-{pid}     [000] {flags}  {at:.6f}: tcp_send_reset: skbaddr=00000000d7a1 skaddr=0000000000000000 "
         "src={src} dest={dest} state=UNKNOWN reason=NO_SOCKET\n")


def given_up(at, pid=SUPERVISOR, flags="..s2."):
    return GIVEN_UP.format(at=100 + at / 10**6, pid=pid, flags=flags)


def reset(at, pid=SUPERVISOR, flags="..s2.", src=f"{POD}:8080", dest=f"{LB}:1000"):
    return RESET.format(at=100 + at / 10**6, pid=pid, flags=flags, src=src, dest=dest)


def established(at, pid=SUPERVISOR, flags=".Ns1.", pod=POD, peer=LB, port=1000, family="AF_INET6"):
    """As an IPv4 connection of a dual-stack listener is told; port: the peer's."""
    v6 = [address if ":" in address else f"::ffff:{address}" for address in (pod, peer)]
    v4 = ["0.0.0.0" if ":" in address else address for address in (pod, peer)]
    return (f" some task-{pid}      [000] {flags} {100 + at / 10**6:.6f}: inet_sock_set_state: family={family} "
            f"protocol=IPPROTO_TCP sport=8080 dport={port} saddr={v4[0]} daddr={v4[1]} saddrv6={v6[0]} daddrv6={v6[1]} "
            "oldstate=TCP_SYN_RECV newstate=TCP_ESTABLISHED\n")


def records(*lines):
    return ftrace.parse("# tracer: nop\n" + "".join(lines), 0, lambda pid: pid == SUPERVISOR)


def flow(*packets):
    """(us, to the pod, flags, sequence number)"""
    made = capture.Flow(8080)
    made.packets = [capture.Packet(100 * S + at * US, to_pod, flags, seq, 0, 0) for at, to_pod, flags, seq in packets]
    return made


def failure(failed, address=POD, port=1000):
    return truth.Failure({}, {"source_port": port, "address": address}, None, 100 * S, 100 * S + failed * US)


class Parse(unittest.TestCase):
    def test_both_events(self):
        found = ftrace.parse(reset(5) + given_up(3, OTHER), -37 * S, lambda pid: pid == SUPERVISOR)
        self.assertEqual(found, [(63 * S + 3 * US, ftrace.GIVEN_UP, frozenset(), False),
                                 (63 * S + 5 * US, ftrace.RESET, frozenset({(POD, 8080), (LB, 1000)}), True)])

    def test_ipv6(self):
        found = records(reset(5, src="[fd77:1::1:2]:8080", dest="[fd77::10]:1000"))
        self.assertEqual(found[0].ends, {("fd77:1::1:2", 8080), ("fd77::10", 1000)})

    def test_what_counts_is_a_softirq_that_interrupts(self):
        for flags, counts in (("..s1.", True), ("d.s2.", True), ("d.H2.", True), (".....", False), ("d.h1.", False)):
            with self.subTest(flags):
                self.assertEqual(records(given_up(5, flags=flags))[0].out_of_reach, counts)

    def test_nothing_else_is_a_record(self):
        self.assertEqual(records("CPU:1 [LOST 3 EVENTS]\n", "\n", reset(5, src="(null)")), [])

    def test_a_process_of_our_own_can_be_traced(self):
        self.assertFalse(ftrace.is_untraceable(os.getpid()))
        self.assertFalse(ftrace.is_untraceable(0))


class OutOfReach(unittest.TestCase):
    refused = ((0, True, SYN, 7), (900, False, RST | ACK, 0))
    silent = ((0, True, SYN, 7), (1_000_000, True, SYN, 7))
    icmp = (100 * S + 500_000 * US, 7)

    def proven(self, packets, lines, errors=(), failed=1_100_000, **more):
        return bool(ftrace.out_of_reach(failure(failed, **more), flow(*packets), records(*lines), list(errors)))

    def test_a_reset_with_its_own_record(self):
        self.assertTrue(self.proven(self.refused, [reset(880)]))
        self.assertTrue(self.proven(self.refused, [reset(880, src=f"{LB}:1000", dest=f"{POD}:8080")]))

    def test_a_reset_without(self):
        self.assertFalse(self.proven(self.refused, []))
        self.assertFalse(self.proven(self.refused, [reset(880, OTHER)]))
        self.assertFalse(self.proven(self.refused, [reset(880, flags=".....")]))
        self.assertFalse(self.proven(self.refused, [reset(880, dest=f"{LB}:1001")]))
        self.assertFalse(self.proven(self.refused, [reset(880, src="10.77.1.67:8080")]))
        self.assertFalse(self.proven(self.refused, [reset(1000)]), "sent after the RST that the capture has")
        self.assertFalse(self.proven(self.refused, [given_up(880)]))

    def test_two_resets_need_two_records(self):
        again = (*self.refused, (600_000, True, SYN, 8), (600_900, False, RST, 0))
        self.assertFalse(self.proven(again, [reset(880)]))
        self.assertFalse(self.proven(again, [reset(880), reset(600_880, OTHER)]))
        self.assertTrue(self.proven(again, [reset(880), reset(600_880)]))

    def test_an_icmp_with_its_own_record(self):
        self.assertTrue(self.proven(self.silent, [given_up(500_010)], [self.icmp]))

    def test_an_icmp_without(self):
        self.assertFalse(self.proven(self.silent, [], [self.icmp]))
        self.assertFalse(self.proven(self.silent, [given_up(500_010, OTHER)], [self.icmp]))
        self.assertFalse(self.proven(self.silent, [given_up(500_600)], [self.icmp]))
        self.assertFalse(self.proven(self.silent, [given_up(499_900)], [self.icmp]))
        self.assertFalse(self.proven(self.silent, [given_up(500_010)], [(self.icmp[0], 8)]), "another segment's")
        self.assertFalse(self.proven(self.silent, [given_up(500_010)], []), "nothing says that it died then")

    def test_beside_one_that_could_be_seen_it_may_have_been_that_one(self):
        self.assertFalse(self.proven(self.silent, [given_up(500_010), given_up(500_020, OTHER)], [self.icmp]))

    def test_an_icmp_and_a_reset_need_both(self):
        both = (*self.silent, (1_000_900, False, RST, 0))
        self.assertFalse(self.proven(both, [given_up(500_010)], [self.icmp]))
        self.assertTrue(self.proven(both, [given_up(500_010), reset(1_000_880)], [self.icmp]))

    def test_an_error_of_another_time_is_another_connections(self):
        self.assertFalse(self.proven(self.silent, [given_up(500_010)], [self.icmp], failed=400_000))


class GotThroughLater(unittest.TestCase):
    """A drop of a connection that came about later, where nobody could see that."""

    SENT = ((900, True, SYN, 7), (2_999_900, True, SYN, 7))
    CAME = SENT + ((2_999_950, False, SYN | ACK, 3), (2_999_990, True, ACK, 8), (3_000_200, True, ACK, 8))

    def proven(self, *lines, peer=LB, pod=POD, packets=CAME):
        drop = {"time": "1970-01-01T00:01:40.001Z", "source.address": peer, "source.port": 1000,
                "destination.address": pod, "destination.port": 8080}
        return ftrace.came_about_out_of_reach(drop, {Way(1000, pod, 8080): flow(*packets)} if packets else {}, records(*lines))

    def test_with_its_own_record(self):
        self.assertTrue(self.proven(established(3_000_000)))
        self.assertTrue(self.proven(established(3_000_000, family="AF_INET")))
        self.assertTrue(self.proven(established(3_000_000, pod="fd77:1::2", peer="fd77::10"), pod="fd77:1::2", peer="fd77::10"))

    def test_without(self):
        self.assertFalse(self.proven())
        self.assertFalse(self.proven(established(3_000_000, OTHER)), "who could see it had to")
        self.assertFalse(self.proven(established(3_000_000), established(3_001_000, OTHER)))
        self.assertFalse(self.proven(established(3_000_000, port=1001)))
        self.assertFalse(self.proven(established(3_000_000, pod="10.77.1.67")))
        self.assertFalse(self.proven(established(500)), "before it was lost")
        self.assertFalse(self.proven(established(40_000_000)), "another one, on the same port")
        self.assertFalse(self.proven(reset(3_000_000)))

    def test_the_capture_tells_which_one_it_is(self):
        """Runs beside this one have the same addresses, and at times its port."""
        self.assertTrue(self.proven(established(1_500_000, OTHER), established(3_000_000), established(11_000_000, OTHER)))
        self.assertFalse(self.proven(established(1_500_000), established(3_000_000, OTHER)))
        self.assertFalse(self.proven(established(3_000_000), packets=()), "there is no capture")
        self.assertFalse(self.proven(established(3_000_000), packets=self.SENT), "nobody answered")
        self.assertFalse(self.proven(established(3_000_000), packets=self.SENT + ((3_000_000, False, RST | ACK, 0),)))
        self.assertFalse(self.proven(established(3_000_000), packets=self.CAME[:3]), "no handshake that ends")

    def test_it_ends_no_request(self):
        proof = OutOfReach().proven
        self.assertFalse(proof(OutOfReach.refused, [established(880)]))
        self.assertFalse(proof(OutOfReach.silent, [established(500_010)], [OutOfReach.icmp]))


class Join(unittest.TestCase):
    """Only what is unexplained is excused, and only then."""

    def joined(self, drops, why):
        entry = {"id": "a", "accept_ns": 100 * S, "sent_ns": 100 * S, "end_ns": 100 * S + MS, "server": "web-1",
                 "source": LB, "source_port": 1000, "address": POD, "port": 8080, "term": "SC--", "status": 503, "Ta": 1}
        pod = {"uid": "u", "name": "web-1", "address": POD, "marks": {"end_signal": [99 * S] * 2}}
        request = {"id": "a", "ok": False, "status": 503}
        return truth.join([request], [entry], drops, [pod], {8080}, {Way(1000, POD, 8080): flow(*OutOfReach.refused)},
                          out_of_reach=lambda failure, made: why)

    def test_what_must_be_found_is_less_by_that(self):
        for why, problems in (("because", []), (None, ["0 drops listener_closed, expected 1 or more"])):
            run = types.SimpleNamespace(truth=self.joined([], why), by_cause=lambda cause: [])
            self.assertEqual(scenarios.found(run, "listener_closed"), problems)
            self.assertEqual(len(scenarios.found(run, "address_released")), 1)

    def test_unobservable(self):
        joined = self.joined([], "because")
        self.assertEqual([(f.verdict, f.why) for f in joined.failures], [("unobservable", "because")])
        self.assertEqual(joined.recall, 1.0)
        self.assertEqual(self.joined([], None).failures[0].verdict, "unexplained")

    def test_its_arrival_is_out_of_reach_too(self):
        flows = {Way(1000, POD, 8080): flow(*OutOfReach.refused), Way(1001, POD, 8080): flow((-500_000, True, SYN, 9))}
        self.assertEqual(set(truth.within_reach(flows, self.joined([], "because"))), {Way(1001, POD, 8080)})
        self.assertEqual(set(truth.within_reach(flows, self.joined([], None))), set(flows))

    def test_a_drop_stands(self):
        drop = {"time": "1970-01-01T00:01:40.001Z", "k8s.pod.uid": "u", "source.address": LB, "source.port": 1000,
                "destination.address": POD, "destination.port": 8080, "drainsnoop.drop.cause": "address_released"}
        self.assertEqual(self.joined([drop], "because").failures[0].verdict, "wrong_cause")
        drop["drainsnoop.drop.cause"] = "listener_closed"
        self.assertEqual(self.joined([drop], "because").failures[0].verdict, "explained")


class Errors(unittest.TestCase):
    """The segment inside an ICMP error of a capture."""

    tcp = struct.pack(">HHII", 1000, 8080, 0xFEEDBEEF, 0)
    ip4 = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, socket.inet_aton(LB), socket.inet_aton(POD))
    ip6 = struct.pack(">IHBB16s16s", 6 << 28, 20, 6, 64, socket.inet_pton(socket.AF_INET6, "fd77::10"),
                      socket.inet_pton(socket.AF_INET6, "fd77:1::1:2"))

    def frame(self, protocol, ip, icmp):
        return struct.pack(">HHIHBB8s", protocol, 0, 3, 1, 4, 6, bytes(8)) + ip + icmp

    def test_of_both_families(self):
        four = self.frame(0x0800, self.ip4[:9] + b"\x01" + self.ip4[10:], struct.pack(">BBHI", 3, 1, 0, 0) + self.ip4 + self.tcp)
        six = self.frame(0x86DD, self.ip6[:6] + b"\x3a" + self.ip6[7:], struct.pack(">BBHI", 1, 3, 0, 0) + self.ip6 + self.tcp)
        echo = self.frame(0x0800, self.ip4[:9] + b"\x01" + self.ip4[10:], struct.pack(">BBHI", 8, 0, 0, 0) + self.ip4 + self.tcp)
        frames = [four, six, echo, four[:60], self.frame(0x0800, self.ip4, self.tcp + bytes(8))]
        data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, capture.SLL2)
        for i, frame in enumerate(frames):
            data += struct.pack("<IIII", 5, i, len(frame), len(frame)) + frame
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.assertEqual(capture.unreachables(file.name), [(5 * S, 0xFEEDBEEF), (5 * S + 1, 0xFEEDBEEF)])


if __name__ == "__main__":
    unittest.main()
