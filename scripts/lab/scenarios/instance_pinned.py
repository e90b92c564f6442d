# SPDX-License-Identifier: Apache-2.0
"""Connections that conntrack pins to a pod outlive it: their next request goes to its dead address,
though the rules have long known better (M8d).

Over another node: that one's conntrack remembers. Where the pod's own node masquerades, the kernel
forgets its masqueraded connections with the pod's link, and they are taken for new ones by another pod.
"""

from . import at_least, found, instance_cluster

SUMMARY = "instance targets: connections that conntrack pins to a dead address"
SETTINGS = {"target": "instance", "balancer": "tinylb", "pool": 24, "pods": 1, "rate": 6.0, "sync": 0.0,
            "controller_lag": 0.0, "settle": 4.0, "tail": 6.0, "nodes": 2, "targets": ("node2",)}


def play(lab):
    for _ in range(2):
        lab.kubernetes.create()
    lab.plane.warm(next(iter(lab.group.balanced())), 24)
    lab.start_clients()
    lab.kubernetes.delete(lab.kubernetes.running[0])


def mechanics(run):
    lost = [f for f in run.truth.failures if f.pod and not f.entry["term"].startswith("SC")
            and "released" in f.pod["marks"] and f.sent > f.pod["marks"]["released"][1]]
    return at_least(3, lost, "requests on connections pinned to a released address")


def must_find(run):
    return found(run, "address_released", 3) + instance_cluster.unknown_drain(run)
