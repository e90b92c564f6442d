# SPDX-License-Identifier: Apache-2.0
"""Short Job pods come and go on a node where something else serves: none of them can lose a request, so
none of them is worth the tap. Every other one has a port for its metrics, which nobody balances."""

import json

from drainlab.pod import job_pod
from . import milestones

SUMMARY = "Job pods that end by themselves: no drop, a verdict each, and the tap stays off"
SETTINGS = {"rate": 10.0}
JOBS, METRICS = 6, 9090


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    lab.jobs = []
    for number in range(JOBS):
        job = job_pod(lab, "report", 0.5, metrics=METRICS if number % 2 else None)
        lab.tracer.wait_for_pod(job)
        job.end_by_itself()
        lab.jobs.append(job)
    lab.tracer.wait_for_verdicts(lab.jobs, lab.settings.settle + 30)


def mechanics(run):
    return [f"{len(run.truth.failures)} requests failed"] * bool(run.truth.failures)


def tap_of(run):
    """How often the tap was attached, and its share of the run, by the recording."""
    attached, on, begin, end = 0, 0.0, None, None
    with open(run.lab.tracer.recordings[0], encoding="utf-8") as recording:
        for event in map(json.loads, recording):
            attached += event.get("drainsnoop.tap.change") == "attached"
            if event["event.name"] == "drainsnoop.tick":
                on = event.get("drainsnoop.tap.on_ms", on)
                end = event["time"]
                begin = begin or end
    return attached, on, begin, end


def must_find(run):
    attached, on, begin, end = tap_of(run)
    run.lab.say(f"{JOBS} Job pods: the tap was attached {attached} times, {on:.0f} ms in all ({begin} to {end})")
    problems = [f"{len(run.truth.drops)} drops"] * bool(run.truth.drops)
    if attached or on:
        problems.append(f"the tap was attached {attached} times, {on:.0f} ms, for pods that serve nothing")
    for job in run.lab.jobs:
        verdict = run.verdict(job)
        if verdict.get("drainsnoop.verdict.code") != "clean" or "drainsnoop.pod.t0" in verdict:
            problems.append(f"the verdict on {job.name} is {verdict.get('drainsnoop.verdict.code')}")
    listened = [job for job in run.lab.jobs if milestones(run, job, "listener_closed")]
    problems += [f"{len(listened)} Job pods listened, not {JOBS // 2}"] * (len(listened) != JOBS // 2)
    return problems
