# SPDX-License-Identifier: Apache-2.0
"""Somebody polls the target group and writes a CSV: the drain lies between two rows."""

from . import at_least, drain_is_inside

SUMMARY = "the drain's moment from a CSV of readings alone"
SETTINGS = {"told_by": "csv", "pods": 2, "controller_lag": 1.3, "lag": 3.0}


def mechanics(run):
    return at_least(5, run.truth.failures, "failed requests")


def must_find(run):
    return drain_is_inside(run, "file", 8.0)
