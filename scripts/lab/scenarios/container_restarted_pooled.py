# SPDX-License-Identifier: Apache-2.0
"""As container_restarted, with a balancer that goes on using connections that ended with the container."""

import signal

from drainlab.proc import now_ns
from . import at_least, found, no_rollout_cause

SUMMARY = "a container restarts, requests come on the connections that it had: not the keep-alive timeout"
SETTINGS = {"rate": 10.0, "balancer": "tinylb", "pool": 60}


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.plane.warm(pod, 40)
    begin = now_ns()
    pod.server.signal(signal.SIGKILL)
    pod.server.exit.ended.wait(10)
    lab.sleep(1.0)      # the kubelet's back-off
    pod.restart_server()
    pod.in_force("container_restarted", begin, begin + 3600 * 10**9)    # until the last is used up
    lab.wait_for_requests(20)


def mechanics(run):
    return at_least(10, [f for f in run.failures("SH") if f.entry.get("fin_seen")],
                    "requests sent on connections that ended with the container")


def must_find(run):
    return found(run, "container_restarted", 10) + no_rollout_cause(run)
