# SPDX-License-Identifier: Apache-2.0
"""drainsnoop is killed in the middle of a rollout and started again: what it knew it knows again."""

from . import at_least, found

SUMMARY = "drainsnoop killed with -9 in a rollout and started again: only the gap is not observed"
SETTINGS = {"state": True, "linger": 18.0, "lag": 16.0, "delay": 8.0, "grace": 25.0, "rate": 30.0}
FAMILIES = ("ipv4",)    # the ledger has one form for both


def play(lab):
    first, second = lab.kubernetes.create(), lab.kubernetes.create()
    lab.start_clients()
    for _ in range(2):
        lab.kubernetes.create()
    lab.kubernetes.delete(first)
    lab.sleep(4.0)
    lab.tracer.kill()
    lab.sleep(0.7)
    lab.kubernetes.delete(second)       # it begins to go while nobody looks
    lab.sleep(0.8)
    lab.tracer.start_again()


def mechanics(run):
    begin, end = run.lab.tracer.gaps()[0] if run.lab.tracer.gaps() else (0, 0)
    return (at_least(10, [f for f in run.failures("SC") if f.sent < begin], "connections refused before the gap")
            + at_least(5, [f for f in run.failures("SC") if begin <= f.sent <= end], "connections refused in the gap")
            + at_least(20, [f for f in run.failures("SC") if f.sent > end], "connections refused after the gap"))


def must_find(run):
    problems = found(run, "listener_closed", 30)
    gaps = run.lab.tracer.gaps()
    if len(gaps) != 1 or gaps[0][1] - gaps[0][0] > 12 * 10**9:
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
