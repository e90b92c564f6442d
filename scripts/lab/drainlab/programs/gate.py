# SPDX-License-Identifier: Apache-2.0
"""A server that is told when to listen and when to accept. One request a connection. Ends on SIGTERM.

    gate.py SOCKET NAME PORT HEALTH_PORT

HEALTH_PORT is served from the start. Commands, one a line on the Unix socket SOCKET, each
answered by `done`:
    listen BACKLOG  listens on PORT; again: one more listener beside it (SO_REUSEPORT)
    close [PORT]    closes the oldest listener of that port
    accept, hold    accepts connections there, or leaves them in the queue
    fill            fills the queue with connections of its own, over the loopback
    eat             takes memory until it is killed for it
"""

import os
import select
import signal
import socket
import sys
import threading

def listen(port, backlog):
    return socket.create_server(("::", port), family=socket.AF_INET6, backlog=backlog, reuse_port=True,
                                dualstack_ipv6=True)


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


def eat():
    held = []
    while True:
        held.append(b"x" * 2**20)


class Gate:
    def __init__(self, body, port):
        self.body, self.port = body, port
        self.listeners = []     # (port, listener, set when it is to close, set when it is closed)
        self.accepting = threading.Event()
        self.idle = threading.Event()   # set while nobody is in accept()
        self.own = []

    def open(self, port, backlog, gate=None):
        one = port, listen(port, backlog), threading.Event(), threading.Event()
        self.listeners.append(one)
        threading.Thread(target=self.accept, args=(*one[1:], gate), daemon=True).start()

    def close(self, port):
        one = next(one for one in self.listeners if one[0] == port)
        self.listeners.remove(one)
        one[2].set()
        one[3].wait()

    def accept(self, listener, closing, closed, gate=None):
        """Serves a listener. Who waits for it closes it, when nothing is left in its queue."""
        while True:
            if closing.is_set() and not select.select([listener], [], [], 0)[0]:
                listener.close()
                closed.set()
                return
            if gate:
                self.idle.set()
                gate.wait()
                self.idle.clear()
            if (gate and not gate.is_set()) or not select.select([listener], [], [], 0.02)[0]:
                continue
            conn, _ = listener.accept()
            threading.Thread(target=guarded, args=(conn, self.body), daemon=True).start()

    def do(self, words):
        if words[0] == "listen":
            self.open(self.port, int(words[1]), self.accepting)
        elif words[0] == "close":
            self.close(int(words[1]) if len(words) > 1 else self.port)
        elif words[0] == "eat":
            threading.Thread(target=eat, daemon=True).start()
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
                conn.connect(("127.0.0.1", self.port))
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
    path, name, port, health_port = sys.argv[1:5]
    # Waited for, not handled: a handler runs in the main thread only, and which thread gets the
    # signal is the kernel's choice.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    gate = Gate(f"{name}\n".encode(), int(port))
    gate.open(int(health_port), 64)
    threading.Thread(target=gate.control, args=(path,), daemon=True).start()
    signal.sigwait({signal.SIGTERM})
    os._exit(0)


main()
