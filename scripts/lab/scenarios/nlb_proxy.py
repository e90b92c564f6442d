# SPDX-License-Identifier: Apache-2.0
"""An NLB that keeps no client address and writes a PROXY protocol header: its own address brings traffic,
every client connection is one of its own, refused or reset ones it passes on."""

from . import at_least, counted_apart, found, no_verdict_but, same_advice

SUMMARY = "NLB, client address not kept, PROXY protocol header: through a long tail"
SETTINGS = {"balancer": "nlb_front", "proxy_header": True, "lag": 9.0, "linger": 4.0, "rate": 8.0, "delay": 10.0}


def mechanics(run):
    return at_least(5, run.failures("SC", slowest=500), "connections refused at once") + \
        at_least(5, run.failures("", 2000), "connections that failed after seconds")


def must_find(run):
    problems = found(run, "listener_closed", 5) + found(run, "address_released", 5) + same_advice(run)
    blamed = [d for d in run.truth.drops if run.lab.network.plan.lb not in (
        d.get("source.address"), d.get("destination.address"))]
    if blamed:
        problems.append(f"{len(blamed)} drops of another address than the one that has the traffic")
    if not counted_apart(run, "health_check"):
        problems.append("no health check is counted apart")
    return problems + no_verdict_but(run, "dropped")
