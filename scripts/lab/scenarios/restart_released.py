# SPDX-License-Identifier: Apache-2.0
"""An evicted pod's containers have ended, drainsnoop is killed, and only then the pod's route goes. Nobody tells
of it later: the object stays. The next run finds that the route is missing which the state file tells of."""

import os
import time

from drainlab.events import parse_rfc3339
from drainlab.proc import wait_for
from . import at_least, found, milestones

SUMMARY = "a pod's route goes while drainsnoop is away: later drops are known to be at a released address"
SETTINGS = {"state": True, "rate": 20.0, "release": "none", "icmp_limit": False, "sandbox_delay": 6.0,
            "lag": 24.0, "delay": 25.0}
WITHIN, AFTER = 3, 8    # lost at the least


def wait_marked(lab, pod, what):
    wait_for(lambda: what in pod.marks or lab.errors, 30, f"{pod.name} to have {what}", 0.02)


def play(lab):
    pod = lab.kubernetes.create()
    lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.delete(pod, trigger="eviction", how="status_reason")
    wait_marked(lab, pod, "exited")
    saved = time.time() + 1.0       # what came before is in the state by then
    wait_for(lambda: not lab.binary or os.path.getmtime(os.path.join(lab.folder, "state")) > saved, 30, "the state")
    lab.tracer.kill()
    lab.killed = time.time_ns()
    wait_marked(lab, pod, "released")
    lab.wait_for_requests(4 * WITHIN)   # the other pod answers: every second request is sent to this one
    lab.tracer.start_again()
    lab.wait_for_requests(3 * AFTER)


def mechanics(run):
    end = run.lab.tracer.gaps()[0][1] if run.lab.tracer.gaps() else 0
    released = run.ended[0].marks["released"]
    return (["the route went before drainsnoop was away"] * (released[0] < run.lab.killed)
            + at_least(WITHIN, [f for f in run.failures() if released[1] < f.sent <= end], "connections lost in the gap")
            + at_least(AFTER, [f for f in run.failures() if f.sent > end], "connections lost after the gap"))


def must_find(run):
    pod, gap = run.ended[0], run.lab.tracer.gaps()[0]
    problems = found(run, "address_released", AFTER - 2)
    if run.outcomes() != {"no_route"}:
        problems.append(f"the drops after the release have outcomes {run.outcomes()}")
    lines = milestones(run, pod, "address_released")
    if len(lines) != 1 or "drainsnoop.not_before" not in lines[0]:
        return problems + [f"{len(lines)} lines tell that the address was released, expected one with an interval"]
    lo, hi = (parse_rfc3339(lines[0]["drainsnoop.not_" + edge]) for edge in ("before", "after"))
    if not lo <= pod.marks["released"][0] <= pod.marks["released"][1] <= hi:
        problems.append("the route went outside of the interval that is told")
    # Until the routes are read the address is the pod's; what is lost meanwhile is known by it all the same.
    methods = {d.get("drainsnoop.attribution.method") for d in run.by_cause("address_released")
               if parse_rfc3339(d["time"]) > hi}
    if methods != {"released_address"}:
        problems.append(f"the drops after the release are attributed by {methods}")
    if lo != gap[0] or hi - gap[1] > 5 * 10**9:
        problems.append("the interval is not the gap")
    verdict = run.verdict(pod)
    if (verdict.get("drainsnoop.verdict.code"), verdict.get("drainsnoop.verdict.reason")) != ("dropped", "restart_gap"):
        problems.append(f"the verdict on {pod.name} is {verdict.get('drainsnoop.verdict.code')},"
                        f" {verdict.get('drainsnoop.verdict.reason')}")
    return problems
