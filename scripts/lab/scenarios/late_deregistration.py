# SPDX-License-Identifier: Apache-2.0
"""The controller is throttled: the pod is long gone when it deregisters the target (scenarios 4 and 28).
The target group is polled, and for a while after the call its answers are from before it."""

import threading
import time

from . import at_least, found

SUMMARY = "deregistered long after the pod has ended: the drops lie before the drain"
SETTINGS = {"controller_lag": 7.0, "lag": 8.0, "rate": 8.0}
POLL = 0.1      # DescribeTargetHealth, as often as the laboratory needs it
STALE = 1.0     # DescribeTargetHealth is eventually consistent
QUIET = 0.5     # the poll may be late by that


def poll(lab, pod):
    end = time.monotonic() + lab.settings.controller_lag + STALE
    while time.monotonic() < end and not lab.stopping.wait(POLL):
        lab.events.target_state(lab.group, pod, "healthy", target__source="describe_target_health")


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.create()
    threading.Thread(target=poll, args=(lab, pod), daemon=True).start()
    lab.kubernetes.delete(pod)


def mechanics(run):
    return at_least(8, run.truth.failures, "failed requests")


def must_find(run):
    problems = found(run, "address_released", 5)
    begin = run.ended[0].marks["deregistered"]
    counts = {}
    for failure in run.truth.failures:
        if not failure.drop:
            continue
        relation = failure.drop.get("drainsnoop.drain.relation")
        counts[relation] = counts.get(relation, 0) + 1
        before = failure.sent < begin[0] - 10**9 * (QUIET + 2 * POLL)
        if before and relation != "before_drain" or failure.sent > begin[1] and relation == "before_drain":
            problems.append(f"relation {relation} {(failure.sent - begin[0]) / 1e6:+.0f} ms beside the API call")
    return problems[:5] + at_least(5, ["x"] * counts.get("before_drain", 0), "drops before the drain")
