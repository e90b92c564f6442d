# SPDX-License-Identifier: Apache-2.0
"""A client's node has a wrong neighbour entry for a pod's address (scenario 37): what it sends leaves and
never arrives. Requests of other nodes are served."""

from drainlab.net import mac
from drainlab.pod import PORT
from drainlab.proc import run as command
from . import at_least, no_verdict_but

SUMMARY = "a client node with a stale neighbour: its SYNs leave and never arrive"
SETTINGS = {"balancer": "nlb", "prestop": 5.0, "rate": 6.0, "checks_on_traffic": True}


def reach(lab, node, pod, address):
    """Has that node send what is for the pod to the MAC address."""
    node.ip(f"""
        neigh replace {pod.address} lladdr {address} nud permanent dev eth0
        route replace {lab.network.plan.prefix(pod.address)} dev eth0""", lab.network.plan.ipv6)


def left(lab, node):
    """How many packets it has sent."""
    return int(command(["nsenter", f"--net={node.path}", "cat", "/sys/class/net/eth0/statistics/tx_packets"]))


def play(lab):
    node = lab.network.away()
    lab.plane.peers.add(lab.network.plan.away)
    right = command(["ip", "-n", lab.network.lb.name, "-o", "link", "show", "away0"]).split("link/ether ")[1].split()[0]
    stays, goes = lab.kubernetes.create(), lab.kubernetes.create()
    for pod in (stays, goes):
        reach(lab, node, pod, right)
    lab.start_clients()
    lab.add_clients(netns=node, address=stays.address, port=PORT)
    lab.wait_for_requests(int(2 * lab.settings.rate))
    reach(lab, node, stays, mac("of the pod that had the address before"))
    lab.kubernetes.delete(goes)


def mechanics(run):
    away = [f for f in run.truth.failures if f.request["id"].startswith(run.lab.run_id + "-1-")]
    problems = at_least(10, [f for f in away if f.entry["term"] == "sC--"], "connections of the node that timed out")
    problems += at_least(3, [r for r in run.requests if r["ok"] and r["id"].startswith(run.lab.run_id + "-1-")],
                         "requests of the node served before")
    return problems + [f"{f.request['id']} {f.verdict}: {f.why}" for f in run.truth.failures
                       if f not in away or f.verdict != "unobservable"][:3]


def must_find(run):
    return no_verdict_but(run, "clean") + [f"a drop: {d['drainsnoop.drop.cause']}" for d in run.truth.drops[:3]]
