# SPDX-License-Identifier: Apache-2.0
"""Processes: running commands, waiting for conditions, watching for an end."""

import os
import select
import subprocess
import sys
import threading
import time


class LabError(Exception):
    """Something that the laboratory needs does not work; the text is for people."""


def now_ns():
    return time.time_ns()


def run(argv, stdin=None, check=True, quiet=False, timeout=60):
    """Runs a short command to its end and returns what it printed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}"
                       + (f"\n{stdin}" if stdin and not quiet else ""))
    return done.stdout


def wait_for(condition, timeout, what, interval=0.02):
    """Waits until condition() is true and returns its value. LabError after the timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)


def program(name, *args):
    """The command line of one of the laboratory's own programs."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", name + ".py")
    return [sys.executable, "-S", "-E", "-B", path, *[str(a) for a in args]]


def in_netns(netns, argv):
    """argv inside a network namespace. Not `ip netns exec`: that hides the cgroup mounts."""
    return ["nsenter", f"--net={netns.path}", *argv]


def in_cgroup(cgroup, argv):
    """argv in a cgroup of the run, with which it ends whatever becomes of the laboratory."""
    return ["/bin/sh", "-c", f"echo 0 > {cgroup.procs} && exec \"$@\"", "sh", *argv]


class Tool:
    """A process of the laboratory that is not part of a pod, in the run's own cgroup. more: further variables of
    its environment."""

    def __init__(self, cgroup, argv, stdout=None, stderr=None, stdin=subprocess.DEVNULL, more=None):
        self.argv = argv
        self.process = subprocess.Popen(in_cgroup(cgroup, argv), stdin=stdin,
                                        stdout=stdout or subprocess.DEVNULL,
                                        stderr=stderr or subprocess.DEVNULL,
                                        start_new_session=True, env=os.environ | (more or {}))

    @property
    def pid(self):
        return self.process.pid

    def tell(self, line):
        """Writes a line to its standard input; one that has ended is not an error."""
        try:
            self.process.stdin.write((line + "\n").encode())
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def wait(self, timeout):
        """The exit status, or None if it is still running after the timeout."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def end(self, timeout=5):
        """Ends it, gently first."""
        if self.running():
            if self.process.stdin:
                try:
                    self.process.stdin.close()
                except OSError:
                    pass
            self.process.terminate()
            if self.wait(timeout) is None:
                self.process.kill()
                self.process.wait()


class ExitWatch(threading.Thread):
    """Notes the moment at which a process (any, not only a child) ended: `at`, ns, 0 before."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.at = 0
        self.ended = threading.Event()
        try:
            self.fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self.fd = -1
        self.start()

    def run(self):
        if self.fd >= 0:
            select.select([self.fd], [], [])
        self.at = now_ns()
        if self.fd >= 0:
            os.close(self.fd)
        self.ended.set()
