# SPDX-License-Identifier: Apache-2.0
"""SIGINT, SIGTERM and SIGHUP end a command by an exception, so that what it made is removed."""

import signal

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """One of them came; its number is the argument."""


def raise_interrupted():
    """From now on the first of them raises Interrupted; later ones do not disturb the removal."""
    def interrupt(number, _frame):
        for ignored in NUMBERS:
            signal.signal(ignored, signal.SIG_IGN)
        raise Interrupted(number)

    for number in NUMBERS:
        signal.signal(number, interrupt)
