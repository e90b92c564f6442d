# SPDX-License-Identifier: Apache-2.0
"""A rollout completely cycles the pods: the new ones are ready, their targets still initial, when the old
ones drain (scenario 6, M9). The load balancer answers 503 by itself; no packet of that reaches any node."""

import threading

from drainlab import truth
from drainlab.events import parse_rfc3339
from . import advises, advises_only, at_least, no_verdict_but

SUMMARY = "all new targets initial, all old ones draining: 503 by the balancer itself, and it is told"
SETTINGS = {"pods": 2, "initial": 6.0, "lag": 1.5, "prestop": 3.0, "grace": 8.0, "delay": 8.0, "rate": 20.0}
TOLERANCE = 150 * 10**6


def register(lab, pod):
    try:
        lab.group.register(pod)
    except Exception as error:  # told to the main thread
        lab.fail(error)


def play(lab):
    initial, lab.settings.initial = lab.settings.initial, 0.0
    old = [lab.kubernetes.create() for _ in range(lab.settings.pods)]
    lab.start_clients()
    lab.settings.initial = initial
    new = [lab.kubernetes.create(register=False) for _ in old]
    threads = [threading.Thread(target=register, args=(lab, pod), daemon=True) for pod in new]
    for thread in threads:
        thread.start()
    for pod in old:     # without a readiness gate nothing holds the rollout back
        lab.kubernetes.delete(pod)
    for thread in threads:
        thread.join()
    lab.wait_for_requests(40)


def unserved(run):
    """Requests for which the balancer had no server."""
    return [f for f in run.truth.failures if f.entry and f.entry["server"] == "<NOSRV>"]


def mechanics(run):
    other = len(run.truth.failures) - len(unserved(run))
    return at_least(20, unserved(run), "requests without a server") + (
        [f"{other} requests failed otherwise"] if other else [])


def gaps(run):
    return [e for e in run.output if e.get("event.name") == "drainsnoop.target_group.no_healthy_target"]


def must_find(run):
    problems = no_verdict_but(run, "clean") + advises_only(run, "add_readiness_gate") + advises(
        run, "add_readiness_gate", object="Deployment/default/web", field="readinessGates",
        evidence="2 pods were ready while no target was healthy for ")
    if run.truth.drops:
        problems.append(f"{len(run.truth.drops)} drops, expected none")
    if [f.verdict for f in unserved(run)].count("unobservable") != len(unserved(run)):
        problems.append("a request without a server is not unobservable")
    told = gaps(run)
    if len(told) != 2 or "drainsnoop.not_after" in told[0] or "drainsnoop.not_after" not in told[1]:
        return problems + [f"{len(told)} lines about the group without a target, expected one as it begins "
                           "and one as it ends"]
    begin, end = (parse_rfc3339(told[1][f"drainsnoop.not_{edge}"]) for edge in ("before", "after"))
    outside = [f for f in unserved(run) if not begin - TOLERANCE <= f.entry["accept_ns"] <= end + TOLERANCE]
    problems += [f"{len(outside)} requests without a server outside of the time that is told"] if outside else []
    if told[0].get("drainsnoop.target_group.ready_initial") != len(run.ended):
        problems.append(f"{told[0].get('drainsnoop.target_group.ready_initial')} pods are said to be ready too early")
    last = max(truth.last_arrival(run.flows, [pod.address], begin) or 0 for pod in run.ended)
    said = parse_rfc3339(told[1].get("drainsnoop.target_group.last_arrival_at", "1970-01-01T00:00:00.000Z"))
    if abs(said - last) > TOLERANCE:
        problems.append(f"the last arrival is said {(said - last) / 1e6:+.0f} ms beside the capture's")
    return problems
