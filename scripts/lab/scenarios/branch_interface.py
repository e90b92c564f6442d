# SPDX-License-Identifier: Apache-2.0
"""Security groups for pods: each pod has an interface and a routing table of its own, and no rule names
its address (M13). That it is released shows only as a route that goes from a table that is not main."""

from . import at_least, found, phases

SUMMARY = "pods with branch interfaces: a route in a table of its own, no rule 512"
SETTINGS = {"rate": 12.0, "eni": "branch"}
FAMILIES = ("ipv4",)    # the router's part is played with ARP


def mechanics(run):
    return at_least(3, [f for f in run.failures("sC") + run.failures("SC", 1500)],
                    "connections to an address that is gone")


def must_find(run):
    problems = found(run, "address_released", 3)
    for pod in run.ended:
        if "address_released" not in phases(run, pod):
            problems.append(f"the release of {pod.name} is not told")
    return problems
