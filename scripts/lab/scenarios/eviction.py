# SPDX-License-Identifier: Apache-2.0
"""The kubelet evicts the pod: its status says so, there is no deletionTimestamp (scenario 22). No setting of its
Deployment is to blame."""

from . import found, not_blamed

SUMMARY = "an evicted pod: T0 by its status reason, no deletion is ever told"
SETTINGS = {"linger": 3.0, "rate": 20.0}
TRIGGER = "eviction"


def play(lab, trigger=TRIGGER):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.create()
    lab.kubernetes.delete(pod, trigger, "status_reason")


def must_find(run, trigger=TRIGGER):
    problems = found(run, "listener_closed", 5) + not_blamed(run)
    for pod in run.ended:
        verdict = run.verdict(pod)
        for key, value in (("t0_source", "status_reason"), ("trigger", trigger)):
            if verdict.get("drainsnoop.pod." + key) != value:
                problems.append(f"{key} of {pod.name} is {verdict.get('drainsnoop.pod.' + key)}")
    return problems
