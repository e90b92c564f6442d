# SPDX-License-Identifier: Apache-2.0
"""A pod whose keep-alive timeout is short loses requests while another pod is replaced cleanly (M6)."""

from . import advice, advises, advises_only, at_least, found, no_rollout_cause, no_verdict_but

SUMMARY = "kept connections cut by a pod that is not terminating: not the rollout's fault"
SETTINGS = {"balancer": "tinylb", "prestop": 5.0, "grace": 12.0, "rate": 6.0}
KEEPALIVE = 1.0     # of the pod that cuts


def play(lab):
    leaving = lab.kubernetes.create()
    lab.kubernetes.create(keepalive=KEEPALIVE)
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
    problems = found(run, "keepalive_race", 3) + no_rollout_cause(run) + no_verdict_but(run, "clean")
    problems += advises_only(run, "raise_keepalive") + advises(
        run, "raise_keepalive", object="Deployment/default/web", confidence="high",
        suggested="more than the load balancer's idle timeout", evidence="they close what was silent for ")
    for line in advice(run, "raise_keepalive"):
        silent = float(line.get("drainsnoop.advice.current", "0").split()[0])
        if not KEEPALIVE - 0.1 <= silent <= KEEPALIVE + 0.6:   # nginx looks at its timers when it has time
            problems.append(f"a keep-alive timeout of {silent} s is said, it is {KEEPALIVE} s")
    return problems
