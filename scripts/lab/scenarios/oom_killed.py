# SPDX-License-Identifier: Apache-2.0
"""A pod's container runs out of its memory while its preStop hook still runs: the OOM killer ends it.

The limit is that of cgroup v1's memory controller, by the names that the pod has in v2: the machines
on which the laboratory runs have the controller there.
"""

from . import at_least, found
from .cgroup_kill import ended, killed

SUMMARY = "a container beyond its memory limit, killed by the OOM killer during its preStop"
SETTINGS = {"server": "gate", "prestop": 5.0, "lag": 4.0, "rate": 30.0}
LIMIT = 128 << 20


def run_out(pod):
    pod.lab.cgroup.limit_memory(pod.server.cgroup, pod.server.cgroup.pids(), LIMIT)
    pod.tell("eat")


def play(lab):
    killed(lab, run_out)


def mechanics(run):
    return at_least(15, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    return found(run, "listener_closed", 15) + ended(run, "oom", "oom_killed")
