# SPDX-License-Identifier: Apache-2.0
"""What plays Kubernetes: a Deployment's rollout, the kubelet at a pod's end, the load balancer controller.

A later issue puts a real cluster in its place; the load balancer's side (loadbalancer.py) stays.
"""

import signal
import subprocess
import threading

from .events import rfc3339
from .pod import Pod
from .proc import LabError, Tool, in_netns, now_ns, program, wait_for

SECOND = 10**9


class Kubelet:
    """A kubelet's probes, from its node's own address."""

    def __init__(self, lab, node, address):
        self.tool = Tool(lab.cgroup.tools, in_netns(node, program("prober", address, lab.settings.probe_period)),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.tool.process.stdout:
            name, state = line.decode().split()
            self.ready[name] = state == "ok"

    def probe(self, pod):
        # a probe has no such header
        port = pod.health_port if pod.lab.settings.proxy_header else pod.port
        self.tool.tell(f"add {pod.name} {pod.address} {port}")

    def wait_ready(self, pod):
        def check():
            if not pod.server.running():
                raise LabError(f"the server of {pod.name} ended at once; see {pod.folder}")
            return self.ready.get(pod.name)
        wait_for(check, 30, f"readiness of {pod.name}")

    def terminating(self, pod):
        self.tool.tell(f"terminating {pod.name}")

    def forget(self, pod):
        self.tool.tell(f"del {pod.name}")

    def end(self):
        self.tool.end()


class Kubernetes:
    def __init__(self, lab, group):
        self.lab, self.group = lab, group
        network = lab.network
        self.kubelets = {network.node: Kubelet(lab, network.node, network.plan.node)}
        if network.second:
            self.kubelets[network.second] = Kubelet(lab, network.second, network.plan.other)
        self.pods = []          # all that ever were
        self.running = []       # those that have not been deleted
        self.threads = []

    def kubelet(self, pod):
        return self.kubelets[pod.place.node]

    def create(self, deployment="web", server=None, keepalive=None, index=None, host=None, elsewhere=False,
               address=None, **how):
        """A new pod: started, ready, announced, registered. `index`: with the address of a pod that is
        gone. `host`: on the host's network, on that port. `elsewhere`: on the second node, where `address`
        may be one that a pod of the first had."""
        return self.admit(Pod(self.lab, deployment, server or self.lab.settings.server, keepalive, index,
                              host, elsewhere, address), **how)

    def admit(self, pod, wait=True, register=True, call=True):
        """A pod whose containers run: announced, ready (not `wait`: it only is said to be), registered,
        and called by the in-cluster client (`call`). Several threads may do so at once."""
        lab = self.lab
        self.pods.append(pod)
        lab.events.pod_state(pod, "pending")
        self.kubelet(pod).probe(pod)
        if wait:
            pod.open_gate()
            self.kubelet(pod).wait_ready(pod)
        lab.events.pod_state(pod, "ready")
        if not pod.place.elsewhere:
            lab.tracer.wait_for_pod(pod)
        if register:
            self.group.register(pod)
        self.running.append(pod)
        if call:
            lab.insider.call(pod)
        return pod

    def delete(self, pod, trigger="rollout", how="deletion"):
        """Ends a pod; what follows happens in a thread of its own. `how`: what Kubernetes tells first:
        deletion (a deletionTimestamp), status_reason (no deletion at all: the kubelet evicts, or the
        node shuts down), force (the object is gone at once, while the containers live on)."""
        self.running.remove(pod)
        thread = threading.Thread(target=self._guarded, args=(pod, trigger, how), daemon=True)
        thread.start()
        self.threads.append(thread)

    def rollout(self, pods=None):
        """A rolling update with maxSurge 1 and maxUnavailable 0."""
        for old in list(pods or self.running):
            if self.lab.settings.replace:
                self.create(old.deployment)
            self.delete(old)

    def wait(self):
        """Waits until every deleted pod is gone."""
        for thread in self.threads:
            thread.join()
        self.lab.check()

    def _guarded(self, pod, trigger, how):
        try:
            self._terminate(pod, trigger, how)
        except Exception as error:  # told to the main thread
            self.lab.fail(error)

    def _announce(self, pod, trigger, how, t0):
        """What the API server tells when the pod begins to go."""
        events = self.lab.events
        floor = t0 // SECOND * SECOND  # its stamps have whole seconds
        known = {"pod__t0": rfc3339(floor), "pod__t0_error_ms": 1000, "pod__trigger": trigger}
        if how == "status_reason":
            reason = {"eviction": "Evicted", "node_shutdown": "Terminated"}[trigger]
            events.pod_state(pod, "not_ready", pod__t0_source=how, pod__status_reason=reason, **known)
            return
        events.pod_state(pod, "terminating", pod__t0_source="deletion_timestamp", **known)
        if how == "force":
            events.pod_state(pod, "deleted")

    def _terminate(self, pod, trigger, how):
        """The end of a pod in its real order (facts/aws-and-kubernetes.md, sections 1.1 and 5)."""
        lab, settings = self.lab, self.lab.settings
        t0 = now_ns()
        pod.mark("t0", t0)
        self._announce(pod, trigger, how, t0)
        lab.say(f"{pod.name} begins to go ({how}): T0")
        self.kubelet(pod).terminating(pod)
        controller = threading.Thread(target=self._deregister, args=(pod,), daemon=True)
        controller.start()

        deadline = t0 + int(settings.grace * SECOND)
        if settings.prestop:
            lab.sleep(min(settings.prestop, settings.grace + 2))
        deadline = max(deadline, now_ns() + 2 * SECOND)  # the kubelet gives at least two seconds
        self._signal(pod, signal.SIGTERM, "sigterm")
        for container in pod.containers:
            if container is not pod.server:
                container.signal(signal.SIGTERM)
        lab.say(f"{pod.name}: SIGTERM")
        self._await_containers(pod, deadline)
        self._end_sandbox(pod, tell=how == "deletion")
        controller.join()

    def _deregister(self, pod):
        """The load balancer controller: hears of it after a while, then calls the API."""
        settings = self.lab.settings
        try:
            if not self.lab.stopping.wait(settings.controller_lag):
                self.group.deregister(pod, settings.lag - settings.controller_lag)
        except Exception as error:  # told to the main thread
            self.lab.fail(error)

    @staticmethod
    def _signal(pod, number, name):
        at = pod.server.signal(number)
        pod.mark(name, at)
        if pod.ends_on == number or "end_signal" not in pod.marks and number == signal.SIGKILL:
            pod.mark("end_signal", at)

    def _await_containers(self, pod, deadline):
        """Waits for all containers, with SIGKILL to what is left at the deadline."""
        for container in pod.containers:
            container.exit.ended.wait(max(0.0, (deadline - now_ns()) / SECOND))
        if not pod.sandbox_empty():
            self.lab.say(f"{pod.name}: SIGKILL")
            if pod.server.running():
                self._signal(pod, signal.SIGKILL, "sigkill")
            for container in pod.containers:
                container.signal(signal.SIGKILL)
        for container in pod.containers:
            if not container.exit.ended.wait(30):
                raise LabError(f"{pod.name}/{container.name} does not end")
        pod.mark("exited", (pod.front or pod.server).exit.at)
        self.lab.say(f"{pod.name}: all containers have ended")

    def _end_sandbox(self, pod, tell):
        self.lab.sleep(self.lab.settings.sandbox_delay)
        steps = pod.place.release()
        for what, before, after in steps:
            pod.mark(what, before, after)
        if steps:
            pod.mark("released", steps[0][1], steps[-1][2])
            self.lab.say(f"{pod.name}: its address {pod.address} is released")
        pod.place.remove()
        self.kubelet(pod).forget(pod)
        self.lab.cgroup.remove_pod(pod.uid)
        if tell:    # else it was told before, or the object stays as a failed one
            self.lab.events.pod_state(pod, "deleted")
        pod.mark("deleted", now_ns())
        self.group.gone(pod)

    def end(self):
        for kubelet in self.kubelets.values():
            kubelet.end()
