# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Kubernetes API server with all that `drainsnoop targets` asks of one: any collections, listed,
watched, read and written, with versions that conflict and rights that can be missing. And a small cluster to put
into it: Deployments whose pods are targets by a Service and a TargetGroupBinding."""

import copy
import json
import re
import time
import urllib.parse

from fake_kube import FakeKube, stamp

OBJECT_MAX = 1 << 20    # bytes of a ConfigMap's data, as the real one has it
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}
PATH = re.compile(r"/(api/v1|apis/[^/]+/[^/]+)(?:/namespaces/([^/]+))?/([^/]+)(?:/([^/]+))?")
# What is no object of a namespace.
CLUSTER_WIDE = {"nodes"}


def paths():
    """What a real API server knows, and the load balancer controller's binding."""
    core = ["pods", "services", "configmaps", "nodes", "events"]
    apps = ["replicasets", "deployments", "statefulsets", "daemonsets"]
    return {("api/v1", name) for name in core} | {("apis/apps/v1", name) for name in apps} | {
        ("apis/discovery.k8s.io/v1", "endpointslices"), ("apis/coordination.k8s.io/v1", "leases"),
        ("apis/policy/v1", "poddisruptionbudgets"), ("apis/elbv2.k8s.aws/v1beta1", "targetgroupbindings")}


