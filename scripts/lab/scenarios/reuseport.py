# SPDX-License-Identifier: Apache-2.0
"""Several listeners share a port (SO_REUSEPORT) and close one by one, one more opens in between, as a
reload does it: the port is closed when the last of them is."""

import signal

from . import at_least, found, milestones, three_listeners

SUMMARY = "three listeners of one port close one by one, a fourth opens meanwhile: the last one counts"
SETTINGS = {"server": "gate", "prestop": 7.0, "lag": 5.5, "rate": 30.0}
TOLERANCE_MS = 100


def play(lab):
    leaving = three_listeners(lab)
    lab.kubernetes.delete(leaving)
    for command in ("close", "close", "listen 32", "close"):
        lab.sleep(0.4)
        leaving.tell(command)
        lab.wait_for_requests(5)
    lab.sleep(0.4)
    before, after = leaving.tell("close")
    leaving.mark("closed", before, after)
    leaving.mark("end_signal", before)
    leaving.ends = signal.SIGKILL       # not the SIGTERM that comes later


def mechanics(run):
    return at_least(20, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    problems = found(run, "listener_closed", 20)
    for pod in run.ended:
        closed = [e for e in milestones(run, pod, "listener_closed") if e["drainsnoop.pod.phase_port"] == 8080]
        real = [(at - pod.marks["t0"][0] // 10**9 * 10**9) / 1e6 for at in pod.marks["closed"]]
        if len(closed) != 1:
            problems.append(f"port 8080 of {pod.name} is said to close {len(closed)} times")
        elif not real[0] - TOLERANCE_MS <= closed[0]["drainsnoop.pod.since_t0_ms"] <= real[1] + TOLERANCE_MS:
            problems.append(f"port 8080 of {pod.name} is said to close at T0 + "
                            f"{closed[0]['drainsnoop.pod.since_t0_ms']} ms, it was {real} ms")
    return problems
