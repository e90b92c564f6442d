# SPDX-License-Identifier: Apache-2.0
"""Nobody but the load balancer controller's log (kubectl logs --timestamps) tells when targets drain."""

from . import at_least, drain_is_inside

SUMMARY = "the drain's moment from the controller's log alone"
SETTINGS = {"told_by": "controller_log", "pods": 2, "controller_lag": 1.3, "lag": 3.0}


def mechanics(run):
    return at_least(5, run.truth.failures, "failed requests")


def must_find(run):
    return drain_is_inside(run, "controller_log", 1.0)
