# SPDX-License-Identifier: Apache-2.0
"""A client in the cluster that retries without a pause for the whole run, also against the dead address."""

from drainlab.pod import PORT
from drainlab.proc import program
from . import at_least, counted_apart, found, same_advice

SUMMARY = "an in-cluster client that retries hundreds of times a second: none of it is a drop or an arrival"
SETTINGS = {"linger": 2.0, "rate": 20.0}
CLIENTS, PAUSE = 4, 0.01


def play(lab):
    pod = lab.kubernetes.create()
    for number in range(CLIENTS):
        tool = lab.insider.pod.run_in_it(f"insistent{number}", program("insider", PAUSE))
        lab.parts.append(tool)
        tool.tell(f"add {pod.address} {PORT}")
    lab.start_clients()
    lab.kubernetes.rollout()


def mechanics(run):
    return at_least(5, run.truth.failures, "failed requests")


def must_find(run):
    insider = run.lab.insider.pod.address
    problems = found(run, "listener_closed") + same_advice(run)
    if counted_apart(run, "other_peer") < 100:
        problems.append(f"only {counted_apart(run, 'other_peer')} connections of other peers are counted")
    blamed = [d for d in run.truth.drops if insider in (d.get("source.address"), d.get("destination.address"))]
    return problems + ([f"{len(blamed)} drops of the in-cluster client"] if blamed else [])
