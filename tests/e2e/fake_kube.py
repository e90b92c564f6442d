# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Kubernetes API server: pods that are listed in pages and watched, and everything that a
real one does when it is not well."""

import copy
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse

PATH = "/api/v1/pods"


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def make_pod(name, address, node="node-1", uid=None, **spec):
    """A pod that is ready, with what a real one has besides."""
    uid = uid or f"6f2a1c1e-0000-4000-8000-{abs(hash(name)) % 10**12:012d}"
    container = {"name": "web", "image": "web:1", "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                 "env": [{"name": "A", "value": "{\"not\": \"[parsed"}], "lifecycle": spec.pop("lifecycle", {})}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "shop", "uid": uid, "creationTimestamp": stamp(time.time()),
            "labels": {"app": "web", "pod-template-hash": "99989cd5d"},
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:name": {}}}}] * 3,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-99989cd5d",
                                 "controller": True, "uid": "94a195fd-ac8e-43c1-8099-6b9c80c3987b"}]},
        "spec": {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 30} | spec,
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
                   "conditions": [{"type": "Ready", "status": "True",
                                   "lastTransitionTime": stamp(time.time() - 100)}],
                   "containerStatuses": [{"name": "web", "state": {"running": {}}}]}}


class FakeKube:
    """Serves on a port of its own until it is closed. `tls`: (certificate, key) files."""

    def __init__(self, tls=None, host="127.0.0.1"):
        self.lock = threading.Condition()
        self.version = 1000
        self.pods, self.log = {}, []
        self.oldest = 0         # what is older cannot be watched
        self.requests = []      # (verb, query, Authorization)
        self.faults = []        # of the next requests: see fail()
        self.tokens = None      # those that are accepted; None = anybody
        self.page = 500
        self.ahead = 0          # of its clock, s
        self.silent = False     # watches are accepted, and say nothing
        self.streams, self.dead, self.ended = [], set(), set()
        self.tls, self.host, self.port, self.server = tls, host, 0, None
        self.start()

    # ---- what happens in the cluster ----

    def put(self, pod):
        with self.lock:
            name = pod["metadata"]["name"]
            self._happens("MODIFIED" if name in self.pods else "ADDED", pod)
            self.pods[name] = pod

    def change(self, name, function):
        pod = copy.deepcopy(self.pods[name])
        function(pod)
        self.put(pod)
        return pod

    def terminate(self, name, grace=30):
        """What the API server does at a deletion request. Returns T0 in whole seconds."""
        now = int(time.time() + self.ahead)

        def function(pod):
            pod["metadata"]["deletionTimestamp"] = stamp(now + grace)
            pod["metadata"]["deletionGracePeriodSeconds"] = grace
        self.change(name, function)
        return now

    def remove(self, name):
        with self.lock:
            self._happens("DELETED", self.pods.pop(name))

    def _happens(self, kind, pod):
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        self.log.append((self.version, kind, copy.deepcopy(pod)))
        self.lock.notify_all()

    def compact(self):
        """Nothing that is older than now can be watched any more, and open watches end."""
        with self.lock:
            self.version += 1
            self.oldest = self.version
            self.log.clear()
        self.cut()

    # ---- what goes wrong ----

    def fail(self, verb, status, message="", times=1, **headers):
        """The next requests of that kind ("list", "watch"; "page": a list that goes on) are answered so; status
        "in-band": an ERROR with code 410 in the stream."""
        with self.lock:
            self.faults += [(verb, status, message, headers)] * times

    def cut(self):
        """Ends the connections of all watches without a word."""
        with self.lock:
            streams, self.streams = self.streams, []
            self.lock.notify_all()
        for stream in streams:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def deafen(self):
        """Nothing comes on the open streams any more, and they stay open: what was between is no more."""
        with self.lock:
            self.dead |= set(self.streams)

    def finish(self):
        """The open streams end as they ought to."""
        with self.lock:
            self.ended |= set(self.streams)
            self.lock.notify_all()

    def start(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fake._answer(self)

            do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

            def log_message(self, *args):
                pass

            def date_time_string(self, timestamp=None):
                return super().date_time_string(timestamp or time.time() + fake.ahead)

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in fake.host else socket.AF_INET
            daemon_threads = allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass    # clients go as they like
        self.server = Server((self.host, self.port), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls[:2])
            if len(self.tls) > 2:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.tls[2])
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"{'https' if self.tls else 'http'}://{host}:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """The server is gone: connections are refused."""
        self.server.shutdown()
        self.server.server_close()
        self.cut()

    # ---- answers ----

    def asked(self, verb):
        return [request for request in self.requests if request[0] == verb]

    def _answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        verb = "watch" if query.get("watch") else "list"
        with self.lock:
            self.requests.append((verb, query, handler.headers.get("Authorization")))
            fault = next((f for f in self.faults if f[0] == verb or (f[0] == "page" and "continue" in query)), None)
            if fault:
                self.faults.remove(fault)
        token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        if url.path != PATH:
            self._status(handler, 404, f"no such path: {url.path}")
        elif self.tokens is not None and token not in self.tokens:
            self._status(handler, 401, "Unauthorized")
        elif fault and fault[1] != "in-band":
            self._status(handler, *fault[1:])
        elif verb == "list":
            self._list(handler, query)
        else:
            self._watch(handler, query, in_band=bool(fault))

    @staticmethod
    def _status(handler, status, message="", headers=None):
        body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
                           "code": status}).encode()
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _select(self, query):
        field, _, value = query.get("fieldSelector", "").partition("=")
        assert not field or field == "spec.nodeName", field
        return lambda pod: not field or pod["spec"]["nodeName"] == value

    def _list(self, handler, query):
        limit = min(int(query.get("limit", 10**6)), self.page)
        with self.lock:
            begin = int(query.get("continue", "0"))
            pods = list(filter(self._select(query), self.pods.values()))
            metadata = {"resourceVersion": str(self.version)}
            if begin + limit < len(pods):
                metadata |= {"continue": str(begin + limit), "remainingItemCount": len(pods) - begin - limit}
            body = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata,
                               "items": pods[begin:begin + limit]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _watch(self, handler, query, in_band, wanted=None):
        """`wanted` says which entries of the log are told; a pod is the entry itself."""
        since, wanted = int(query["resourceVersion"]), wanted or self._select(query)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with self.lock:
            self.streams.append(handler.connection)
            self.ended.discard(handler.connection)
        if in_band or since < self.oldest:
            self._send(handler, {"type": "ERROR", "object": {
                "kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}})
            handler.wfile.write(b"0\r\n\r\n")
            return
        end = time.monotonic() + int(query["timeoutSeconds"])
        while time.monotonic() < end:
            with self.lock:
                while (self.silent or handler.connection in self.dead or not any(v > since for v, _, _ in self.log)) and \
                        handler.connection in self.streams and handler.connection not in self.ended and \
                        time.monotonic() < end:
                    self.lock.wait(0.5)
                if handler.connection not in self.streams:
                    handler.close_connection = True
                    return
                if handler.connection in self.ended:
                    self.streams.remove(handler.connection)
                    break
                news = [entry for entry in self.log if entry[0] > since]
            for version, kind, pod in news:
                since = version
                if wanted(pod):
                    self._send(handler, {"type": kind, "object": pod[1] if isinstance(pod, tuple) else pod})
                else:
                    self._send(handler, {"type": "BOOKMARK", "object": {
                        "kind": "Pod", "metadata": {"resourceVersion": str(version)}}})
        handler.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def _send(handler, event):
        line = json.dumps(event).encode() + b"\n"
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def close(self):
        self.stop()
