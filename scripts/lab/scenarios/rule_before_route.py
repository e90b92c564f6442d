# SPDX-License-Identifier: Apache-2.0
"""Strict rp_filter on a secondary interface: what is lost, is lost from the moment at which rule 1536
goes, although the route to the pod is there for some seconds more (M3a)."""

from . import at_least, found

SUMMARY = "strict rp_filter: the loss begins when rule 1536 goes, long before the route"
SETTINGS = {"rate": 15.0, "eni": "secondary", "rp_filter": "strict", "route_after": 2.5, "lag": 4.0}
FAMILIES = ("ipv4",)    # there is no rp_filter for IPv6


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.create()
    lab.kubernetes.delete(pod)
    lab.kubernetes.wait()
    # The route was still there, and yet nobody is refused any more.
    pod.in_force("address_released", pod.marks["rule_1536"][1], pod.marks["route"][1] + 3600 * 10**9)


def between(run, pod, failures):
    return [f for f in failures if pod.marks["rule_1536"][1] < f.sent < pod.marks["route"][0]]


def mechanics(run):
    pod = run.ended[0]
    silent = between(run, pod, run.failures("sC", 9000))
    refused = between(run, pod, run.failures("SC"))
    return (at_least(10, silent, "connections that timed out while the route was there")
            + [f"{len(refused)} connections were refused after rule 1536 had gone"] * bool(refused))


def must_find(run):
    pod = run.ended[0]
    early = [f.drop for f in between(run, pod, run.truth.failures) if f.drop]
    outcomes = {d.get("drainsnoop.drop.outcome") for d in early}
    problems = found(run, "address_released", 10) + at_least(10, early, "drops while the route was there")
    return problems + ([] if outcomes == {"rp_filter"} else [f"outcomes {outcomes}, expected rp_filter"])
