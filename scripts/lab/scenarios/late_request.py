# SPDX-License-Identifier: Apache-2.0
"""A balancer that sends on kept connections whose FIN it has received already (M5)."""

from . import at_least, found

SUMMARY = "requests on connections that the terminating pod had closed"
SETTINGS = {"balancer": "tinylb", "linger": 6.0}


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    lab.clients.burst(40, "/")      # so that several connections are kept
    lab.wait_for_requests(40)
    lab.kubernetes.rollout()


def mechanics(run):
    late = [f for f in run.failures("SH") if f.entry.get("fin_seen")]
    return at_least(2, late, "requests sent after the FIN")


def must_find(run):
    return found(run, "late_request", 2)
