# SPDX-License-Identifier: Apache-2.0
"""A released address lives on, on another node: what local clients send there leaves this node by the
uplink. It came from the node and its pods, not from the load balancer: no drop."""

import json

from drainlab.pod import PORT
from drainlab.proc import Tool, in_netns, program, wait_for
from .instance_node_joins import nothing

SUMMARY = "a released address that a pod of another node has, with local clients: no drop"
SETTINGS = {"nodes": 2, "prestop": 3.0, "lag": 1.5, "grace": 6.0, "rate": 20.0, "tail": 6.0, "settle": 10.0,
            "replace": False}


def play(lab):
    leaves, _ = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    lab.kubernetes.delete(leaves, "scale_in")
    wait_for(lambda: "deleted" in leaves.marks or lab.errors, 30, f"the end of {leaves.name}")
    lab.check()
    lab.network.move(leaves.address)
    lab.moved = lab.kubernetes.create("other", elsewhere=True, address=leaves.address, register=False)
    # Besides the client in a pod, which calls the address since it was the pod's: one of the node itself.
    host = Tool(lab.cgroup.tools, in_netns(lab.network.node, program("insider", 0.1)), stdin=-1)
    lab.parts.append(host)
    host.tell(f"add {leaves.address} {PORT}")
    wait_for(lambda: served(lab) >= 20, 30, "local clients that the moved pod answers")


def served(lab):
    """How many requests of local clients the pod on the other node has answered."""
    try:
        with open(f"{lab.moved.folder}/access.log", encoding="utf-8") as log:
            return sum(" /inside " in line for line in log)
    except FileNotFoundError:
        return 0


def mechanics(run):
    return [] if served(run.lab) >= 20 else [f"{served(run.lab)} requests of local clients, expected 20"]


def left_by_the_uplink(run):
    """What drainsnoop saw leave the node for the address: by what it had come in."""
    moved, ways = run.lab.moved.address, set()
    for path in run.lab.tracer.recordings:
        with open(path, encoding="utf-8") as recording:
            events = [json.loads(line) for line in recording if '"net_dev_queue"' in line]
        ways |= {e.get("drainsnoop.interface.in_kind") for e in events if e.get("destination.address") == moved
                 and e.get("drainsnoop.interface.kind") == "uplink"}
    return ways


def must_find(run):
    ways = left_by_the_uplink(run)
    return nothing(run) + ([] if {"pod", "local"} <= ways else
                           [f"seen to leave for the moved address: what came in by {ways}, expected pod and local"])
