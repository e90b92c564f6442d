# SPDX-License-Identifier: Apache-2.0
"""Builds and runs tests/e2e/metrics-serve, which puts a recording through the core and serves what it counts."""
import gzip
import os
import signal
import subprocess
import urllib.error
import urllib.request

from test_live import ROOT, wait_for

PROGRAM = os.path.join(ROOT, "build/tests/e2e/metrics-serve")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def build():
    """Builds the program; AssertionError with make's words if it cannot."""
    made = subprocess.run(["make", "-s", "build/tests/e2e/metrics-serve"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    if made.returncode:
        raise AssertionError(made.stdout + made.stderr)


def recording(name):
    """The lines of a golden recording, whose name is without .jsonl.gz."""
    with gzip.open(os.path.join(ROOT, "tests/golden", name + ".jsonl.gz"), "rb") as file:
        return file.readlines()


class Server:
    """A running program; use it in a with statement. feed() and end() give it its input."""

    def __init__(self, listen="127.0.0.1:0", labels="namespace,workload", max_series=0):
        self.process = subprocess.Popen([PROGRAM, listen, labels, str(max_series)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first = self.process.stdout.readline().split()
        if not first:
            raise AssertionError(f"metrics-serve ended with status {self.process.wait()}")
        self.port = int(first[1])
        self.stood_still_ms = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it; stood_still_ms is then the longest time for which its loop did not turn."""
        if self.process.stdout.closed:
            return
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        said = self.process.stdout.read().split()
        self.process.stdout.close()
        if self.process.wait(timeout=30):
            raise AssertionError(f"metrics-serve ended with status {self.process.returncode}")
        self.stood_still_ms = int(said[1])

    def feed(self, lines):
        self.process.stdin.write(b"".join(lines))
        self.process.stdin.flush()

    def end(self):
        """No more comes; returns once all of it is counted."""
        self.process.stdin.close()
        wait_for(lambda: self.get("/readyz")[0] == 200, 60, "what was fed to be read")

    def get(self, path, accept=None, timeout=20, method="GET"):
        """(status, headers, body)"""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         headers={"Accept": accept} if accept else {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()
