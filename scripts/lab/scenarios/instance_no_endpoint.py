# SPDX-License-Identifier: Apache-2.0
"""The last endpoint of a Service goes behind a NodePort, policy Cluster (row 10, M8b): kube-proxy's rules reject.

First the rules send to the pod that ends, then to its dead address, and once they know that there is no endpoint any more
they reject with ICMP. Only what was sent on is a pod's loss; what the rules refuse is for the node's own address.
"""

from drainlab.proc import wait_for
from . import at_least, found, instance_cluster, instance_node_drain

SUMMARY = "instance targets, no endpoint left: losses of the last pod; the REJECT at the NodePort is nobody's"
SETTINGS = {"target": "instance", "reuse": "never", "rate": 20.0, "sync": 1.5, "linger": 2.0, "settle": 8.0, "grace": 6.0,
            "icmp_limit": False}
REJECTING = 3.0


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.delete(pod, "scale_in")
    lab.kubernetes.wait()       # its last step: kube-proxy writes that there is none
    lab.sleep(REJECTING)


def mechanics(run):
    begin = run.ended[0].marks["deleted"][1] + int(run.lab.settings.sync * 10**9)
    # An ICMP that comes within connect() is a soft error there: the next SYN is refused, a second later.
    rejected = [f for f in instance_node_drain.at_the_node(run, "SC", 3000) if f.entry["accept_ns"] > begin]
    return at_least(10, rejected, "connections that the rules rejected")


def must_find(run):
    problems = found(run, "listener_closed", 3) + instance_cluster.unknown_drain(run)
    others = {d["drainsnoop.drop.cause"] for d in run.truth.drops} - {"listener_closed", "address_released"}
    return problems + ([f"drops {others} besides"] if others else [])
