# SPDX-License-Identifier: Apache-2.0
"""A pod with an IPv4 and an IPv6 address, and a load balancer that sends by both: one pod, one verdict.

Three namespaces of the test's own: balancer, node, pod. The server is one dual-stack listener."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import netns
from test_live import BINARY, wait_for

PORT = 8080
LB, POD = ("10.99.0.1", "fd99::1"), ("10.99.1.5", "fd99:1::5")

SERVER = f"""
import socket
listener = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
print("listens", flush=True)
while True:
    conn, _ = listener.accept()
    conn.recv(100)
    conn.sendall(b"answer")
    conn.close()
"""
CLIENT = """
import socket, sys
try:
    conn = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    conn.sendall(b"request")
    print("served" if conn.recv(100) else "closed")
    conn.recv(100)
except ConnectionRefusedError:
    print("refused")
"""
LINKS = """
link add name lb0 netns {node} type veth peer name eth0 netns {lb}
link add name pod0 netns {node} type veth peer name eth0 netns {pod}
"""
ADDRESSES = {
    "lb": "addr add 10.99.0.1/24 dev eth0; addr add fd99::1/64 dev eth0 nodad; link set eth0 up; "
          "route add default via 10.99.0.2; route add default via fd99::2",
    "pod": "addr add 10.99.1.5/24 dev eth0; addr add fd99:1::5/64 dev eth0 nodad; link set eth0 up; "
           "route add default via 10.99.1.1; route add default via fd99:1::1",
    "node": "addr add 10.99.0.2/24 dev lb0; addr add fd99::2/64 dev lb0 nodad; link set lb0 up; "
            "addr add 10.99.1.1/24 dev pod0; addr add fd99:1::1/64 dev pod0 nodad; link set pod0 up",
}


@unittest.skipIf(os.geteuid(), "needs root")
class Dual(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.names = {role: netns.make(f"dual-{role}", self.addCleanup) for role in ("lb", "node", "pod")}
        self.ip("-n", self.names["node"], "-batch", "-", stdin=LINKS.format(**self.names))
        for role in ("node", "lb", "pod"):
            self.ip("-n", self.names[role], "-batch", "-", stdin=ADDRESSES[role].replace("; ", "\n"))
        subprocess.run([*self.inside("node"), "sysctl", "-qw", "net.ipv4.ip_forward=1",
                        "net.ipv6.conf.all.forwarding=1"], check=True)
        self.events = os.path.join(self.folder, "events.jsonl")
        self.output = os.path.join(self.folder, "output.jsonl")
        self.recording = os.path.join(self.folder, "recording.jsonl")
        with open(self.events, "w", encoding="utf-8"):
            pass

    @staticmethod
    def ip(*words, stdin=None):
        subprocess.run(["ip", *words], input=stdin, text=True, check=True)

    def inside(self, role):
        return netns.enter(self.names[role])

    def started(self, argv, **streams):
        process = subprocess.Popen(argv, **streams)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def lines(self, name):
        with open(self.output, encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.endswith("\n")]
        return [e for e in events if e["event.name"] == "drainsnoop." + name]

    def traffic(self):
        with open(self.recording, encoding="utf-8") as file:
            return "".join(line for line in file if '"drainsnoop.pod.traffic"' in line)

    def tell(self, phase):
        event = {"event.name": "drainsnoop.pod.state", "k8s.pod.uid": "6f2a1c1e-0000-4000-8000-000000000001",
                 "k8s.pod.name": "web-1", "k8s.namespace.name": "shop",
                 "drainsnoop.pod.addresses": ",".join(POD), "drainsnoop.pod.phase": phase}
        with open(self.events, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        wait_for(lambda: any(e["drainsnoop.pod.phase"] == phase for e in self.lines("pod.phase")), 60,
                 f"the phase {phase}")

    def connect(self):
        """What a connection by each address comes to."""
        return [subprocess.run([*self.inside("lb"), sys.executable, "-c", CLIENT, address, str(PORT)],
                               capture_output=True, text=True, check=True).stdout.strip() for address in POD]

    def test_one_verdict_for_both_addresses(self):
        with open(self.output, "wb") as out:
            trace = self.started([*self.inside("node"), BINARY, "trace", "-o", "json", "--events", self.events,
                                  "--lb", LB[0], "--lb", LB[1], "--settle", "1s", "--record", self.recording],
                                 stdout=out)
        wait_for(lambda: self.lines("start"), 60, "the first line")
        server = self.started([*self.inside("pod"), sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.assertEqual(server.stdout.readline(), b"listens\n")
        self.tell("ready")
        self.assertEqual(self.connect(), ["served", "served"])
        # The namespace that accepts for the pod: no cgroup names the pod of its listener here.
        wait_for(lambda: all(f'"destination.address":"{address}"' in self.traffic() for address in POD), 60,
                 "the counters of both addresses")
        self.tell("terminating")
        server.kill()
        server.wait()
        self.assertEqual(self.connect(), ["refused", "refused"])
        self.tell("deleted")
        wait_for(lambda: self.lines("pod.verdict"), 60, "the verdict")
        trace.send_signal(signal.SIGINT)
        self.assertEqual(trace.wait(60), 0)

        drops = self.lines("drop")
        self.assertEqual([(d["network.type"], d["drainsnoop.drop.cause"], d["destination.address"], d["k8s.pod.name"])
                          for d in drops], [("ipv4", "listener_closed", POD[0], "web-1"),
                                            ("ipv6", "listener_closed", POD[1], "web-1")])
        verdicts = self.lines("pod.verdict")
        self.assertEqual([v["drainsnoop.verdict.drops"] for v in verdicts], [2])
        closed = [e["drainsnoop.pod.phase_port"] for e in self.lines("pod.phase")
                  if e["drainsnoop.pod.phase"] == "listener_closed"]
        self.assertEqual(closed, [PORT])
        self.assertFalse(self.lines("loss"))


if __name__ == "__main__":
    unittest.main()
