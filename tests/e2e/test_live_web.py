# SPDX-License-Identifier: Apache-2.0
"""The metrics' HTTP server against clients that mean no good: none of them keeps others from an answer."""
import socket
import subprocess
import threading
import time
import unittest

import metrics_server
from metrics_server import Server

WAIT_S = 60     # for what takes some 10 s: only a machine that stands still needs it
QUICK_S = 8     # an answer to somebody who behaves; it takes milliseconds
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def setUpModule():
    metrics_server.build()


def connect(server, source="127.0.0.1"):
    """Several source addresses stand for several clients."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S, source_address=(source, 0))


def is_closed_by_server(sock, seconds):
    """Whether the server ends the connection within so long; what it says before is thrown away."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.settimeout(max(0.1, end - time.monotonic()))
        try:
            if not sock.recv(65536):
                return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
    return False


class Web(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.server.feed(metrics_server.recording("rollout"))
        self.server.end()
        self.sockets = []
        self.addCleanup(lambda: [s.close() for s in self.sockets])

    def connect(self, *args):
        self.sockets.append(connect(self.server, *args))
        return self.sockets[-1]

    def assert_answers(self, source="127.0.0.1"):
        """Somebody who behaves is answered soon."""
        begin = time.monotonic()
        with connect(self.server, source) as sock:
            sock.settimeout(QUICK_S)
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: sock.recv(65536), b""))
        self.assertTrue(text.startswith(b"HTTP/1.1 200 "), text[:200])
        self.assertIn(b"drainsnoop_dropped_connections_total{", text)
        self.assertLess(time.monotonic() - begin, QUICK_S)

    def assert_loop_turned(self):
        self.server.stop()
        # What waits for a client would wait for 10 s; a busy machine does so for less.
        self.assertLess(self.server.stood_still_ms, 5000)

    def test_who_never_ends_the_head_of_a_request_is_cut_off(self):
        """Slowloris: a header line now and then, for ever, on as many connections as are to be had."""
        slow = [self.connect(f"127.0.1.{i % 4 + 1}") for i in range(60)]
        for sock in slow:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        stop = threading.Event()

        def trickle():
            while not stop.wait(0.5):
                for sock in slow:
                    try:
                        sock.send(b"X-A: b\r\n")
                    except OSError:
                        pass    # cut off, as it should be

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            self.assert_answers()
            for sock in slow:
                self.assertTrue(is_closed_by_server(sock, WAIT_S))
            self.assert_answers()
        finally:
            stop.set()
            thread.join()
        self.assert_loop_turned()

    def test_who_takes_no_answer_is_cut_off(self):
        readers = []
        for i in range(20):
            sock = socket.socket()
            self.sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.bind((f"127.0.2.{i % 2 + 1}", 0))
            sock.connect(("127.0.0.1", self.server.port))
            # More answers than the kernel's buffers of both ends hold.
            sock.setblocking(False)
            try:
                sock.send(REQUEST * 2000)
            except BlockingIOError:
                pass
            readers.append(sock)
        self.assert_answers()
        # A connection that is cut cannot be written to for ever.
        for sock in readers:
            end = time.monotonic() + WAIT_S
            while time.monotonic() < end:
                try:
                    sock.send(b"GET / HTTP/1.1\r\n")
                except BlockingIOError:
                    pass
                except OSError:
                    break
                time.sleep(0.1)
            else:
                self.fail("it was not cut off")
        self.assert_answers()
        self.assert_loop_turned()

    def test_a_head_without_end_is_refused(self):
        sock = self.connect()
        sent = 0
        try:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: ")
            while sent < 64 << 20:
                sock.sendall(b"a" * 65536)
                sent += 65536
        except ConnectionError:
            pass
        self.assertLess(sent, 16 << 20)
        self.assert_answers()
        line = self.connect()
        line.sendall(b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertRegex(line.recv(100), rb"^HTTP/1\.1 4(14|31) ")
        self.assert_loop_turned()

    def test_pipelined_requests_are_all_answered_and_others_meanwhile(self):
        sock = self.connect()
        count, got = 3000, b""
        sender = threading.Thread(target=sock.sendall, args=(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * count,))
        sender.start()
        while got.count(b"HTTP/1.1 200 OK") < count:
            piece = sock.recv(1 << 20)
            self.assertTrue(piece, "it ended in the middle")
            got += piece
            if len(got) % 7 == 0:
                self.assert_answers("127.0.3.1")
        sender.join()
        self.assertEqual(got.count(b"\r\n\r\nok\n"), count)
        self.assert_loop_turned()

    def test_more_connections_than_there_are_places(self):
        """From many addresses, and they say nothing: those that have waited longest make room."""
        begin = time.monotonic()
        idle = [self.connect(f"127.0.4.{i % 100 + 1}") for i in range(400)]
        self.assert_answers("127.0.5.1")
        for sock in idle[:300]:
            self.assertTrue(is_closed_by_server(sock, WAIT_S))
        # Not because of the time that a silent client is given.
        self.assertLess(time.monotonic() - begin, QUICK_S)
        # From one address: it has its share, and others still have theirs.
        for _ in range(200):
            self.connect("127.0.6.1")
        self.assert_answers("127.0.5.1")
        self.assert_loop_turned()

    def test_connections_that_come_and_go(self):
        """2,000 in a row, some reset half-way; no descriptor is left."""
        for i in range(2000):
            with connect(self.server, f"127.0.7.{i % 50 + 1}") as sock:
                if i % 3 == 0:
                    sock.sendall(REQUEST[:i % len(REQUEST)])
                if i % 3 == 1:
                    sock.sendall(REQUEST)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        end = time.monotonic() + WAIT_S
        while True:
            text = self.server.get("/metrics")[2]
            fds = int(text.split("\nprocess_open_fds ")[1].split("\n")[0])
            if fds < 30 or time.monotonic() > end:
                break
            time.sleep(0.1)
        self.assertLess(fds, 30)
        self.assert_loop_turned()

    def test_bytes_that_are_no_http(self):
        for text in (b"\0" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500, b"\r\n" * 400,
                     b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"GET /%00/metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff\xfe\xfd" * 300 + b"\r\n\r\n"):
            sock = self.connect()
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
            self.assertTrue(is_closed_by_server(sock, WAIT_S), text[:40])
        self.assert_answers()
        self.assert_loop_turned()

    def test_a_connection_can_be_used_again(self):
        """As Prometheus does; and the formats are told apart on one connection."""
        sock = self.connect()
        for accept, wanted in ((b"text/plain", b"version=0.0.4"), (b"application/openmetrics-text", b"# EOF\n"),
                               (b"*/*", b"version=0.0.4")):
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + accept + b"\r\n\r\n")
            head, _, body = sock.recv(1 << 20).partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                body += sock.recv(1 << 20)
            self.assertEqual(len(body), length)
            self.assertIn(wanted, head + body)


class Start(unittest.TestCase):
    def test_a_port_in_use_and_a_bad_address_are_clear_errors(self):
        with Server() as server:
            for listen, words in ((f"127.0.0.1:{server.port}", b"another program has that port"),
                                  ("nonsense", b"write ADDRESS:PORT"), ("192.0.2.7:0", b"no such address")):
                run = subprocess.run([metrics_server.PROGRAM, listen], stdin=subprocess.DEVNULL, capture_output=True,
                                     timeout=20, check=False)
                self.assertEqual(run.returncode, 1)
                self.assertIn(words, run.stderr)
                self.assertEqual(run.stderr.count(b"\n"), 1)


if __name__ == "__main__":
    unittest.main()
