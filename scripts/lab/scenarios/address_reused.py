# SPDX-License-Identifier: Apache-2.0
"""The address of a pod is given to another one a second after its release, while the load balancer still
sends to the target that it was (M7): the wrong pod answers."""

import math

from drainlab import truth
from drainlab.proc import wait_for
from . import advised, advises, at_least, found

SUMMARY = "an address given to another pod while the load balancer still sends to the old target"
SETTINGS = {"server": "gate", "rate": 20.0, "lag": 8.0, "delay": 10.0}


def play(lab):
    old, _ = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    lab.kubernetes.delete(old)
    wait_for(lambda: "deleted" in old.marks or lab.errors, 30, f"the end of {old.name}")
    lab.sleep(1.0)
    new = lab.kubernetes.create("other", index=old.place.index, register=False)
    old.in_force("address_reused", new.place.attached, new.place.attached + 3600 * 10**9)


def mechanics(run):
    wrong = [f for f in run.truth.failures if f.request["ok"]]
    return at_least(10, wrong, "answers of another pod")


def cooldowns(run):
    """What DESIGN's margin makes of the last arrival after the release, by the capture, within its tolerance."""
    old = run.ended[0]
    released, last = old.marks["released"], truth.last_arrival(run.flows, [old.address], old.marks["t0"][0])
    return {math.ceil(sent + max(1.0, sent / 10))
            for at in released for slack in (-0.1, 0.0, 0.1) for sent in [(last - at) / 1e9 + slack]}


def must_find(run):
    problems = found(run, "address_reused", 10) + advises(
        run, "raise_address_cooldown", field="IP_COOLDOWN_PERIOD", current="reused after ")
    if advised(run, "raise_address_cooldown") not in cooldowns(run):
        problems.append(f"a cooldown of {advised(run, 'raise_address_cooldown')} s is advised, by the capture "
                        f"it is one of {sorted(cooldowns(run))}")
    other = next(pod for pod in run.pods if pod.deployment == "other")
    blamed = [d for d in run.truth.drops if d.get("k8s.pod.uid") == other.uid]
    return problems + ([f"{len(blamed)} drops of the pod that has the address now"] if blamed else [])
