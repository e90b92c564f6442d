# SPDX-License-Identifier: Apache-2.0
"""A pod whose keep-alive timeout is short loses requests while another pod is replaced cleanly (M6)."""

import time

from drainlab import loadbalancer
from drainlab.proc import LabError
from . import advice, advises, advises_only, at_least, found, no_rollout_cause, no_verdict_but

SUMMARY = "kept connections cut by a pod that is not terminating: not the rollout's fault"
SETTINGS = {"balancer": "tinylb", "pool": 30, "prestop": 5.0, "grace": 12.0, "rate": 12.0}
KEEPALIVE = 1.0     # of the pod that cuts
KEPT, RACES = 20, 8     # connections that are kept; of which so many are used after their end


def lost(entries):
    return [e for e in entries if e["term"].startswith("SH") and e.get("fin_seen")]


def race(lab, pod):
    """Connections are kept, more than are used again in time, until enough of them were used too late."""
    def count():
        return len(lost(loadbalancer.read_log(lab.plane.log_path, lab.network.plan.lb)))

    want, end = count() + RACES, time.monotonic() + 40
    while count() < want:
        lab.plane.warm(pod, KEPT)
        for _ in range(20):
            lab.sleep(0.2)
            if count() >= want:
                return
        if time.monotonic() > end:
            raise LabError("the pod's idle connections are used in time")


def play(lab):
    leaving = lab.kubernetes.create()
    short = lab.kubernetes.create(keepalive=KEEPALIVE)
    lab.start_clients()
    race(lab, short)
    lab.kubernetes.rollout([leaving])
    race(lab, short)


def mechanics(run):
    return at_least(2 * RACES, [f for f in run.failures("SH") if f.entry.get("fin_seen")],
                    "requests sent after the FIN")


def must_find(run):
    problems = found(run, "keepalive_race", 2 * RACES) + no_rollout_cause(run) + no_verdict_but(run, "clean")
    problems += advises_only(run, "raise_keepalive") + advises(
        run, "raise_keepalive", object="Deployment/default/web", confidence="high",
        suggested="more than the load balancer's idle timeout", evidence="they close what was silent for ")
    for line in advice(run, "raise_keepalive"):
        silent = float(line.get("drainsnoop.advice.current", "0").split()[0])
        if not KEEPALIVE - 0.1 <= silent <= KEEPALIVE + 0.6:   # nginx looks at its timers when it has time
            problems.append(f"a keep-alive timeout of {silent} s is said, it is {KEEPALIVE} s")
    return problems
