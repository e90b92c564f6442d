# SPDX-License-Identifier: Apache-2.0
"""What plays the AWS load balancer controller: it watches the API, and calls the target group.

As the real one does for an Ingress it makes a TargetGroupBinding of the Service, and then does what that says.
In the order of the real one: endpoints that are ready, or whose containers are while only the gate is
missing, are registered; what is not an endpoint any more, or terminates, is deregistered; the gate's
condition on the pod follows the health of its target.
"""

import http.client
import threading
import time

from .api import ApiError, Watch
from .manifests import CONTROLLER, CONTROLLER_RULES, GATE, NAME, NAMESPACE, binding
from .pod import condition

SLICES = (f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
          f"?labelSelector=kubernetes.io/service-name%3D{NAME}")
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BINDINGS = f"/apis/elbv2.k8s.aws/v1beta1/namespaces/{NAMESPACE}/targetgroupbindings"


def wanted(slices, pods):
    """The UIDs of the pods that should be targets. slices, pods: {uid: object}. Pure."""
    found = set()
    for thing in slices.values():
        for endpoint in thing.get("endpoints") or []:
            state, uid = endpoint.get("conditions", {}), endpoint.get("targetRef", {}).get("uid")
            pod = pods.get(uid)
            if not pod or state.get("terminating") or pod["metadata"].get("deletionTimestamp"):
                continue
            if state.get("ready", True) or condition(pod, "ContainersReady") == "True":
                found.add(uid)
    return found


class Controller:
    """known(uid) gives the laboratory's pod of that UID, or None as long as it has none."""

    def __init__(self, lab, plane, group, known):
        self.lab, self.group, self.known = lab, group, known
        plane.user(CONTROLLER, CONTROLLER_RULES)
        self.api = plane.api(CONTROLLER)
        self.targets = {}       # uid: pod, from the call that registers to the one that deregisters
        self.busy = []          # threads of calls
        self.dirty = threading.Event()
        self.pods = Watch(lab, self.api, PODS, lambda *_: self.dirty.set())
        self.slices = Watch(lab, self.api, SLICES, lambda *_: self.dirty.set())
        self.api.create(BINDINGS, binding(group.arn, lab.settings.target))
        self.bindings = Watch(lab, self.api, BINDINGS, self._bind)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        """The reconciler: one at a time, once for all that has changed meanwhile."""
        while not self.lab.stopping.is_set():
            if not self.dirty.wait(0.5):
                continue
            self.dirty.clear()
            try:
                self._reconcile()
            except Exception as error:  # told to the main thread
                self.lab.fail(error)
                return

    def _bind(self, kind, thing):
        """A binding has changed, or is new."""
        meta = thing["metadata"]
        if kind != "DELETED" and thing.get("status", {}).get("observedGeneration") != meta["generation"]:
            self._patch(f"{BINDINGS}/{meta['name']}/status",
                        {"status": {"observedGeneration": meta["generation"]}}, "merge")
        self.dirty.set()

    def _reconcile(self):
        bound = dict(self.bindings.known)
        pods = any(thing["spec"].get("targetType", "ip") == "ip" for thing in bound.values())
        want = wanted(dict(self.slices.known), dict(self.pods.known)) if pods else set()
        for uid in [uid for uid in self.targets if uid not in want]:
            self._call(self._deregister, self.targets.pop(uid))
        for uid in want - set(self.targets):
            pod = self.known(uid)
            if pod is None:     # it will be, at once: its watch is as fast as this one
                self.dirty.set()
                time.sleep(0.01)
                continue
            self.targets[uid] = pod
            self._call(self._register, pod)

    def _patch(self, *change):
        """As the real one: once more, and once more, as long as the API server is away or not well."""
        while True:
            try:
                self.api.patch(*change)
                return
            except ApiError as error:
                if error.status < 500:
                    raise
            except (OSError, http.client.HTTPException):
                pass
            self.lab.sleep(0.5)

    def _call(self, what, pod):
        def guarded():
            try:
                what(pod)
            except Exception as error:  # told to the main thread
                self.lab.fail(error)
        thread = threading.Thread(target=guarded, daemon=True)
        self.busy.append(thread)
        thread.start()

    def _register(self, pod):
        self.group.register(pod)
        if pod.uid not in self.targets:
            return      # it began to go meanwhile
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            self._patch(f"{PODS}/{pod.name}/status", {"status": {"conditions": [
                {"type": GATE, "status": "True", "lastTransitionTime": now}]}})
        except ApiError as error:
            if error.status != 404:
                raise

    def _deregister(self, pod):
        settings = self.lab.settings
        self.lab.sleep(settings.controller_lag)
        self.group.deregister(pod, settings.lag - settings.controller_lag)

    def wait(self):
        """Waits until no call is under way."""
        for thread in self.busy:
            thread.join()
        self.lab.check()
