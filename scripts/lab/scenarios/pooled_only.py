# SPDX-License-Identifier: Apache-2.0
"""After T0 every request rides a connection that was opened before it: there is no SYN at all.

Two rollouts: the first without a preStop hook, the second with the one that the first advises.
"""

from drainlab.capture import ACK, SYN
from . import at_least, found, prestop_of_capture
from drainlab.proc import wait_for

SUMMARY = "all requests after T0 ride pooled connections; the preStop advised from that loses nothing"
SETTINGS = {"balancer": "tinylb", "pool": 150, "linger": 5.0, "rate": 20.0, "grace": 20.0}
KEPT = 100      # more connections than requests until the balancer has stopped sending


def lines(lab, name, pod=None):
    return [e for e in lab.tracer.output() if e.get("event.name") == name
            and (not pod or e.get("k8s.pod.uid") == pod.uid)]


def roll(lab, pod):
    lab.plane.warm(pod, KEPT)
    lab.kubernetes.delete(pod)
    lab.kubernetes.wait()


def play(lab):
    first = lab.kubernetes.create()
    lab.start_clients()
    second = lab.kubernetes.create()
    lab.first, lab.second = first, second
    roll(lab, first)
    if not lab.binary:
        return
    wait_for(lambda: lines(lab, "drainsnoop.advice"), 40, "drainsnoop's advice", 0.2)
    lab.settings.prestop = float(lines(lab, "drainsnoop.advice")[-1]["drainsnoop.advice.suggested"])
    lab.say(f"once more, with the preStop that it advises: {lab.settings.prestop:g} s")
    lab.kubernetes.create()
    roll(lab, second)


def syns(run, pod):
    """SYNs of the balancer to the pod after T0."""
    return [p for p in run.sent_to(pod) if p.flags & (SYN | ACK) == SYN and p.at >= pod.marks["t0"][0]]


def mechanics(run):
    problems = at_least(8, [f for f in run.failures("SH") if f.entry.get("fin_seen")],
                        "requests sent on closed connections")
    for pod in (run.lab.first, run.lab.second):
        if "t0" in pod.marks and syns(run, pod):
            problems.append(f"{len(syns(run, pod))} SYNs to {pod.name} after T0, expected none")
    lost = [f for f in run.truth.failures if f.pod and f.pod["uid"] == run.lab.second.uid]
    return problems + ([f"{len(lost)} requests failed with the advised preStop"] if lost else [])


def must_find(run):
    problems = found(run, "late_request", 8)
    right = prestop_of_capture(run, [run.lab.first])
    if run.lab.settings.prestop not in right:
        problems.append(f"preStop {run.lab.settings.prestop:g} was advised, by the capture it is in {right}")
    code = run.verdict(run.lab.second).get("drainsnoop.verdict.code")
    if code != "clean":
        problems.append(f"the verdict on the pod with the advised preStop is {code}")
    return problems
