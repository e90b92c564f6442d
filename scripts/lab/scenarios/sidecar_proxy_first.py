# SPDX-License-Identifier: Apache-2.0
"""As sidecar_application_first, but the proxy ends first: its port is closed, what comes is refused."""

import signal

from . import at_least, found, ports_of, sidecar_application_first as mesh

SUMMARY = "sidecar proxy that ends before its application: real drops, on the port the balancer knows"
SETTINGS = {"server": "holding", "rate": 20.0, "grace": 6.0}


def play(lab):
    pod = lab.kubernetes.create()
    pod.ends = signal.SIGTERM   # which ends the proxy; the application stays until SIGKILL
    mesh.add_proxy(lab, pod, 0.0)
    lab.start_clients()
    lab.kubernetes.create()
    lab.kubernetes.delete(pod)


def mechanics(run):
    return at_least(10, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    problems = found(run, "listener_closed", 10)
    ports = ports_of(run.by_cause("listener_closed"))
    return problems + ([] if ports == {8080} else [f"drops on ports {ports}"])
