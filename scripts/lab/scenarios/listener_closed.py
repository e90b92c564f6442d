# SPDX-License-Identifier: Apache-2.0
"""nginx ends at once on SIGTERM, a sidecar keeps the sandbox: every SYN is refused (M1)."""

from . import at_least, found

SUMMARY = "the listener is closed while the pod's sandbox lives on: refused at once"
SETTINGS = {"linger": 6.0}


def mechanics(run):
    return at_least(10, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    problems = found(run, "listener_closed", 10)
    symptoms = {d.get("drainsnoop.drop.symptom") for d in run.by_cause("listener_closed")}
    return problems + ([] if symptoms == {"alb_502"} else [f"symptoms {symptoms}, expected alb_502"])
