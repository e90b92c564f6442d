# SPDX-License-Identifier: Apache-2.0
"""This node forwards to a pod of another node, which has vanished (row 9): requests time out, and
nothing of them was ever for a pod of this node."""

from . import at_least
from .instance_node_joins import nothing

SUMMARY = "instance targets: this node forwards to a node that vanished; no drop"
SETTINGS = {"target": "instance", "reuse": "never", "nodes": 2, "rate": 15.0, "settle": 4.0}


def play(lab):
    lab.kubernetes.create()
    gone = lab.kubernetes.create(elsewhere=True)
    lab.start_clients()
    lab.network.vanish()
    lab.sleep(3.0)      # until the node counts as not ready: minutes in a real cluster
    lab.group.deregister(gone, 0)
    lab.wait_for_requests(20)


def mechanics(run):
    gone = next(pod for pod in run.pods if pod.place.elsewhere)
    lost = [f for f in run.failures("sC", 9000) if f.entry["address"] == gone.address]
    return at_least(8, lost, "connections that timed out on their way to the other node's pod")


must_find = nothing
