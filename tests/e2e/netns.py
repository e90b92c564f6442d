# SPDX-License-Identifier: Apache-2.0
"""Network namespaces of a test's own: loopback up, gone with the test whatever becomes of it."""

import contextlib
import ctypes
import os
import subprocess


def make(what, cleanup):
    """Its name. `cleanup` is the test's addCleanup or addClassCleanup: what is started in it is registered later, and
    so is ended before it goes."""
    name = f"ds-{what}-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    cleanup(subprocess.run, ["ip", "netns", "del", name], check=False)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    return name


def enter(name):
    """What a command begins with to run there."""
    return ["nsenter", f"--net=/run/netns/{name}"]


@contextlib.contextmanager
def inside(name):
    """What is opened by this thread is opened there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{name}", "rb") as there:
        def move(namespace):
            if libc.setns(namespace.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")
        move(there)
        try:
            yield
        finally:
            move(own)
