# SPDX-License-Identifier: Apache-2.0
"""drainsnoop is killed in the middle of a rollout and started again: what it knew it knows again."""

import os
import time

from drainlab import loadbalancer
from drainlab.proc import wait_for
from . import at_least, found

SUMMARY = "drainsnoop killed with -9 in a rollout and started again: only the gap is not observed"
SETTINGS = {"state": True, "linger": 20.0, "lag": 18.0, "delay": 20.0, "grace": 27.0, "rate": 30.0}
FAMILIES = ("ipv4",)    # the ledger has one form for both
BEFORE, WITHIN, AFTER = 10, 5, 20


def refused(lab):
    """Requests that failed so far, by the balancer's log: nothing but refusals makes any fail here."""
    return sum(e["term"].startswith("SC") for e in loadbalancer.read_log(lab.plane.log_path, lab.network.plan.lb))


def wait_refused(lab, count):
    want = refused(lab) + count
    wait_for(lambda: refused(lab) >= want or lab.errors, 30, f"{count} more requests to be refused", 0.1)


def play(lab):
    first, second = lab.kubernetes.create(), lab.kubernetes.create()
    lab.start_clients()
    for _ in range(2):
        lab.kubernetes.create()
    lab.kubernetes.delete(first)
    wait_refused(lab, BEFORE + 5)
    saved = time.time() + 1.0       # what came before is in the state by then
    wait_for(lambda: not lab.binary or os.path.getmtime(os.path.join(lab.folder, "state")) > saved, 30, "the state")
    lab.tracer.kill()
    lab.kubernetes.delete(second)       # it begins to go while nobody looks
    wait_refused(lab, WITHIN)
    lab.tracer.start_again()
    wait_refused(lab, AFTER)


def mechanics(run):
    begin, end = run.lab.tracer.gaps()[0] if run.lab.tracer.gaps() else (0, 0)
    return (at_least(BEFORE, [f for f in run.failures("SC") if f.sent < begin], "connections refused before the gap")
            + at_least(WITHIN, [f for f in run.failures("SC") if begin <= f.sent <= end], "connections refused in the gap")
            + at_least(AFTER, [f for f in run.failures("SC") if f.sent > end], "connections refused after the gap"))


def must_find(run):
    problems = found(run, "listener_closed", 30)
    gaps = run.lab.tracer.gaps()
    if len(gaps) != 1 or gaps[0][1] - gaps[0][0] > 20 * 10**9:
        problems.append(f"the gaps that are told are {gaps}")
    if not run.truth.count("not_observed"):
        problems.append("nothing was lost in the gap: the scenario shows nothing")
    for pod in run.ended:
        verdict = run.verdict(pod)
        if verdict.get("drainsnoop.verdict.code") != "dropped":
            problems.append(f"the verdict on {pod.name} is {verdict.get('drainsnoop.verdict.code')}")
        if verdict.get("drainsnoop.verdict.reason") != "restart_gap" or not verdict.get("drainsnoop.not_observed_ms"):
            problems.append(f"the verdict on {pod.name} does not tell the gap")
    return problems
