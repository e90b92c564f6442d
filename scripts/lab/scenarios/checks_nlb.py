# SPDX-License-Identifier: Apache-2.0
"""Nodes of an NLB that carry no traffic check on the traffic's port, and go on after it has ended: what they
lose looks like a lost request. Their cadence tells, as each only ever connects and ends."""

from . import at_least, checks_are_apart, failed_checks_after_drain, found, same_advice

SUMMARY = "NLB nodes without traffic check the traffic's port: told by their cadence"
SETTINGS = {"balancer": "nlb_front", "checks_on_traffic": True, "quiet_nodes": 1, "check_interval": 3, "lag": 4.0,
            "linger": 7.0, "delay": 15.0, "rate": 8.0}
LEARNED = 4     # checks of each node before the pod goes


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    while len([c for c in lab.plane.checker.log() if c["name"] == pod.name]) < 2 * LEARNED:
        lab.sleep(0.1)
    lab.kubernetes.rollout()


def mechanics(run):
    return at_least(5, run.failures("SC"), "refused connections") + at_least(
        4, failed_checks_after_drain(run), "failed checks after the drain")


def must_find(run):
    nodes = run.lab.plane.addresses[1:]
    blamed = [d for d in run.truth.drops if d.get("source.address") in nodes or d.get("destination.address") in nodes]
    problems = found(run, "listener_closed", 5) + same_advice(run, run.lab.settings.check_interval)
    if blamed:
        problems.append(f"{len(blamed)} checks are called drops")
    return problems + checks_are_apart(run)
