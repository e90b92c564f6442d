# SPDX-License-Identifier: Apache-2.0
"""The load: compiles storm.c and runs it in the client's namespace, on a CPU of its own."""

import os

from drainlab.proc import in_netns, run

from . import network

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PORT = 8080  # nobody listens there
FLAGS = ["-std=gnu17", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes",
         "-Wmissing-prototypes", "-Wformat=2", "-Wconversion"]


def compile_storm(build):
    """Compiles it into build/bench, if it is newer than what is there; returns its path."""
    source, binary = os.path.join(HERE, "storm.c"), os.path.join(build, "bench", "storm")
    if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(binary), exist_ok=True)
        run([os.environ.get("CC", "gcc"), *FLAGS, source, "-o", f"{binary}.{os.getpid()}"])
        os.replace(f"{binary}.{os.getpid()}", binary)
    return binary


def cpus():
    """(the CPU of the load, those of the tools): apart, where there is more than one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[:-1] or usable


class Storm:
    def __init__(self, binary, net, tuples, rate):
        self.binary, self.net, self.tuples, self.rate = binary, net, tuples, rate

    def blow(self, seconds):
        """Runs it to its end and returns {sent, resets, elapsed_ns, cpu_ns}."""
        before, softirq = self.net.resets_sent(), _softirq_thread_ns()
        words = run(in_netns(self.net.client, [
            self.binary, network.FIRST_SOURCE, network.POD, str(PORT), str(self.tuples), f"{seconds:g}",
            str(self.rate), str(cpus()[0])])).split()
        sent, elapsed_ns, cpu_ns = (int(word) for word in words)
        return {"sent": sent, "resets": self.net.resets_sent() - before, "elapsed_ns": elapsed_ns,
                "cpu_ns": cpu_ns + _softirq_thread_ns() - softirq}


def _softirq_thread_ns():
    """CPU time of the thread to which the kernel hands packets on the load's CPU when they are many."""
    name = f"ksoftirqd/{cpus()[0]}"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                if file.read().strip() != name:
                    continue
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                return int(file.read().split()[0])
        except OSError:
            continue  # ended meanwhile
    return 0  # not to be seen from in here
