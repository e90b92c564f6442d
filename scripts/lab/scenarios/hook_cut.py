# SPDX-License-Identifier: Apache-2.0
"""preStop is longer than the grace period: the kubelet cuts the hook two seconds after that, while the load
balancer goes on (scenario 12's trap). The hook is long enough; the grace period is what must be raised."""

from . import advised, advises, advises_only, at_least, found

SUMMARY = "a preStop hook that the grace period cuts: a longer hook would change nothing"
SETTINGS = {"prestop": 12.0, "grace": 3.0, "lag": 7.5, "rate": 30.0}
EXTENSION = 2.0     # what the kubelet adds, once


def mechanics(run):
    problems = at_least(6, run.truth.failures, "failed requests")
    for pod in run.ended:
        slept = (pod.marks["sigterm"][0] - pod.marks["t0"][0]) / 1e9
        if not run.lab.settings.grace + EXTENSION - 0.1 <= slept < run.lab.settings.prestop:
            problems.append(f"SIGTERM to {pod.name} came {slept:.1f} s after the deletion")
    return problems


def must_find(run):
    settings = run.lab.settings
    problems = found(run, "listener_closed") + advises_only(run, "raise_grace") + advises(
        run, "raise_grace", object="Deployment/default/web", current=f"{settings.grace:g}",
        evidence="the preStop hook was cut")
    if (advised(run, "raise_grace") or 0) < settings.prestop + EXTENSION:
        problems.append(f"a grace period of {advised(run, 'raise_grace')} s is advised")
    for pod in run.ended:
        if run.verdict(pod).get("drainsnoop.oversleep_ms"):
            problems.append(f"{pod.name} is said to oversleep, and its hook was cut")
    return problems
