# SPDX-License-Identifier: Apache-2.0
"""kubectl delete --force: the object is gone at once, while the containers live on (scenario 21)."""

from . import found, no_verdict_but, same_advice

SUMMARY = "force-deleted: the object goes at once, the processes live on and serve for a while"
SETTINGS = {"linger": 2.0, "rate": 20.0, "prestop": 1.0, "balancer": "tinylb", "pool": 40}


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.clients.burst(30, "/")      # kept connections, which are used after the deletion
    lab.wait_for_requests(30)
    lab.kubernetes.create()
    lab.kubernetes.delete(pod, "manual", "force")


def must_find(run):
    return found(run, "late_request", 3) + no_verdict_but(run, "dropped") + same_advice(run)
