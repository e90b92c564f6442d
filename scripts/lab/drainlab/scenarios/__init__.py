# SPDX-License-Identifier: Apache-2.0
"""The scenarios: one module each, with

    SUMMARY     one line
    SETTINGS    what differs from settings.Settings
    FAMILIES    ("ipv4", "ipv6") unless it says otherwise
    play(lab)   the script; rolling() unless it says otherwise
    mechanics(run)  problems if what failed did not fail by the mechanism that is meant
    must_find(run)  problems with what drainsnoop found, beyond recall and precision
"""

import importlib
import pkgutil

FAMILIES = ("ipv4", "ipv6")


def rolling(lab):
    """Pods, requests, a rolling update of all of them."""
    for _ in range(lab.settings.pods):
        lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.rollout()


class Scenario:
    def __init__(self, name):
        module = importlib.import_module(f"{__name__}.{name}")
        self.name = name
        self.summary = module.SUMMARY
        self.settings = getattr(module, "SETTINGS", {})
        self.families = getattr(module, "FAMILIES", FAMILIES)
        self.play = getattr(module, "play", rolling)
        self.mechanics = getattr(module, "mechanics", lambda run: [])
        self.must_find = getattr(module, "must_find", lambda run: [])


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


class Run:
    """What a run brought, for the scenarios' checks."""

    def __init__(self, lab, truth, entries, flows, output):
        self.lab, self.truth, self.entries, self.flows, self.output = lab, truth, entries, flows, output
        self.pods = lab.kubernetes.pods
        self.ended = [pod for pod in self.pods if "t0" in pod.marks]

    def failures(self, term="", fastest=0, slowest=1 << 62):
        """Failed requests whose termination state begins so and that took that long (ms)."""
        return [f for f in self.truth.failures if f.entry and f.entry["term"].startswith(term)
                and fastest <= f.entry["Ta"] <= slowest]

    def by_cause(self, cause):
        return [d for d in self.truth.drops if d.get("drainsnoop.drop.cause") == cause]

    def outcomes(self):
        """Outcomes of the drops after the address was released."""
        return {d.get("drainsnoop.drop.outcome") for d in self.by_cause("address_released")}

    def verdict(self, pod):
        """The pod's last verdict, or {}."""
        return next((e for e in reversed(self.output) if e.get("event.name") == "drainsnoop.pod.verdict"
                     and e.get("k8s.pod.uid") == pod.uid), {})

    def flow(self, failure):
        return self.flows.get((failure.entry["source_port"], failure.entry["address"]))


def at_least(number, found, what):
    """A problem if there are fewer."""
    return [] if len(found) >= number else [f"{len(found)} {what}, expected {number} or more"]


def found(run, cause, number=1):
    return at_least(number, run.by_cause(cause), f"drops {cause}")
