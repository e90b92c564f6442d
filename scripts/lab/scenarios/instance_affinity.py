# SPDX-License-Identifier: Apache-2.0
"""Session affinity by kube-proxy, and its pod goes (row 26): the sessions go on at another pod.

Users may lose what the pod knew of them; no connection is lost.
"""

from .instance_node_joins import nothing

SUMMARY = "instance targets, session affinity: the sessions move to another pod; no drop"
SETTINGS = {"target": "instance", "reuse": "never", "affinity": True, "pods": 2, "rate": 20.0, "prestop": 4.0,
            "grace": 8.0, "sync": 1.0, "settle": 4.0, "replace": False}


def play(lab):
    first, second = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    lab.wait_for_requests(10)
    answering = lab.clients.answering()
    lab.kubernetes.delete(first if answering == first.name else second, "scale_in")


def mechanics(run):
    pods = []
    for entry in sorted((e for e in run.entries if "via" in e), key=lambda e: e["accept_ns"]):
        if not pods or pods[-1] != entry["server"]:
            pods.append(entry["server"])
    gone = run.ended[0].name
    return [] if len(pods) == 2 and pods[0] == gone else [f"requests went to {pods}; {gone} was to go after it had them all"]


def must_find(run):
    return nothing(run) + [f"the verdict on {pod.name} is not clean" for pod in run.ended
                           if run.verdict(pod).get("drainsnoop.verdict.code") != "clean"]
