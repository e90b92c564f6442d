# SPDX-License-Identifier: Apache-2.0
"""PID 1 of the container has no handler for SIGTERM: the kernel ignores it, SIGKILL ends it (scenario 17)."""

from . import advises, at_least, found, phases
from .aborted_fin import closes, play  # noqa: F401  (requests that outlast the grace period)
from drainlab.capture import FIN

SUMMARY = "PID 1 without a handler: SIGTERM is ignored, SIGKILL comes at the end of the grace period"
SETTINGS = {"server": "holding", "grace": 3.0, "lag": 4.5, "rate": 15.0}
TOLERANCE_MS = 300


def mechanics(run):
    return at_least(3, closes(run, FIN), "requests cut by SIGKILL")


def must_find(run):
    problems = found(run, "aborted_in_flight", 3) + advises(
        run, "fix_sigterm", object="Deployment/default/web", current="SIGTERM is ignored", confidence="high",
        evidence="PID 1 of a container has no handler for SIGTERM in 1 of 1 pods; SIGKILL came ")
    for pod in run.ended:
        told, verdict = phases(run, pod), run.verdict(pod)
        rest = iter(told)   # in this order, whatever else lies between (the sidecar ends on SIGTERM)
        if not all(phase in rest for phase in ("sigterm_ignored", "sigkill", "exited", "listener_closed")):
            problems.append(f"the phases of {pod.name} are {told}")
        if verdict.get("drainsnoop.pod.ended_by") != "sigkill":
            problems.append(f"{pod.name} is not said to have ended by SIGKILL")
        killed = next((e["drainsnoop.pod.since_t0_ms"] for e in run.output
                       if e.get("drainsnoop.pod.phase") == "sigkill" and e.get("k8s.pod.uid") == pod.uid
                       and e["event.name"] == "drainsnoop.pod.phase"), -1)
        real = (pod.marks["sigkill"][0] - pod.marks["t0"][0] // 10**9 * 10**9) / 1e6
        if abs(killed - real) > TOLERANCE_MS:
            problems.append(f"SIGKILL to {pod.name} is said at T0 + {killed} ms, it was {real:.0f} ms")
    return problems
