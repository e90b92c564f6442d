# SPDX-License-Identifier: Apache-2.0
"""The address is gone, the subnet route covers it, nobody answers ARP (M2)."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address whose neighbour cannot be resolved: fails after about 3.07 s, or at 10 s"
SETTINGS = {"rate": 12.0}


def mechanics(run):
    return at_least(1, run.failures("SC", 1500, 4500), "connections that failed after about 3 s")


def must_find(run):
    return found(run, "address_released", 5) + outcomes_are(run, "neigh_failed", "icmp_unreachable")
