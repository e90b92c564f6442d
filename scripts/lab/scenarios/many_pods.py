# SPDX-License-Identifier: Apache-2.0
"""200 pods are ended within ten seconds, in batches, under load (scenario 25)."""

import concurrent.futures
import os

from drainlab.pod import Pod
from drainlab.proc import program, run as command
from . import at_least, found

SUMMARY = "200 pods ended within ten seconds: nothing is lost, no pod is blamed for another"
SETTINGS = {"pods": 200, "rate": 120.0, "server": "tiny", "lag": 3.0, "delay": 5.0, "probe_period": 10.0}
BATCHES, WITHIN, STAY = 10, 9.0, 4
CALLED = 8      # pods that the in-cluster client calls, of those that end


def play(lab):
    source = program("tiny")[-1].removesuffix(".py") + ".c"
    command(["cc", "-O2", "-o", os.path.join(lab.folder, "tiny"), source])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Pod(lab, "web", "tiny"), range(lab.settings.pods + STAY)))
    lab.say(f"{len(made)} pods run")
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda pod: lab.kubernetes.admit(pod, call=pod in made[:CALLED]), made))
    lab.start_clients()
    leaving = made[:lab.settings.pods]
    size = -(-len(leaving) // BATCHES)
    for begin in range(0, len(leaving), size):
        for pod in leaving[begin:begin + size]:
            lab.kubernetes.delete(pod)
        lab.sleep(WITHIN / BATCHES)


def mechanics(run):
    first = min(pod.marks["t0"][0] for pod in run.ended)
    took = (max(pod.marks["exited"][1] for pod in run.ended) - first) / 1e9
    problems = at_least(run.lab.settings.pods, run.ended, "pods that ended")
    problems += at_least(50, run.truth.failures, "failed requests")
    return problems + ([f"it took {took:.1f} s to end them"] if took > 12 else [])


def must_find(run):
    problems = found(run, "address_released", 20)
    lost = {f.pod["uid"] for f in run.truth.failures if f.pod and f.verdict != "unobservable"}
    for pod in run.ended:
        code = run.verdict(pod).get("drainsnoop.verdict.code")
        if code != ("dropped" if pod.uid in lost else "clean"):
            problems.append(f"the verdict on {pod.name} is {code}")
    return problems[:10]
