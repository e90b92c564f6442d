# SPDX-License-Identifier: Apache-2.0
"""A sidecar proxy takes all traffic (REDIRECT inside the pod). The application ends first: the proxy
answers 503 itself, over whole connections, which nobody can see from outside."""

import os

from drainlab.pod import PORT
from drainlab.proc import in_netns, program, run as command, wait_for
from . import at_least, counted_apart, found

SUMMARY = "sidecar proxy, the application ends first: the proxy's own 503 is invisible"
SETTINGS = {"rate": 20.0, "lag": 3.0, "keepalive": 5.0}
MESH_PORT, LINGER = 15006, 1.5
RULES = """table inet mesh {{
    chain pre {{
        type nat hook prerouting priority dstnat;
        iifname eth0 tcp dport {port} redirect to :{mesh}
    }}
}}"""


def add_proxy(lab, pod, linger):
    """The proxy's container, then the rule that gives it everything."""
    loopback = "::1" if lab.network.plan.ipv6 else "127.0.0.1"
    pod.front = pod.add_container("mesh", program("mesh", MESH_PORT, PORT, linger, loopback, pod.address))
    log = os.path.join(pod.folder, "mesh.log")

    def ready():
        with open(log, encoding="utf-8") as file:
            return "ready" in file.read()

    wait_for(ready, 20, "the proxy")
    command(in_netns(pod.place.netns, ["nft", "-f", "-"]), stdin=RULES.format(port=PORT, mesh=MESH_PORT))


def play(lab):
    pod = lab.kubernetes.create()
    add_proxy(lab, pod, LINGER)
    lab.start_clients()
    lab.kubernetes.create()
    lab.kubernetes.delete(pod)


def answered(run):
    """Failed requests that got the proxy's own answer."""
    return [f for f in run.truth.failures if f.entry and f.entry["term"].startswith("--") and f.entry["status"] == 503]


def mechanics(run):
    return at_least(5, answered(run), "requests answered by the proxy itself")


def must_find(run):
    problems = found(run, "address_released")
    problems += [f"a 503 of the proxy is {f.verdict}" for f in answered(run) if f.verdict != "unobservable"][:3]
    if not counted_apart(run, "inside_pod"):
        problems.append("no connection inside the pod is counted")
    return problems
