# SPDX-License-Identifier: Apache-2.0
"""Health checks on a port of their own, with a cadence of their own, go on after the traffic has ended:
they are counted apart, and neither the tail nor the advice knows of them."""

from . import at_least, counted_in_all, found, same_advice

SUMMARY = "health checks on a port of their own, refused and lost: counted apart"
SETTINGS = {"balancer": "nlb_front", "check_style": "http", "lag": 3.0, "linger": 5.0, "delay": 9.0, "rate": 10.0}


def refused_checks(run):
    return [c for c in run.lab.plane.checker.log() if c["name"] == run.ended[0].name and c["result"] != "ok"]


def mechanics(run):
    drained = run.ended[0].marks["drained"][1]
    late = [c for c in refused_checks(run) if c["at"] > drained]
    return at_least(5, run.failures("SC"), "refused connections") + at_least(5, late, "failed checks after the drain")


def must_find(run):
    problems = found(run, "listener_closed", 5) + same_advice(run)
    return problems + at_least(len(refused_checks(run)), ["x"] * counted_in_all(run, "health_check"),
                               "failed checks counted apart")
