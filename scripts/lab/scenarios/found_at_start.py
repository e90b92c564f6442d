# SPDX-License-Identifier: Apache-2.0
"""drainsnoop is started when the pods already serve: their listeners are found, not seen to open. Two of three
on a port close at once, perhaps before the search has met the third: the port is not closed."""

from . import at_least, found, milestones, three_listeners

SUMMARY = "started beside pods that run already: the end of their listeners is seen all the same"
SETTINGS = {"server": "gate", "prestop": 2.0, "lag": 5.0, "grace": 12.0, "linger": 3.0, "rate": 30.0}


def play(lab):
    leaving = three_listeners(lab)
    lab.tracer.kill()
    lab.tracer.start_again()    # knows nothing of the run before
    lab.kubernetes.delete(leaving)
    for _ in range(2):          # while it still looks for listeners, where that takes so long
        leaving.tell("close")
        lab.sleep(0.3)


def mechanics(run):
    return at_least(10, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    problems = found(run, "listener_closed", 10)
    for pod in run.ended:
        last = [e["drainsnoop.pod.phase_port"] for e in milestones(run, pod, "listener_closed")]
        if sorted(last) != [8080, 8081]:
            problems.append(f"the ports of {pod.name} that are said to close: {last}")
    return problems
