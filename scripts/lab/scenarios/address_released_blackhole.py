# SPDX-License-Identifier: Apache-2.0
"""A blackhole route covers the block of the pods' addresses, as with Calico (M3c)."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address under a blackhole route: silent, 10 s"
SETTINGS = {"rate": 12.0, "release": "blackhole"}


def mechanics(run):
    return at_least(5, run.failures("sC", 9000), "connections that timed out after 10 s")


def must_find(run):
    return found(run, "address_released", 5) + outcomes_are(run, "blackhole")
