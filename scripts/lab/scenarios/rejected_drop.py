# SPDX-License-Identifier: Apache-2.0
"""As rejected_reset, but the rule says nothing: what is retransmitted after its end is only delayed."""

from . import at_least, rejected_reset

SUMMARY = "netfilter drops: timeouts after 10 s; what gets through later is no drop"
SETTINGS = {**rejected_reset.SETTINGS, "rate": 10.0, "prestop": 12.0, "grace": 15.0}
must_find = rejected_reset.must_find


def play(lab):
    rejected_reset.rejecting(lab, "drop", 11.0)


def mechanics(run):
    return at_least(20, run.failures("sC", 9000), "connections that timed out after 10 s")
