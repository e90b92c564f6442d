# SPDX-License-Identifier: Apache-2.0
"""The accept queue is full when the last part of the handshake comes (M11): the load balancer thinks
that it is connected, and waits."""

from drainlab.proc import now_ns
from . import at_least, found, no_rollout_cause

SUMMARY = "accept queue full at the last ACK of the handshake: requests that time out after 20 s"
SETTINGS = {"server": "gate", "rate": 10.0}


def play(lab):
    full, _ = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    begin = now_ns()
    # What follows the SYN is held back at the load balancer for a moment, so that the queue fills meanwhile.
    family = "ip6" if lab.settings.ipv6 else "ip"
    lab.network.lb.nft(f"""
        add table inet slow
        add chain inet slow output {{ type filter hook output priority 0; }}
        add rule inet slow output {family} daddr {full.address} tcp dport 8080 \
            tcp flags & (syn | ack | rst) == ack drop""")
    full.tell("hold")
    lab.clients.burst(16, "/")
    lab.sleep(0.3)
    lab.plane.drain(full)
    full.tell("fill")
    lab.network.lb.nft("delete table inet slow")
    lab.sleep(22)
    full.in_force("backlog_overflow", begin, now_ns())
    full.tell("accept")


def mechanics(run):
    return at_least(5, run.failures("sH", 19000), "requests without an answer for 20 s")


def must_find(run):
    return found(run, "backlog_overflow", 5) + no_rollout_cause(run)
