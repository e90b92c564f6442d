# SPDX-License-Identifier: Apache-2.0
"""Pods with an IPv4 and an IPv6 address, each a target of a group of its family: one pod, one verdict, two ways to lose."""

from drainlab.truth import plain
from . import at_least, found

SUMMARY = "dual stack: what is lost at either address is its pod's, by the right target group"
SETTINGS = {"dual": True, "pods": 2, "rate": 15.0, "lag": 4.0, "linger": 1.0}
FAMILIES = ("ipv4",)        # and the other one, in the same run
GROUPS = ("shop-web", "shop-web-six")


def play(lab):
    for _ in range(lab.settings.pods):
        lab.kubernetes.create()
    lab.start_clients()
    lab.add_clients(address=lab.network.plans[1].front)
    lab.wait_for_requests(4 * lab.settings.rate)
    lab.kubernetes.rollout()


def of_family(run, number):
    """The addresses of that family of the pods that ended."""
    return {(pod.address, *pod.others)[number] for pod in run.ended}


def mechanics(run):
    problems = []
    for number, group in enumerate(GROUPS):
        own = of_family(run, number)
        failed = [f for f in run.failures("SC") + run.failures("sC") if f.entry["address"] in own]
        served = [e for e in run.entries if e["term"] == "----" and e["address"] in own]
        problems += at_least(10, failed, f"connections that failed at targets of {group}")
        problems += at_least(20, served, f"requests served by targets of {group}")
    return problems


def at_address(drops, address):
    return [d for d in drops if plain(address) in map(plain, (d["source.address"], d["destination.address"]))]


def must_find(run):
    problems = found(run, "listener_closed", 4) + found(run, "address_released", 4)
    for pod in run.ended:
        lost = []
        for address, group in zip((pod.address, *pod.others), GROUPS):
            drops = at_address(run.truth.drops, address)
            lost += drops
            problems += at_least(5, drops, f"drops at {address}")
            wrong = [d for d in drops if (d.get("k8s.pod.uid"), d.get("drainsnoop.target_group.name")) != (pod.uid, group)]
            problems += [f"{len(wrong)} drops at {address} are another pod's, or not {group}'s"] * bool(wrong)
        verdicts = [e for e in run.output if e.get("event.name") == "drainsnoop.pod.verdict"
                    and e.get("k8s.pod.uid") == pod.uid]
        told = [(v.get("drainsnoop.verdict.code"), v.get("drainsnoop.verdict.drops")) for v in verdicts]
        if told != [("dropped", len(lost))]:
            problems.append(f"the verdicts on {pod.name} are {told}; {len(lost)} of its connections were dropped")
    return problems
