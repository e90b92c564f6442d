# SPDX-License-Identifier: Apache-2.0
"""The server's container is killed and started again in the same sandbox; the pod stays registered."""

import signal

from drainlab.proc import now_ns
from . import at_least, found, no_rollout_cause

SUMMARY = "a container restarts in a pod that stays: requests cut, then refused; not a drain"
SETTINGS = {"server": "holding", "rate": 20.0}


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.clients.burst(8, "/slow?s=3")
    lab.sleep(0.8)
    begin = now_ns()
    pod.server.signal(signal.SIGKILL)
    pod.server.exit.ended.wait(10)
    lab.sleep(1.5)      # the kubelet's back-off
    pod.restart_server()
    pod.in_force("container_restarted", begin, now_ns())
    lab.wait_for_requests(20)


def mechanics(run):
    return (at_least(10, run.failures("SC", slowest=500), "connections refused at once")
            + at_least(6, run.failures("SH"), "requests cut"))


def must_find(run):
    return found(run, "container_restarted", 16) + no_rollout_cause(run)
