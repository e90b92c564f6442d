# SPDX-License-Identifier: Apache-2.0
"""Nobody but CloudTrail tells when targets drain: late, and to the second."""

from . import at_least, drain_is_inside

SUMMARY = "the drain's moment from CloudTrail's files alone"
SETTINGS = {"told_by": "cloudtrail", "pods": 2, "controller_lag": 1.3, "lag": 3.0}


def mechanics(run):
    return at_least(5, run.truth.failures, "failed requests")


def must_find(run):
    return drain_is_inside(run, "cloudtrail", 2.2)
