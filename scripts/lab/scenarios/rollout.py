# SPDX-License-Identifier: Apache-2.0
"""The demo: a rolling update without preStop, with everything that then goes wrong."""

SUMMARY = "a rolling update as it is found in the field; --prestop N is what saves it"
SETTINGS = {"pods": 3, "lag": 4.0, "grace": 20.0, "delay": 10.0, "linger": 1.0, "initial": 1.0, "eni": "both",
            "redirects": True}


def mechanics(run):
    enough = run.lab.settings.prestop > run.lab.settings.lag + 0.5
    if enough and run.truth.failures:
        return [f"{len(run.truth.failures)} requests failed in spite of the preStop hook"]
    if not run.lab.settings.prestop and len(run.truth.failures) < 10:
        return [f"only {len(run.truth.failures)} requests failed without a preStop hook"]
    return []


def must_find(run):
    problems = []
    for pod in run.ended:
        code = run.verdict(pod).get("drainsnoop.verdict.code")
        lost = any(f.pod and f.pod["uid"] == pod.uid and f.verdict != "unobservable" for f in run.truth.failures)
        if code != ("dropped" if lost else "clean"):
            problems.append(f"the verdict on {pod.name} is {code}")
    return problems
