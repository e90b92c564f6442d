# SPDX-License-Identifier: Apache-2.0
"""The address is gone and no route covers it: the node answers with ICMP unreachable (M2 without a subnet route)."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address without a route: the node says so by ICMP"
SETTINGS = {"rate": 12.0, "release": "none", "icmp_limit": False}


def mechanics(run):
    return at_least(1, run.failures("SC", 500, 4000), "connections that ICMP ended")


def must_find(run):
    return found(run, "address_released", 5) + outcomes_are(run, "no_route")