class FakeCluster(FakeKube):
    """objects: by (group and version, collection, namespace, name)."""

    def __init__(self, **options):
        self.known = paths()
        self.objects = {}
        self.denied = set()         # (verb, collection): who asks lacks that right
        self.stopped = False        # requests are accepted, and not answered
        self.calls = []             # (time, verb, collection, name, status, body): each answered request
        super().__init__(**options)

    # ---- what happens in the cluster ----

    def key_of(self, collection, obj):
        version = next(v for v, c in self.known if c == collection)
        namespace = "" if collection in CLUSTER_WIDE else obj["metadata"].setdefault("namespace", "shop")
        return version, collection, namespace, obj["metadata"]["name"]

    def set(self, collection, obj):
        """Makes or replaces an object, as whoever else works in the cluster would."""
        with self.lock:
            return self._keep(self.key_of(collection, obj), obj)

    def get(self, collection, name, namespace="shop"):
        with self.lock:
            for key, obj in self.objects.items():
                if key[1:] == (collection, "" if collection in CLUSTER_WIDE else namespace, name):
                    return copy.deepcopy(obj)
        return None

    def edit(self, collection, name, function, namespace="shop"):
        obj = self.get(collection, name, namespace)
        function(obj)
        return self.set(collection, obj)

    def take_away(self, collection, name, namespace="shop"):
        with self.lock:
            key = next(key for key in self.objects if key[1:] == (
                collection, "" if collection in CLUSTER_WIDE else namespace, name))
            self._lose(key)

    def of(self, collection):
        with self.lock:
            return [copy.deepcopy(obj) for key, obj in self.objects.items() if key[1] == collection]

    def _keep(self, key, obj):
        old = self.objects.get(key)
        obj = copy.deepcopy(obj)
        obj["metadata"].setdefault("uid", old["metadata"]["uid"] if old else
                                   f"0a1b2c3d-0000-4000-8000-{len(self.log) + 10**6:012d}")
        obj["metadata"].setdefault("creationTimestamp", stamp(time.time()))
        self.objects[key] = obj
        self._tell("MODIFIED" if old else "ADDED", key, obj)
        return obj

    def _lose(self, key):
        self._tell("DELETED", key, self.objects.pop(key))

    def _tell(self, kind, key, obj):
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.log.append((self.version, kind, (key, copy.deepcopy(obj))))
        self.lock.notify_all()

    def writes(self, collection, status=None):
        """Requests that wanted to change something of that collection."""
        return [call for call in self.calls if call[1] in ("create", "update", "delete") and call[2] == collection
                and status in (None, call[4])]

    # ---- answers ----

    def _answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else b""
        match = PATH.fullmatch(urllib.parse.unquote(url.path))
        while self.stopped:
            time.sleep(0.05)
        if not match or (match[1], match[3]) not in self.known:
            self._status(handler, 404, f"the server could not find the requested resource ({url.path})")
            return
        version, namespace, collection, name = match.groups()
        verb = VERBS[handler.command]
        if verb == "get" and not name:
            verb = "watch" if query.get("watch") else "list"
        with self.lock:
            self.requests.append((verb, query, handler.headers.get("Authorization")))
            fault = next((f for f in self.faults if f[0] in (verb, f"{verb} {collection}")), None)
            if fault:
                self.faults.remove(fault)
        where = (version, collection, namespace or "")
        if fault and fault[1] != "in-band":
            status = self._status(handler, *fault[1:]) or fault[1]
        elif (verb, collection) in self.denied:
            status = 403
            self._status(handler, 403, f'{collection} is forbidden: User "system:serviceaccount:drainsnoop:drainsnoop-targets" '
                                       f'cannot {verb} resource "{collection}"')
        elif verb == "watch":
            status = 200
            self._watch_one(handler, query, where, in_band=bool(fault))
        elif verb == "list":
            status = 200
            self._list_one(handler, query, where)
        else:
            status, answer = self._do(verb, (*where, name), body)
            self._send_json(handler, status, answer)
        with self.lock:
            self.calls.append((time.time(), verb, collection, name, status, body))

    def _do(self, verb, key, body):
        """(status, answer) of a request for one object."""
        with self.lock:
            obj = json.loads(body) if body else {}
            if verb == "create":
                if "name" not in obj["metadata"]:
                    obj["metadata"]["name"] = obj["metadata"]["generateName"] + f"{self.version:05d}"
                key = (*key[:3], obj["metadata"]["name"])
            old = self.objects.get(key)
            if verb == "create" and old:
                return self._failure(409, "AlreadyExists", f'{key[1]} "{key[3]}" already exists')
            if verb != "create" and not old:
                return self._failure(404, "NotFound", f'{key[1]} "{key[3]}" not found')
            if verb == "get":
                return 200, copy.deepcopy(old)
            named = (obj.get("preconditions") or {}).get("resourceVersion") if verb == "delete" else \
                obj["metadata"].get("resourceVersion")
            if old and named and named != old["metadata"]["resourceVersion"]:
                return self._failure(409, "Conflict", "the object has been modified; please apply your changes to the "
                                                      "latest version and try again")
            if verb == "delete":
                self._lose(key)
                return 200, {"kind": "Status", "status": "Success"}
            if verb == "create" and named:
                return self._failure(400, "BadRequest", "resourceVersion should not be set on objects to be created")
            if sum(map(len, obj.get("data", {}).values())) > OBJECT_MAX:
                return self._failure(413, "RequestEntityTooLarge", "Too long: must have at most 1048576 bytes")
            return 201 if verb == "create" else 200, copy.deepcopy(self._keep(key, obj))

    @staticmethod
    def _failure(status, reason, message):
        return status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message,
                        "code": status}

    @staticmethod
    def _send_json(handler, status, answer):
        body = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @staticmethod
    def _is_selected(query):
        field, _, value = query.get("fieldSelector", "").partition("=")
        labels = dict(part.split("=", 1) for part in query.get("labelSelector", "").split(",") if part)

        def wanted(obj):
            have = obj["metadata"].get("labels", {})
            if any(have.get(name) != text for name, text in labels.items()):
                return False
            found = obj
            for part in field.split(".") if field else ():
                found = found.get(part, {})
            return not field or found == value
        return wanted

    def _list_one(self, handler, query, where):
        limit = min(int(query.get("limit", 10**6)), self.page)
        version, collection, namespace = where
        with self.lock:
            begin = int(query.get("continue", "0"))
            wanted = self._is_selected(query)
            found = [obj for key, obj in self.objects.items() if key[:2] == (version, collection)
                     and namespace in ("", key[2]) and wanted(obj)]
            metadata = {"resourceVersion": str(self.version)}
            if begin + limit < len(found):
                metadata |= {"continue": str(begin + limit)}
            answer = copy.deepcopy({"kind": "List", "apiVersion": "v1", "metadata": metadata,
                                    "items": found[begin:begin + limit]})
        self._send_json(handler, 200, answer)

    def _watch_one(self, handler, query, where, in_band):
        """The watch of fake_kube.py, of what is in that place and is selected."""
        version, collection, namespace = where
        selected = self._is_selected(query)
        self._watch(handler, query, in_band, lambda entry: entry[0][:2] == (version, collection)
                    and namespace in ("", entry[0][2]) and selected(entry[1]))


