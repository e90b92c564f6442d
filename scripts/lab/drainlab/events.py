# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes and AWS would tell, as drainsnoop's input events (events.md): one JSON line each."""

import calendar
import json
import os
import threading
import time

from .proc import now_ns


def rfc3339(ns):
    """An instant in ns as the events have it."""
    seconds, rest = divmod(ns, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def parse_rfc3339(text):
    """The instant of an event, in ns."""
    head, _, fraction = text.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(head, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int((fraction + "0" * 9)[:9])


class EventWriter:
    """Appends lines to the file that drainsnoop follows. One write a line."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.lock = threading.Lock()

    def write(self, name, **keys):
        """Writes one event; `pod__uid` and such stand for dotted keys below `drainsnoop.`, unless
        given with their full name through a dictionary in `keys`."""
        event = {"event.name": "drainsnoop." + name, **keys.pop("keys", {})}
        event.update({"drainsnoop." + key.replace("__", "."): value for key, value in keys.items()})
        with self.lock:  # the time is taken inside: lines are in the order of their times
            line = {"time": rfc3339(now_ns())} | event
            os.write(self.fd, (json.dumps(line, separators=(",", ":")) + "\n").encode())

    def pod_state(self, pod, phase, **keys):
        """What a node's agent hears of: nothing of another node's pods."""
        if pod.place.elsewhere:
            return
        prestop = f"sleep:{pod.prestop:g}" if pod.prestop else "none"
        if pod.ports:
            keys["pod__ports"] = pod.ports
        if pod.on_host:
            keys["pod__host_network"] = True
        self.write("pod.state", pod__addresses=",".join((pod.address, *pod.others)), pod__phase=phase,
                   pod__prestop=prestop, pod__grace_period_s=int(pod.grace), **keys, keys={
                       "k8s.namespace.name": pod.namespace, "k8s.pod.name": pod.name,
                       "k8s.pod.uid": pod.uid, f"k8s.{pod.owner}.name": pod.deployment})

    def target_state(self, group, pod, state, **keys):
        self.write("target.state", target_group__name=group.name, target_group__arn=group.arn,
                   target_group__deregistration_delay_s=int(group.delay),
                   target_group__target_type="ip", target_group__preserve_client_ip=group.preserves_client,
                   target_group__health_check_port=group.checked_port(pod),
                   target_group__health_check_interval_s=group.health_interval,
                   load_balancer__type=group.type, target__id=pod.address,
                   target__port=pod.port, target__state=state, **keys)

    def close(self):
        os.close(self.fd)
