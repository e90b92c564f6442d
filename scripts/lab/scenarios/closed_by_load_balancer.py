# SPDX-License-Identifier: Apache-2.0
"""The deregistration delay is over while a request is outstanding: the load balancer resets it (M10)."""

from . import advises, at_least, found

SUMMARY = "requests that outlast the deregistration delay: reset by the load balancer"
SETTINGS = {"server": "holding", "balancer": "tinylb", "resets": True, "rate": 12.0, "lag": 1.5, "delay": 3.0,
            "prestop": 6.0, "grace": 7.0, "tail": 1.0}


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.create()
    lab.kubernetes.delete(lab.kubernetes.running[0])
    lab.sleep(lab.settings.lag / 3)
    lab.clients.burst(12, "/slow?s=8")


def mechanics(run):
    return at_least(4, run.failures("KH"), "requests that the load balancer gave up")


def must_find(run):
    problems = found(run, "closed_by_load_balancer", 4) + advises(
        run, "raise_delay", object="TargetGroup/shop-web", field="deregistration_delay.timeout_seconds",
        current=f"{run.lab.settings.delay:g}", suggested=f"more than {run.lab.settings.delay:g}",
        evidence=f"reset {len(run.by_cause('closed_by_load_balancer'))} connections")
    if len(run.by_cause("closed_by_load_balancer")) != len(run.failures("KH")):
        problems.append(f"{len(run.failures('KH'))} requests reset by the load balancer")
    return problems