# ---- a small cluster ----

def owner(kind, name, uid):
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}]


class Shop:
    """A Deployment `web` in namespace `shop`: a Service, a TargetGroupBinding, one EndpointSlice. What a controller
    of Kubernetes would do is done step by step, as the test says."""

    def __init__(self, cluster, group, port=8080, nodes=("node-1", "node-2")):
        self.cluster, self.group, self.port, self.nodes = cluster, group, port, nodes
        self.endpoints = {}
        for number, node in enumerate(nodes):
            cluster.set("nodes", {"kind": "Node", "apiVersion": "v1", "metadata": {
                "name": node, "uid": f"11111111-0000-4000-8000-{number:012d}"}})
        cluster.set("services", {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"}, "spec": {
            "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": port, "protocol": "TCP"}]}})
        cluster.set("targetgroupbindings", {
            "kind": "TargetGroupBinding", "apiVersion": "elbv2.k8s.aws/v1beta1", "metadata": {"name": "k8s-shop-web-1a2b3c"},
            "spec": {"targetGroupARN": group.arn, "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}})
        self.deployment(replicas=3, revision=1)
        self.replica_set("7c5d", revision=1, desired=3)

    def deployment(self, replicas, revision):
        self.cluster.set("deployments", {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {
            "name": "web", "uid": "22222222-0000-4000-8000-000000000001", "generation": revision,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "strategy": {"type": "RollingUpdate"}},
            "status": {"observedGeneration": revision, "replicas": replicas}})

    def replica_set(self, template, revision, desired, present=None):
        self.cluster.set("replicasets", {"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": {
            "name": f"web-{template}", "uid": f"33333333-0000-4000-8000-00000000{template}",
            "labels": {"app": "web", "pod-template-hash": template},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": owner("Deployment", "web", "22222222-0000-4000-8000-000000000001")},
            "spec": {"replicas": desired, "template": {"metadata": {"labels": {"app": "web", "pod-template-hash": template}}}},
            "status": {"replicas": desired if present is None else present}})

    @staticmethod
    def uid(number):
        return f"6f2a1c1e-0000-4000-8000-{number:012d}"

    @staticmethod
    def address(number):
        return f"10.99.0.{number + 1}"

    def add(self, *numbers, template="7c5d", node=None):
        """Pods that are ready, and targets."""
        for number in numbers:
            self.endpoints[number] = {
                "addresses": [self.address(number)], "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": node or self.nodes[number % len(self.nodes)],
                "targetRef": {"kind": "Pod", "namespace": "shop", "name": f"web-{template}-p{number:04d}", "uid": self.uid(number)}}
            self.group.register(self.address(number), self.port)
        self._slice()

    def terminate(self, *numbers):
        for number in numbers:
            self.endpoints[number]["conditions"] = {"ready": False, "serving": True, "terminating": True}
        self._slice()

    def remove(self, *numbers):
        for number in numbers:
            del self.endpoints[number]
        self._slice()

    def _slice(self):
        self.cluster.set("endpointslices", {
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": {"name": "web-x1y2z", "labels": {"kubernetes.io/service-name": "web"}, "ownerReferences": [
                {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "44444444-0000-4000-8000-000000000001",
                 "controller": True}]},
            "ports": [{"name": "http", "port": self.port, "protocol": "TCP"}], "endpoints": list(self.endpoints.values())})

    def agent(self, node, name=None, ready=True, since=None, keeps=False):
        """The agent's pod on that node."""
        volume = {"name": "state", "hostPath" if keeps else "emptyDir": {"path": "/var/lib/drainsnoop"} if keeps else {}}
        self.cluster.set("pods", {"kind": "Pod", "apiVersion": "v1", "metadata": {
            "name": name or f"drainsnoop-agent-{node}", "namespace": "drainsnoop", "uid": f"agent-{name or node}",
            "labels": {"app.kubernetes.io/name": "drainsnoop", "app.kubernetes.io/component": "agent"}},
            "spec": {"nodeName": node, "volumes": [volume]},
            "status": {"phase": "Running", "startTime": stamp(since or time.time() - 3600),
                       "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}})
