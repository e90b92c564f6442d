# SPDX-License-Identifier: Apache-2.0
"""A pod's container is killed by its cgroup (v2 cgroup.kill) while its preStop hook still runs."""

import signal

from drainlab.proc import LabError, now_ns
from . import at_least, found, milestones

SUMMARY = "a container killed by cgroup.kill during its preStop: listener closed, told as cgroup_kill"
SETTINGS = {"server": "gate", "prestop": 5.0, "lag": 4.0, "rate": 30.0}


def killed(lab, kill, before=1.0):
    """Two pods; one goes away, and its server is killed before its hook is over."""
    for _ in range(2):
        lab.kubernetes.create()
    lab.start_clients()
    leaving = lab.kubernetes.running[0]
    leaving.ends = signal.SIGKILL       # what ends it is not the SIGTERM that comes later
    lab.kubernetes.delete(leaving)
    lab.sleep(before)
    leaving.mark("end_signal", now_ns())
    kill(leaving)
    if not leaving.server.exit.ended.wait(20):
        raise LabError(f"{leaving.name} was not killed")


def play(lab):
    killed(lab, lambda pod: pod.server.cgroup.kill())


def mechanics(run):
    return at_least(20, run.failures("SC", slowest=500), "connections refused at once")


def ended(run, killed_by, ended_by):
    """Problems if the end of the server is not told so, once, at its time."""
    problems = []
    for pod in run.ended:
        kills = [e for e in milestones(run, pod, "sigkill")
                 if e.get("container.id") == pod.server.cgroup.path.split("-")[-1].split(".")[0]]
        if [e.get("drainsnoop.pod.killed_by") for e in kills] != [killed_by]:
            problems.append(f"SIGKILL to {pod.name} is told {len(kills)} times, by "
                            f"{[e.get('drainsnoop.pod.killed_by') for e in kills]}")
        if run.verdict(pod).get("drainsnoop.pod.ended_by") != ended_by:
            problems.append(f"{pod.name} is said to have ended by "
                            f"{run.verdict(pod).get('drainsnoop.pod.ended_by')}")
    others = [pod.name for pod in run.pods if pod not in run.ended and milestones(run, pod, "sigkill")]
    return problems + [f"SIGKILL is told of {name}, which lives" for name in others]


def must_find(run):
    return found(run, "listener_closed", 20) + ended(run, "cgroup_kill", "cgroup_kill")
