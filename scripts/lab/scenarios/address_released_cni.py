# SPDX-License-Identifier: Apache-2.0
"""The CNI's own filter (TC, on the uplink) drops what comes for an address that is no pod's any more."""

from . import at_least, found, outcomes_are

SUMMARY = "a released address that the CNI's TC program drops: silent, 10 s"
SETTINGS = {"rate": 12.0, "release": "tc"}


def mechanics(run):
    return at_least(5, run.failures("sC", 9000), "connections that timed out after 10 s")


def must_find(run):
    return found(run, "address_released", 5) + outcomes_are(run, "dropped_by_cni")
