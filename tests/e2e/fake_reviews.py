# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the API server that is asked for rights: SelfSubjectAccessReviews, who one is, ConfigMaps, Leases."""

import http.server
import json
import threading
import time


class FakeReviews:
    """`denied`: of (verb, resource.group) those that are refused. `configmaps`: by namespace/name their data;
    `leases`: the same with their spec."""

    def __init__(self):
        self.denied, self.configmaps, self.leases, self.asked = set(), {}, {}, []
        self.status, self.ahead, self.user = 201, 0, "system:serviceaccount:drainsnoop:drainsnoop-agent"
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.asked.append(body)
                self.answer(*fake.review(self.path, body))

            def do_GET(self):
                fake.asked.append(self.path)
                self.answer(*fake.get(self.path))

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def date_time_string(self, timestamp=None):
                return super().date_time_string(timestamp or time.time() + fake.ahead)

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def review(self, path, body):
        kind = {"SelfSubjectReview": "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                "SelfSubjectAccessReview": "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}
        assert path == kind[body["kind"]], (path, body)
        assert body["apiVersion"] == path.removeprefix("/apis/").rpartition("/")[0], body
        if self.status != 201:
            return self.status, {"kind": "Status", "message": "so it is", "code": self.status}
        if body["kind"] == "SelfSubjectReview":
            return 201, body | {"status": {"userInfo": {"username": self.user, "groups": ["system:authenticated"]}}}
        asked = body["spec"]["resourceAttributes"]
        what = ".".join(filter(None, (asked["resource"], asked["group"])))
        return 201, body | {"status": {"allowed": (asked["verb"], what) not in self.denied}}

    def get(self, path):
        root, _, rest = path.partition("/namespaces/")
        namespace, plural, name = rest.split("/")
        kind, content, objects = {
            ("/api/v1", "configmaps"): ("ConfigMap", "data", self.configmaps),
            ("/apis/coordination.k8s.io/v1", "leases"): ("Lease", "spec", self.leases)}[root, plural]
        if f"{namespace}/{name}" not in objects:
            return 404, {"kind": "Status", "code": 404}
        return 200, {"kind": kind, "metadata": {"name": name, "namespace": namespace, "resourceVersion": "1"},
                     content: objects[f"{namespace}/{name}"]}

    def rights(self):
        """(verb, resource, namespace, name) of each right that was asked for."""
        return [(a["verb"], a["resource"], a.get("namespace"), a.get("name"))
                for a in (body["spec"]["resourceAttributes"] for body in self.asked
                          if isinstance(body, dict) and body["kind"] == "SelfSubjectAccessReview")]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
