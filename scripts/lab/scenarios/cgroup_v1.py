# SPDX-License-Identifier: Apache-2.0
"""A node that still runs its containers in cgroup v1: nothing of a pod is in the v2 hierarchy."""

from . import at_least, found, phases

SUMMARY = "containers in cgroup v1 only: signals and exits by v1's names, listeners by the namespace"
SETTINGS = {"cgroup": 1, "linger": 3.0}
FAMILIES = ("ipv4",)


def mechanics(run):
    return at_least(10, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    problems = found(run, "listener_closed", 10)
    for pod in run.ended:
        missing = {"sigterm", "exited", "listener_closed", "address_released"} - set(phases(run, pod))
        if missing:
            problems.append(f"the phases of {pod.name} lack {sorted(missing)}")
        if not run.verdict(pod).get("drainsnoop.pod.sigterm_to_exit_ms"):
            problems.append(f"how long {pod.name} took from SIGTERM to its end is not told")
    return problems
