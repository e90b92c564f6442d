# SPDX-License-Identifier: Apache-2.0
"""A rule of the node's forward hook resets what comes for a pod (M12): one that stays, one that ends."""

from drainlab.proc import now_ns
from . import at_least, found, no_rollout_cause

SUMMARY = "netfilter rejects with tcp reset: connections of a pod that stays, and of one that ends"
SETTINGS = {"server": "gate", "rate": 20.0, "prestop": 5.0, "grace": 10.0}
VERDICT, SECONDS = "reject with tcp reset", 2.0


def rule(lab, pod, verdict):
    """A policy for new connections, as they are stateful. Returns a moment before it was in force."""
    before = now_ns()
    family = "ip6" if lab.settings.ipv6 else "ip"
    lab.network.node.nft(f"""
        add table inet guard
        add chain inet guard forward {{ type filter hook forward priority 0; }}
        add rule inet guard forward {family} daddr {pod.address} tcp dport 8080 \
            tcp flags & (syn | ack) == syn {verdict}""")
    return before


def rejecting(lab, verdict, seconds, quiet=0):
    """First at a pod that stays, at last at one that ends. `quiet`: the pod that stays gets no new
    request for so long before its rule goes."""
    stays, ends = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    begin = rule(lab, stays, verdict)
    lab.sleep(seconds)
    if quiet:
        lab.plane.drain(stays)
        lab.sleep(quiet)
    lab.network.node.nft("delete table inet guard")
    stays.in_force("rejected", begin, now_ns())
    if quiet:
        lab.plane.enable(stays)
    lab.wait_for_requests(20)
    lab.kubernetes.delete(ends)
    begin = rule(lab, ends, verdict)
    ends.in_force("rejected", begin, begin + 3600 * 10**9)


def play(lab):
    rejecting(lab, VERDICT, SECONDS)


def mechanics(run):
    return at_least(20, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    pods = {d.get("k8s.pod.uid") for d in run.by_cause("rejected")}
    problems = found(run, "rejected", 20) + no_rollout_cause(run)
    return problems + ([] if len(pods) == 2 else ["rejected at one of the two pods only"])
