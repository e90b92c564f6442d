# SPDX-License-Identifier: Apache-2.0
"""Only the default route covers the address: its packets leave the node as they came (M3b)."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address that only the default route covers: its packets leave again, 10 s"
SETTINGS = {"rate": 12.0, "release": "default"}


def mechanics(run):
    return at_least(5, run.failures("sC", 9000), "connections that timed out after 10 s")


def must_find(run):
    return found(run, "address_released", 5) + outcomes_are(run, "forwarded_out")
