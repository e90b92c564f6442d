# SPDX-License-Identifier: Apache-2.0
"""An unreachable route covers the block of the pods' addresses, as with Cilium (M3c, but not silent)."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address under an unreachable route: ICMP"
SETTINGS = {"rate": 12.0, "release": "unreachable", "icmp_limit": False}


def mechanics(run):
    return at_least(1, run.failures("SC", 500, 4000), "connections that ICMP ended")


def must_find(run):
    # Of IPv4 the route's own error tells it where ip_error()'s limit swallowed every ICMP of a SYN; of
    # IPv6 it is all that tells an unreachable route from none.
    return found(run, "address_released", 5) + outcomes_are(run, "icmp_unreachable")
