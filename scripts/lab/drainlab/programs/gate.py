# SPDX-License-Identifier: Apache-2.0
"""A server that is told when to listen and when to accept. One request a connection. Ends on SIGTERM.

    gate.py SOCKET NAME

Port 8081 (health checks) is served from the start. Commands, one a line on the Unix socket SOCKET, each
answered by `done`:
    listen BACKLOG  listens on port 8080
    accept, hold    accepts connections there, or leaves them in the queue
    fill            fills the queue with connections of its own, over the loopback
"""

import os
import select
import signal
import socket
import sys
import threading

PORT, HEALTH_PORT = 8080, 8081


def listen(port, backlog):
    return socket.create_server(("::", port), family=socket.AF_INET6, backlog=backlog, dualstack_ipv6=True)


def serve(conn, body):
    request = b""
    with conn:
        while b"\r\n\r\n" not in request:
            got = conn.recv(65536)
            if not got:
                return
            request += got
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(65536):     # until the client has closed: no RST by unread bytes
            pass


def guarded(conn, body):
    conn.settimeout(30)
    try:
        serve(conn, body)
    except OSError:
        pass


class Gate:
    def __init__(self, body):
        self.body = body
        self.listener = None
        self.accepting = threading.Event()
        self.idle = threading.Event()   # set while nobody is in accept()
        self.own = []

    def accept(self, listener, gate=None):
        while True:
            if gate:
                self.idle.set()
                gate.wait()
                self.idle.clear()
            if gate and not (gate.is_set() and select.select([listener], [], [], 0.02)[0]):
                continue
            conn, _ = listener.accept()
            threading.Thread(target=guarded, args=(conn, self.body), daemon=True).start()

    def do(self, words):
        if words[0] == "listen":
            self.listener = listen(PORT, int(words[1]))
            threading.Thread(target=self.accept, args=(self.listener, self.accepting), daemon=True).start()
        elif words[0] == "accept":
            self.accepting.set()
        elif words[0] == "hold":
            self.accepting.clear()
            self.idle.wait()
        elif words[0] == "fill":
            self.fill()

    def fill(self):
        """One more than the backlog fit in; what does not fit is left alone."""
        while len(self.own) < 64:
            conn = socket.socket()
            conn.settimeout(0.2)
            self.own.append(conn)
            try:
                conn.connect(("127.0.0.1", PORT))
            except OSError:
                conn.close()
                return

    def control(self, path):
        server = socket.socket(socket.AF_UNIX)
        server.bind(path + ".new")
        server.listen(8)
        os.rename(path + ".new", path)
        while True:
            conn, _ = server.accept()
            with conn:
                self.do(conn.recv(200).decode().split())
                conn.sendall(b"done\n")


def main():
    path, name = sys.argv[1:3]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    gate = Gate(f"{name}\n".encode())
    health = listen(HEALTH_PORT, 64)
    threading.Thread(target=gate.control, args=(path,), daemon=True).start()
    threading.Thread(target=gate.accept, args=(health,), daemon=True).start()
    while True:
        signal.pause()


main()
