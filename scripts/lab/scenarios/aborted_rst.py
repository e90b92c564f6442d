# SPDX-License-Identifier: Apache-2.0
"""As aborted_fin, but the requests still lie in the receive queue: the kernel answers with RST (M4)."""

from drainlab.capture import RST
from . import aborted_fin, at_least, found

SUMMARY = "requests not even read, cut by SIGKILL: they end in RST"
SETTINGS = {**aborted_fin.SETTINGS, "server": "peeking"}
play = aborted_fin.play


def mechanics(run):
    return at_least(3, aborted_fin.closes(run, RST), "requests cut by RST")


def must_find(run):
    return found(run, "aborted_in_flight", 3)
