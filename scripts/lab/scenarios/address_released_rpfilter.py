# SPDX-License-Identifier: Apache-2.0
"""The pod lived on a secondary interface with strict rp_filter: its packets vanish silently (M3a)."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address on a secondary interface, strict rp_filter: silent, 10 s"
SETTINGS = {"rate": 12.0, "eni": "secondary", "rp_filter": "strict"}
FAMILIES = ("ipv4",)    # there is no rp_filter for IPv6


def mechanics(run):
    return at_least(5, run.failures("sC", 9000), "connections that timed out after 10 s")


def must_find(run):
    return found(run, "address_released", 5) + outcomes_are(run, "rp_filter")
