# SPDX-License-Identifier: Apache-2.0
"""A pod of the real cluster, as the laboratory's other parts (target group, events, truth) know pods."""

import calendar
import time
import types

from drainlab.pod import HEALTH_PORT, PORT
from drainlab.proc import ExitWatch, LabError

SECOND = 10**9
# The real node is the one that drainsnoop watches.
HERE = types.SimpleNamespace(elsewhere=False)


def seconds(text):
    """An instant of the API, which has whole seconds, in ns."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) * SECOND


def condition(thing, kind):
    """The status of a condition of an object, or None."""
    return next((c["status"] for c in thing.get("status", {}).get("conditions") or [] if c["type"] == kind), None)


def ended_by_kubelet(thing):
    """Since when, by its own condition, the kubelet is ending the pod, rounded down to the second; or None."""
    for found in thing.get("status", {}).get("conditions") or []:
        if found["type"] == "DisruptionTarget" and found.get("reason") == "TerminationByKubelet":
            return seconds(found["lastTransitionTime"])
    return None


def requested_at(thing):
    """T0 of a pod as the API tells it: when its deletion was asked for, or the kubelet began without anybody's
    asking; rounded down to the second; or None."""
    meta = thing["metadata"]
    if not meta.get("deletionTimestamp"):
        return ended_by_kubelet(thing)
    return seconds(meta["deletionTimestamp"]) - meta.get("deletionGracePeriodSeconds", 0) * SECOND


def prestop_of(spec):
    """The sleep of the preStop hooks, s; 0 without one."""
    return max((c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                for c in spec["containers"]), default=0)


class RealPod:
    owner, on_host, place, front = "deployment", False, HERE, None
    port, health_port, ports = PORT, HEALTH_PORT, f"{PORT},{HEALTH_PORT}"
    containers = ()         # none that the laboratory started
    others = ()             # one family

    def __init__(self, lab, thing):
        meta, spec = thing["metadata"], thing["spec"]
        self.lab, self.thing = lab, thing
        self.name, self.namespace, self.uid = meta["name"], meta["namespace"], meta["uid"]
        self.deployment = meta["labels"]["app"]
        self.address = thing["status"]["podIP"]
        self.prestop, self.grace = prestop_of(spec), spec["terminationGracePeriodSeconds"]
        self.phase = None       # what drainsnoop was told last
        self.t0 = None          # as the API says it, ns
        self.gone = False
        self.marks, self.exits = {}, {}

    def mark(self, what, before, after=None):
        """Notes that something happened to the pod between two moments (ns)."""
        self.marks[what] = [before, after or before]
        self.lab.note_mark(self, what, before, after or before)

    @property
    def undeleted(self):
        """Nobody asked for its end: a kubelet may end it by itself."""
        return not self.thing["metadata"].get("deletionTimestamp")

    def ended_undeleted(self):
        """True at the end of a pod that the kubelet ended by itself."""
        return self.undeleted and self.thing["status"].get("phase") in ("Failed", "Succeeded")

    def watch_containers(self, init_pid):
        """Has the end of each container noticed. init_pid: the process 1 of a container, or None."""
        for status in self.thing["status"].get("containerStatuses") or []:
            container = status.get("containerID", "").rpartition("/")[2]
            if not container or container in self.exits or "running" not in status.get("state", {}):
                continue
            pid = init_pid(container)
            if pid:
                self.exits[container] = ExitWatch(pid)

    def note_exits(self):
        """Marks the end of the last container. Once the pod is gone."""
        if not self.exits:
            raise LabError(f"the container of {self.name} was never seen")
        ends = [watch.at for watch in self.exits.values() if watch.ended.wait(5)]
        if len(ends) < len(self.exits):
            raise LabError(f"{self.name} is gone, but a process of it is not")
        self.mark("exited", max(ends))
