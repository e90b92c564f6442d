# SPDX-License-Identifier: Apache-2.0
"""A node fails, without a word (row 22, host failure): the balancer goes on sending to it for a while.

What it sends there never reaches this node.
"""

from . import at_least
from .instance_node_joins import nothing

SUMMARY = "instance targets: another node vanishes while it is a target; no drop"
SETTINGS = {"target": "instance", "reuse": "never", "nodes": 2, "targets": ("node", "node2"), "policy": "Local",
            "rate": 15.0, "settle": 4.0}


def play(lab):
    lab.kubernetes.create()
    lab.kubernetes.create(elsewhere=True)
    lab.start_clients()
    lab.network.vanish()
    lab.sleep(3.0)
    lab.group.remove_node("node2")
    lab.wait_for_requests(20)


def mechanics(run):
    other = run.lab.network.plan.other
    lost = [f for f in run.failures("sC", 9000) if f.entry["address"] == other]
    return at_least(8, lost, "connections to the vanished node that timed out")


must_find = nothing
