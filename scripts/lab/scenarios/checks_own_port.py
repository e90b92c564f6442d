# SPDX-License-Identifier: Apache-2.0
"""Health checks on a port of their own, with a cadence of their own, go on after the traffic has ended:
they are counted apart, and neither the tail nor the advice knows of them."""

from . import at_least, checks_are_apart, failed_checks_after_drain, found, same_advice

SUMMARY = "health checks on a port of their own, refused and lost: counted apart"
SETTINGS = {"balancer": "nlb_front", "check_style": "http", "lag": 3.0, "linger": 5.0, "delay": 9.0, "rate": 10.0}


def mechanics(run):
    return at_least(5, run.failures("SC"), "refused connections") + at_least(
        5, failed_checks_after_drain(run), "failed checks after the drain")


def must_find(run):
    return found(run, "listener_closed", 5) + same_advice(run) + checks_are_apart(run)
