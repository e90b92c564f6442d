# SPDX-License-Identifier: Apache-2.0
"""Connections wait in the accept queue of a server that ends: its closing listener resets them (M1)."""

from . import at_least, found

SUMMARY = "connections that were never accepted, reset when the listener closes"
SETTINGS = {"server": "gate", "rate": 30.0, "linger": 3.0}


def play(lab):
    for _ in range(2):
        lab.kubernetes.create()
    lab.start_clients()
    leaving = lab.kubernetes.running[0]
    leaving.mark("held", *leaving.tell("hold"))
    lab.sleep(0.8)
    lab.kubernetes.delete(leaving)


def mechanics(run):
    return at_least(5, run.failures("SH"), "connections reset without having been accepted")


def must_find(run):
    aborted = run.by_cause("aborted_in_flight")
    return found(run, "listener_closed", 15) + (
        [f"{len(aborted)} drops aborted_in_flight of connections never accepted"] if aborted else [])
