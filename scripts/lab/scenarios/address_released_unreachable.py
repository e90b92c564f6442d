# SPDX-License-Identifier: Apache-2.0
"""An unreachable route covers the block of the pods' addresses, as with Cilium (M3c, but not silent)."""

from . import at_least, found

SUMMARY = "a released address under an unreachable route: ICMP"
SETTINGS = {"rate": 12.0, "release": "unreachable", "icmp_limit": False}


def mechanics(run):
    return at_least(1, run.failures("SC", 500, 4000), "connections that ICMP ended")


def must_find(run):
    problems = found(run, "address_released", 5)
    # IPv6 drops for an unreachable route and for none with one reason, in one function, with one
    # ICMP. IPv4 looks like a blackhole where ip_error()'s own limit swallowed every ICMP of a SYN.
    likely, also = ("no_route", set()) if run.lab.settings.ipv6 else ("icmp_unreachable", {"blackhole"})
    if likely not in run.outcomes() or not run.outcomes() <= {likely} | also:
        problems.append(f"outcomes {run.outcomes()}, expected {likely}")
    return problems
