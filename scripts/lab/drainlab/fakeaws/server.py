# SPDX-License-Identifier: Apache-2.0
"""HTTP, the log of what was asked, and who answers what."""

import contextlib
import ctypes
import hashlib
import http.server
import json
import secrets
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from email.utils import formatdate

from . import ec2, elbv2, faults, query, sigv4_verify, sts
from .ec2 import Ec2
from .elbv2 import Elb
from .keys import Keys
from .metadata import Answer, Metadata
from .sigv4_verify import Refused, Request
from .sts import Sts
from .throttle import Throttle

BODY_MAX = 1 << 20
CLONE_NEWNET = 0x40000000
HIDDEN = ("WebIdentityToken",)      # the log tells of these that they were there


def socket_in(netns, address, port):
    """A listening socket; netns: the path of the network namespace that it is to be in, None = this one's."""
    made = []

    def make():
        try:
            if netns:   # of this thread alone, which ends here
                with open(netns, "rb") as file:
                    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), f"setns {netns}")
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(512)
            made.append(listener)
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def do_any(self):
        aws = self.server.aws
        if aws.closing.is_set():        # a connection that was kept: nobody is there any more
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            return
        path, _, asked = self.path.partition("?")
        request = Request(self.command, path, asked, list(self.headers.items()), self.rfile.read(length))
        call = Call(request, self.server.name)
        status, headers, body = aws.answer(request, call)
        aws.note(call.line())       # before the reply: who has it finds the line
        self._reply(call.fault, status, headers, body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_any

    def _reply(self, fault, status, headers, body):
        if fault and fault.kind == "delay" and self.server.aws.closing.wait(fault.number):
            return
        if fault and fault.kind not in ("delay", "error", "trickle"):
            self._break(fault, body)
            return
        self._send(status, headers, body, slowly=fault.number if fault and fault.kind == "trickle" else 0)

    def _head(self, status, headers):
        if not self.server.aws.keep_alive:
            self.close_connection = True
            headers = {**headers, "Connection": "close"}
        self.send_response_only(status)
        for name, value in {"Date": formatdate(self.server.aws.clock(), usegmt=True), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status, headers, body, slowly=0):
        self._head(status, {"Content-Type": "text/xml", **headers, "Content-Length": str(len(body))})
        if not slowly:
            self.wfile.write(body)
            return
        for at in range(0, len(body), max(1, int(slowly / 10))):
            self.wfile.write(body[at:at + max(1, int(slowly / 10))])
            if self.server.aws.closing.wait(0.1):
                return

    def _break(self, fault, good):
        self.close_connection = True
        aws, instead = self.server.aws, faults.body(fault, good)
        if instead is not None:
            self._send(503 if fault.kind == "html" else 200,
                       {"Content-Type": "text/html"} if fault.kind == "html" else {}, instead)
        elif fault.kind == "stall":
            self._await_end()
        elif fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault.kind == "cut":
            self._head(200, {"Content-Type": "text/xml", "Content-Length": str(len(good))})
            self.wfile.write(good[:len(good) // 2])
        elif fault.kind == "no_http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        elif fault.kind == "redirect":
            self._send(302, {"Location": fault.url, "Connection": "close"}, b"")
        elif fault.kind == "endless":
            self._head(200, {"Content-Type": "text/xml", "Transfer-Encoding": "chunked"})
            self.wfile.write(b"3\r\n<r>\r\n")
            while not aws.closing.is_set():
                self.wfile.write(b"10000\r\n" + b"<member/>" * 7281 + b"1234567\r\n")

    def _await_end(self):
        """Until the client goes, or the server."""
        self.connection.settimeout(0.1)
        while not self.server.aws.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                pass

    def handle(self):
        with contextlib.suppress(OSError):      # clients that are gone
            super().handle()

    def log_message(self, *_):
        pass


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, aws, listener, tls):
        super().__init__(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.aws = listener, aws
        host, port = listener.getsockname()[:2]
        self.name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self.thread.start()

    def finish_request(self, request, client_address):
        """In the connection's own thread: a handshake may take its time."""
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.tls:
            super().finish_request(request, client_address)
            return
        request.settimeout(30)
        try:
            with self.tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except OSError as error:
            self.aws.note({"listener": self.name, "tls": str(error)})

    def handle_error(self, request, client_address):
        self.aws.note({"listener": self.name, "error": repr(sys.exc_info()[1])})


class Call:
    """One call: what the log has of it, and the fault that its reply meets."""

    def __init__(self, request, listener):
        self.fault = None
        self.entry = {"at_ns": time.time_ns(), "listener": listener, "method": request.method, "path": request.path,
                      "query": request.query, "headers": [name.lower() for name, _ in request.headers],
                      "content_type": request.header("content-type")}

    def line(self):
        return self.entry | ({"fault": self.fault.kind} if self.fault else {})


class FakeAws:
    """log: a file for one JSON line a call; None: in memory alone. clock: seconds since 1970, as AWS has them."""

    def __init__(self, log=None, region="eu-central-1", account="123456789012", clock=time.time):
        self.region, self.account, self.clock = region, account, clock
        self.keys = Keys(clock)
        self.elb, self.throttle, self.faults = Elb(clock, region, account), Throttle(), faults.Faults()
        self.ec2, self.sts = Ec2(self.elb), Sts(self.keys)
        self.metadata = Metadata(self.keys, clock, region, account)
        self.services = {module.VERSION: (module, service) for module, service in (
            (elbv2, self.elb), (ec2, self.ec2), (sts, self.sts))}
        self.entries, self.lock, self.closing = [], threading.Lock(), threading.Event()
        self.listeners = []
        self.keep_alive = True      # False: one reply, one connection
        self.log = open(log, "a", encoding="ascii") if log else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def listen(self, address="127.0.0.1", port=0, netns=None, tls=None):
        """Its URL. tls: (certificate file, key file). Any number of addresses."""
        listener = Listener(self, socket_in(netns, address, port), tls)
        self.listeners.append(listener)
        return f"{'https' if tls else 'http'}://{listener.name}"

    def close(self):
        self.closing.set()
        for listener in self.listeners:
            listener.shutdown()
            listener.server_close()
        self.listeners = []
        if self.log:
            self.log.close()
            self.log = None

    # the log

    def note(self, entry):
        with self.lock:
            self.entries.append(entry)
            if self.log:
                self.log.write(json.dumps(entry) + "\n")
                self.log.flush()

    def asked(self, action=None, since=0):
        """The calls of that action (all without one), from that moment (ns) on."""
        with self.lock:
            return [entry for entry in self.entries if entry.get("at_ns", 0) >= since
                    and action in (None, entry.get("action"))]

    # the answer

    def answer(self, request, call):
        """(status, headers, body); what was asked and found is in call."""
        try:
            found = self.metadata.answer(request)
        except Answer as refusal:
            call.entry.update(action=request.path, status=refusal.status)
            call.fault = self.faults.meet(request.path)
            return refusal.status, {"Content-Type": "text/plain"}, refusal.text.encode()
        if found:
            call.entry.update(action=request.path, status=200)
            call.fault = self.faults.meet(request.path)
            return 200, {"Content-Type": "text/plain", **found[1]}, found[0].encode()
        status, headers, text = self._query(request, call)
        call.entry["status"] = status
        return status, headers, text.encode()

    def _query(self, request, call):
        request_id = secrets.token_hex(16)
        module, headers = elbv2, {"x-amzn-RequestId": request_id}
        try:
            if request.method != "POST" or not (request.header("content-type") or "").startswith(query.FORM):
                raise Refused(404, "UnknownOperation", f"{request.method} {request.path}: only forms are answered here")
            form = query.Form(request.body)
            module, service = self.services.get(form.version, (elbv2, None))
            call.entry.update(service=module.SERVICE, action=form.action, params=_shown(form.all))
            call.fault = self.faults.meet(form.action)
            if not service or form.action not in module.ACTIONS:
                raise Refused(400, "InvalidAction", f"Could not find operation {form.action} for version {form.version}")
            if module is not sts:
                self._admit(request, call, module.SERVICE, form.action)
            if call.fault and call.fault.kind == "error":
                headers.update(call.fault.headers)
                raise Refused(call.fault.status, call.fault.code, call.fault.message)
            if not self.throttle.take(form.action):
                headers.update(self.throttle.headers(self.clock()))
                raise Refused(self.throttle.status, self.throttle.code, self.throttle.message)
            result = getattr(service, form.action)(form)
            form.rest()
        except Refused as refused:
            call.entry["code"] = refused.code
            if refused.detail:
                call.entry["detail"] = refused.detail
            wrong = query.error_ec2(refused, request_id) if module is ec2 else \
                query.error(module.NAMESPACE, refused, request_id)
            return refused.status, headers, wrong
        return 200, headers, (ec2.answer(form.action, result, request_id) if module is ec2 else
                              query.answer(module.NAMESPACE, form.action, result, request_id))

    def _admit(self, request, call, service, action):
        try:
            credential = sigv4_verify.verify(request, self.keys.find, self.clock(), service, self.region)
        except Refused as refused:
            call.entry["signature"] = str(refused)
            raise
        call.entry.update(signature="valid", key_id=credential.key_id, signed=list(credential.signed_headers))
        self.keys.admit(credential.key_id, f"{service}:{action}", self.account)


def _shown(params):
    return {name: "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:16] if name in HIDDEN else value
            for name, value in params.items()}
