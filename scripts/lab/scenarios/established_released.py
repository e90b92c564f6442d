# SPDX-License-Identifier: Apache-2.0
"""Requests on kept connections whose pod's address is released (M2 and M3 for established connections):
one pod for each thing that can become of such a packet. No SYN is among them, and no FIN: the pods' last
words are lost, as where a sandbox goes before its process; the load balancer thinks that it is connected."""

from drainlab.capture import ACK, SYN
from . import at_least, found

SUMMARY = "payload on kept connections to released addresses, with every outcome: 504, not 502"
SETTINGS = {"balancer": "tinylb", "pool": 60, "rate": 32.0, "lag": 3.0, "eni": "both", "rp_filter": "strict"}
KEPT = 40
SILENT = """table inet silent {
    chain output {
        type filter hook output priority 0;
        tcp sport 8080 tcp flags & (fin | rst) != 0 drop
    }
}"""
# What covers the address, and the outcome. The number gives the address: odd ones are on the first interface.
KINDS = {3: ("subnet", "neigh_failed"), 5: ("blackhole", "blackhole"), 7: ("unreachable", "icmp_unreachable"),
         9: ("throw", "no_route"), 11: ("forward", "forwarded_out"), 13: ("tc", "dropped_by_cni"),
         4: ("subnet", "rp_filter")}


def kinds(lab):
    return {index: kind for index, kind in KINDS.items() if not (lab.settings.ipv6 and kind[1] == "rp_filter")}


def play(lab):
    lab.outcomes = {}
    for index, (cover, outcome) in kinds(lab).items():
        pod = lab.kubernetes.create(index=index)
        pod.place.cover(cover)
        lab.outcomes[pod] = outcome
    lab.kubernetes.create(index=15)
    lab.start_clients()
    for pod in lab.outcomes:
        lab.plane.warm(pod, KEPT)
        pod.place.netns.nft(SILENT)
    for pod in lab.outcomes:
        lab.kubernetes.delete(pod)


def mechanics(run):
    problems = at_least(10, run.failures("sH", 19000), "requests without an answer for 20 s")
    for pod in run.ended:
        if any(p.flags & (SYN | ACK) == SYN and p.at >= pod.marks["released"][0] for p in run.sent_to(pod)):
            problems.append(f"a SYN to {pod.name} after its address was released")
    return problems


def must_find(run):
    problems = found(run, "address_released", 10)
    for pod, outcome in run.lab.outcomes.items():
        drops = [d for d in run.by_cause("address_released") if d.get("k8s.pod.uid") == pod.uid]
        told = {d.get("drainsnoop.drop.outcome") for d in drops}
        symptoms = {d.get("drainsnoop.drop.symptom") for d in drops}
        if told != {outcome} or symptoms != {"alb_504"}:
            problems.append(f"{pod.address}: outcomes {told}, symptoms {symptoms}; expected {outcome}, alb_504")
    return problems
