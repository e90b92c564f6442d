# SPDX-License-Identifier: Apache-2.0
"""The real cluster as the scenarios see it: a Deployment, a rollout, and what became of each pod.

Follows the pods by the API, tells drainsnoop of them as events (where it does not ask the API itself), and
takes the moments of their ends from outside of drainsnoop (marks.py).
"""

import contextlib
import json
import os
import threading

from drainlab.events import rfc3339
from drainlab.kubeproxy import NODE_PORT
from drainlab.pod import Pod
from drainlab.proc import now_ns, wait_for

from . import manifests, marks
from .api import Watch
from .controller import PODS, Controller
from .pod import RealPod, condition, requested_at


def cores(text):
    """A quantity of processors, in thousandths."""
    return int(text[:-1]) if text.endswith("m") else int(text) * 1000


class RealKubernetes:
    def __init__(self, lab, group, plane, node):
        self.lab, self.group, self.plane, self.node = lab, group, plane, node
        self.api = plane.api("admin")
        self.pods = []          # all that ever had an address
        self.by_uid = {}
        self.trigger = "deletion"   # why pods are deleted at the moment
        self.stand_ins = []         # the laboratory's own, beside the cluster's
        self.shutdowns = {}         # by name: when the kubelet was told to end it (ns, ns)
        self.told = threading.Lock()
        self.by_node = lab.settings.target == "instance"    # the targets are nodes, and no controller's
        self.watch = Watch(lab, self.api, PODS, self._take)
        self.controller = Controller(lab, plane, group, self.by_uid.get)

    # what a scenario does

    def deploy(self):
        """The workload, until all of it is ready and gets requests."""
        settings, path = self.lab.settings, f"/api/v1/namespaces/{manifests.NAMESPACE}"
        accounts = f"{path}/serviceaccounts"
        wait_for(lambda: any(a["metadata"]["name"] == "default" for a in self.api.get(accounts)["items"]),
                 30, "the namespace's service account")
        self.api.create(f"{path}/services", manifests.service(NODE_PORT if self.by_node else None))
        self.api.create(f"/apis/apps/v1/namespaces/{manifests.NAMESPACE}/deployments",
                        manifests.deployment(settings.pods, settings.prestop, settings.grace, not self.by_node))
        self.rollout_status()
        if self.by_node:
            self.group.wait_for(self.running)
            self.group.add_node("node")
        for pod in self.running:
            self.lab.tracer.wait_for_pod(pod)
        self.lab.tracer.wait_for_group(self.group)
        self.lab.say(f"{settings.pods} pods are ready")

    def rollout(self):
        """What a person types: a restart, and its status until it has come through."""
        self.restart()
        self.rollout_status()
        self.lab.say("kubectl says that it is rolled out")

    def restart(self):
        self.trigger = "rollout"
        self.lab.say("kubectl rollout restart deployment/" + manifests.NAME)
        self.plane.kubectl("rollout", "restart", "deployment/" + manifests.NAME)

    def rollout_status(self):
        patience = 60 + 10 * self.lab.settings.pods
        try:
            self.plane.kubectl("rollout", "status", "deployment/" + manifests.NAME, f"--timeout={patience}s",
                               timeout=patience + 10)
        finally:
            self.lab.check()    # what a thread met is why kubectl waits in vain

    def wait_for_api(self):
        self.plane.wait_until(self.api.ready, 60, "the API server", "etcd", "apiserver")

    def evict(self, pod):
        """What `kubectl drain` does to a pod."""
        self.trigger = "eviction"
        self.lab.say(f"{pod.name} is to be evicted")
        with self.one_more_ends():
            self.api.create(f"{PODS}/{pod.name}/eviction", manifests.eviction(pod.name))

    def delete_by_hand(self, pod):
        """`kubectl delete pod`."""
        self.trigger = "manual"
        self.lab.say(f"{pod.name} is deleted by hand")
        with self.one_more_ends():
            self.api.delete(f"{PODS}/{pod.name}")

    def preempt(self):
        """Has a pod come that is more important and leaves no room for one of the others."""
        self.trigger, name = "preemption", "important"
        free = self.free_cpu() + manifests.CPU
        self.api.create("/apis/scheduling.k8s.io/v1/priorityclasses", manifests.priority(name))
        self.lab.say("a pod comes that is more important")
        with self.one_more_ends():
            self.api.create(PODS, manifests.important(name, free - manifests.CPU // 2))

    def free_cpu(self):
        """What nobody on the node asks for, thousandths of a core."""
        node = self.api.get(f"/api/v1/nodes/{self.node.name}")
        asked = sum(cores(container.get("resources", {}).get("requests", {}).get("cpu", "0"))
                    for pod in self.api.get("/api/v1/pods")["items"] if pod["spec"].get("nodeName") == self.node.name
                    for container in pod["spec"]["containers"])
        return cores(node["status"]["allocatable"]["cpu"]) - asked

    def stand_in(self):
        """A target that stands for the pods of other nodes: what the cluster does here does not end it."""
        pod = Pod(self.lab, "elsewhere", self.lab.settings.server)
        self.stand_ins.append(pod)
        pod.open_gate()
        self.group.register(pod)

    def shut_down(self):
        """`systemctl poweroff`: the kubelet ends all pods of its node, and then would let it go down."""
        self.trigger, logind = "node_shutdown", self.node.logind
        wait_for(logind.watched.is_set, 30, "the kubelet to watch for a shutdown")
        running = self.running
        self.lab.tracer.ends_with_its_node()
        self.lab.say("the node shuts down")
        moments = logind.shut_down()
        self.shutdowns.update({pod.name: moments for pod in running})
        wait_for(lambda: all(pod.t0 is not None for pod in running) or self.lab.check(), 30,
                 "the kubelet to end the node's pods")
        wait_for(logind.released, 120, "the kubelet to be done")
        self.lab.say("the kubelet lets the node go down")

    @contextlib.contextmanager
    def one_more_ends(self):
        """Waits until what is done inside has one more pod asked to end."""
        have = len(self.ending)
        yield
        wait_for(lambda: len(self.ending) > have or self.lab.check(), 30, "a pod to be asked to end")

    @property
    def ending(self):
        """The pods that were asked to end."""
        return [pod for pod in self.pods if pod.t0 is not None]

    @property
    def running(self):
        """The pods that have an address and are not asked to end."""
        return [pod for pod in self.pods if pod.t0 is None and not pod.gone]

    # what the laboratory asks

    def wait(self):
        """Waits until every pod that was deleted is gone, and notes when what happened to it."""
        ending = self.ending
        for pod in ending:
            wait_for(lambda: pod.gone or self.lab.check(), pod.grace + 60, f"the end of {pod.name}")
            wait_for(lambda: self.by_node or "deregistered" in pod.marks or self.lab.check(), 60,
                     f"the deregistration of {pod.name}")
        self.controller.wait()
        for pod in ending:
            pod.note_exits()
        self._note(ending)

    def _note(self, ending):
        """The marks that logs tell."""
        def text(path):
            if not os.path.exists(path):
                return ""
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        names = {(pod.namespace, pod.name) for pod in ending}
        # A pod that nobody deleted is at its end before its address is.
        wait_for(lambda: names <= set(marks.releases(text(self.node.cni_log))), 30, "the release of addresses", 0.1)
        releases = marks.releases(text(self.node.cni_log))
        requests = marks.deletions(text(self.plane.audit_log)) | self.shutdowns
        signals = marks.signals(text(self.node.containerd_log))
        for pod in ending:
            for what, (before, after) in marks.of(pod, requests, signals, releases).items():
                pod.mark(what, before, after)
            with open(os.path.join(self.plane.logs, pod.name + ".json"), "w", encoding="utf-8") as file:
                json.dump(pod.thing, file, indent=1)
            for text_ in marks.missing(pod, deregistered=not self.by_node):
                self.lab.problem(text_)

    def end(self):
        """The watches end with the API server."""
        for pod in self.stand_ins:
            for container in pod.containers:
                container.cgroup.kill()
                container.shim.wait(10)

    # what the API tells

    def _take(self, kind, thing):
        """One change of one pod."""
        status, meta = thing.get("status", {}), thing["metadata"]
        if meta.get("labels", {}).get("app") != manifests.NAME or not status.get("podIP"):
            return
        with self.told:
            pod = self.by_uid.get(meta["uid"])
            if pod is None:
                pod = RealPod(self.lab, thing)
                self.pods.append(pod)
                self.by_uid[pod.uid] = pod
            pod.thing = thing
            pod.watch_containers(self.node.init_pid)
            self._tell(pod, kind)

    def _tell(self, pod, kind):
        """Tells drainsnoop of the pod's phase, where it is another one than before. The first T0 is the right
        one: the last event of a pod has stamps of the kubelet's own deletion, without any grace."""
        events, t0, more = self.lab.events, pod.t0 or requested_at(pod.thing), {}
        if t0 is not None:
            pod.t0 = t0
            more = {"pod__t0": rfc3339(t0), "pod__t0_error_ms": 1000,
                    "pod__t0_source": "deletion_timestamp", "pod__trigger": self.trigger}
        if kind == "DELETED" or pod.ended_undeleted():
            phase, pod.gone = "deleted", True
        elif t0 is not None:
            phase = "terminating"
        elif condition(pod.thing, "Ready") == "True":
            phase = "ready"
        else:
            phase = "not_ready" if pod.phase in ("ready", "not_ready") else "pending"
        if phase == pod.phase:
            return
        pod.phase = phase
        if self.lab.pods_by == "events":
            events.pod_state(pod, phase, **more)
        if phase == "ready":
            self.lab.insider.call(pod)
        if phase == "terminating":
            self.lab.say(f"{pod.name} begins to go")
            if self.by_node:
                self.group.deregister(pod, 0)
        if phase == "deleted":
            pod.mark("deleted", now_ns())
            self.group.gone(pod)
            self.lab.say(f"{pod.name} is gone")
