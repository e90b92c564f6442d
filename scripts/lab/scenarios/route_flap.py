# SPDX-License-Identifier: Apache-2.0
"""The route of a serving pod goes and comes back, as when a CNI makes it anew: the pod was not released.
What died in between is sent again and answered. Then the pod ends as any other."""

from drainlab.events import parse_rfc3339
from . import at_least, found, phases

SUMMARY = "a route that goes and comes back at once: no release; later the pod ends"
SETTINGS = {"rate": 20.0, "lag": 3.0}
FLAPS = (0.0, 0.2, 0.0)     # for so long the route is away, s


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    for number, seconds in enumerate(FLAPS):
        pod.mark(f"flap{number}", *pod.place.flap(seconds))
        lab.wait_for_requests(lab.settings.rate)
    lab.kubernetes.create()
    lab.kubernetes.delete(pod)


def mechanics(run):
    pod = run.ended[0]
    early = [f for f in run.truth.failures if f.sent < pod.marks["t0"][0]]
    return ([f"{len(early)} requests failed before the pod went"] * bool(early)
            + at_least(len(FLAPS), [name for name in pod.marks if name.startswith("flap")], "flaps"))


def must_find(run):
    pod = run.ended[0]
    problems = found(run, "address_released", 3)
    early = [d for d in run.truth.drops if parse_rfc3339(d["time"]) < pod.marks["t0"][0]]
    if early:
        problems.append(f"{len(early)} drops of a pod that was not released")
    told = phases(run, pod)
    if told.count("address_released") != len(FLAPS) + 1:
        problems.append(f"the phases are {told}")
    verdict = run.verdict(pod)
    if verdict.get("drainsnoop.verdict.code") != "dropped":
        problems.append(f"the verdict on {pod.name} is {verdict.get('drainsnoop.verdict.code')}")
    return problems
