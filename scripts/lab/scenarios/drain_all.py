# SPDX-License-Identifier: Apache-2.0
"""The controller's log, CloudTrail, a CSV and AWS itself at once: the best of each bound counts."""

from . import at_least, drain_is_inside

SUMMARY = "the drain's moment from the log, CloudTrail, a CSV and AWS at once"
SETTINGS = {"told_by": "controller_log,cloudtrail,csv,elb", "pods": 2, "controller_lag": 1.3, "lag": 3.0}


def mechanics(run):
    return at_least(5, run.truth.failures, "failed requests")


def must_find(run):
    return drain_is_inside(run, None, 1.0)
