# SPDX-License-Identifier: Apache-2.0
"""The same where every request rides a connection that is kept: how often the load balancer sends is known
only from the payload segments that are read when those connections end."""

from drainlab.capture import ACK, SYN
from .lower_prestop import SETTINGS as PLAIN
from .lower_prestop import mechanics as nothing_fails
from .lower_prestop import must_find, play  # noqa: F401

SUMMARY = "the same where all requests ride kept connections"
SETTINGS = {**PLAIN, "balancer": "tinylb", "pool": 4}
FAMILIES = ("ipv4",)
FEW = 0.3   # connections a request; more would not be kept ones


def mechanics(run):
    opened = [p for pod in run.ended for p in run.sent_to(pod) if p.flags & (SYN | ACK) == SYN]
    share = len(opened) / max(1, run.truth.requests)
    return nothing_fails(run) + ([f"{share:.2f} connections were opened a request"] if share > FEW else [])
