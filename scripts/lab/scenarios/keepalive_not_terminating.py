# SPDX-License-Identifier: Apache-2.0
"""A pod whose keep-alive timeout is short loses requests while another pod is replaced cleanly (M6)."""

from . import at_least, found

SUMMARY = "kept connections cut by a pod that is not terminating: not the rollout's fault"
SETTINGS = {"balancer": "tinylb", "prestop": 5.0, "grace": 12.0, "rate": 6.0}

ROLLOUT_CAUSES = ("listener_closed", "address_released", "address_reused", "aborted_in_flight",
                  "late_request", "closed_by_load_balancer")


def play(lab):
    leaving = lab.kubernetes.create()
    lab.kubernetes.create(keepalive=1.0)
    lab.start_clients()
    for step in range(6):
        lab.clients.burst(30, "/")  # so that connections are kept; those not used again in time are cut
        lab.sleep(1.6)
        if step == 1:
            lab.kubernetes.rollout([leaving])


def mechanics(run):
    return at_least(3, [f for f in run.failures("SH") if f.entry.get("fin_seen")],
                    "requests sent after the FIN")


def must_find(run):
    problems = found(run, "keepalive_race", 3)
    for cause in ROLLOUT_CAUSES:
        if run.by_cause(cause):
            problems.append(f"{len(run.by_cause(cause))} drops {cause}: blamed on the rollout")
    for pod in run.ended:
        if run.verdict(pod).get("drainsnoop.verdict.code") != "clean":
            problems.append(f"the verdict on {pod.name} is {run.verdict(pod).get('drainsnoop.verdict.code')}")
    return problems
