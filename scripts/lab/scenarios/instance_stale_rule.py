# SPDX-License-Identifier: Apache-2.0
"""kube-proxy is seconds late: its rules send to addresses that no pod has any more (row 11, M8a)."""

from . import at_least, found, instance_cluster, outcomes_are

SUMMARY = "instance targets, stale rules: DNAT to a released address"
SETTINGS = {"target": "instance", "reuse": "never", "pods": 2, "rate": 12.0, "sync": 4.0, "settle": 8.0}


def mechanics(run):
    lost = [f for f in run.truth.failures if f.entry and "via" in f.entry and f.pod
            and f.sent > f.pod["marks"]["released"][1]]
    return at_least(8, lost, "connections for released addresses")


def must_find(run):
    return found(run, "address_released", 8) + instance_cluster.unknown_drain(run) + outcomes_are(
        run, "neigh_failed", "icmp_unreachable")
