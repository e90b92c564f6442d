# SPDX-License-Identifier: Apache-2.0
"""A client of the API server, for the laboratory's own parts: requests, and a list that watches go on from."""

import ctypes
import http.client
import json
import os
import socket
import ssl
import threading

from drainlab.proc import LabError

CLONE_NEWNET = 0x40000000
TIMEOUT = 15
WATCH_SECONDS = 120         # the server ends a watch then; silence for longer is a dead one
GONE = 410
LIBC = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def connect_in(netns, address, timeout):
    """A TCP connection from inside a namespace. Only the calling thread goes there, and comes back."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(netns.path, os.O_RDONLY)
        try:
            _enter(there)
            try:
                return socket.create_connection(address, timeout)
            finally:
                _enter(here)
        finally:
            os.close(there)
    finally:
        os.close(here)


class ApiError(LabError):
    """An answer that is not a success."""

    def __init__(self, status, text):
        super().__init__(f"API server: {status} {text[:300]}")
        self.status = status


class Connection(http.client.HTTPSConnection):
    def __init__(self, api, timeout):
        super().__init__(api.host, api.port, timeout=timeout)
        self.api = api

    def connect(self):
        plain = connect_in(self.api.netns, (self.api.host, self.api.port), self.timeout)
        self.sock = self.api.tls.wrap_socket(plain, server_hostname=self.api.host)


class Api:
    """One user of the API. Each request has a connection of its own: there are few."""

    def __init__(self, netns, host, port, authority, certificate, key):
        self.netns, self.host, self.port = netns, host, port
        self.tls = ssl.create_default_context(cafile=authority)
        self.tls.load_cert_chain(certificate, key)

    def _open(self, method, path, body=None, kind="application/json", timeout=TIMEOUT):
        """(connection, response) of a request that was answered with a success."""
        conn = Connection(self, timeout)
        try:
            data = None if body is None else json.dumps(body)
            conn.request(method, path, data, {"Content-Type": kind} if data else {})
            response = conn.getresponse()
            if response.status >= 300:
                raise ApiError(response.status, response.read().decode(errors="replace"))
            return conn, response
        except BaseException:
            conn.close()
            raise

    def request(self, method, path, body=None, kind="application/json"):
        """The text of the answer."""
        conn, response = self._open(method, path, body, kind)
        try:
            return response.read().decode()
        finally:
            conn.close()

    def get(self, path):
        return json.loads(self.request("GET", path))

    def create(self, path, thing):
        return json.loads(self.request("POST", path, thing))

    def patch(self, path, change, kind="strategic-merge"):
        """kind: what the API has of patches; objects of a CustomResourceDefinition know merge alone."""
        return json.loads(self.request("PATCH", path, change, f"application/{kind}-patch+json"))

    def delete(self, path):
        self.request("DELETE", path)

    def ready(self):
        try:
            return self.request("GET", "/readyz") == "ok"
        except (OSError, http.client.HTTPException, ApiError):
            return False

    def stream(self, path, version):
        """The events of one watch until the server ends it: (type, object)."""
        more = "&" if "?" in path else "?"
        conn, response = self._open(
            "GET", f"{path}{more}watch=1&allowWatchBookmarks=true&resourceVersion={version}"
            f"&timeoutSeconds={WATCH_SECONDS}", timeout=WATCH_SECONDS + TIMEOUT)
        try:
            while line := response.readline():
                event = json.loads(line)
                yield event["type"], event["object"]
        finally:
            conn.close()


class Watch:
    """Keeps to what a path lists, in a thread of its own: a list, then watches from there on, and a list again
    where the server has forgotten that far back. handle(type, object) is called for each change, with a DELETED
    of its own making for what a list does not have any more."""

    def __init__(self, lab, api, path, handle):
        self.lab, self.api, self.path, self.handle = lab, api, path, handle
        self.known = {}     # uid: object
        self.listed = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        version = None
        while not self.lab.stopping.is_set():
            try:
                if version is None:
                    version = self._list()
                    self.listed.set()
                for kind, thing in self.api.stream(self.path, version):
                    if kind == "ERROR":
                        raise ApiError(thing.get("code", 0), thing.get("message", ""))
                    version = thing["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        self._take(kind, thing)
            except (OSError, http.client.HTTPException, json.JSONDecodeError, ApiError) as error:
                if getattr(error, "status", None) == GONE:
                    version = None
                if self.lab.stopping.wait(0.2):
                    return
            except Exception as error:  # of handle(): told to the main thread
                self.lab.fail(error)
                return

    def _list(self):
        answer = self.api.get(self.path)
        there = {thing["metadata"]["uid"]: thing for thing in answer.get("items") or []}
        for uid in [uid for uid in self.known if uid not in there]:
            self._take("DELETED", self.known[uid])
        for thing in there.values():
            self._take("MODIFIED", thing)
        return answer["metadata"]["resourceVersion"]

    def _take(self, kind, thing):
        uid = thing["metadata"]["uid"]
        if kind == "DELETED":
            self.known.pop(uid, None)
        else:
            self.known[uid] = thing
        self.handle(kind, thing)
