# SPDX-License-Identifier: Apache-2.0
"""What may watch the storm: nothing, drainsnoop in several ways, bpftrace."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

from drainlab.events import rfc3339
from drainlab.proc import LabError, in_netns, now_ns, run, wait_for

from . import network, storm

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
QUIET_S = 0.3       # a tool that used at most a tick for so long has nothing left to do
DRAIN_MAX_S = 20.0


class Nothing:
    """(a)"""

    argv = []

    def start(self):
        pass

    def cpu_s(self):
        return 0.0

    def drain(self):
        return 0.0

    def stop(self):
        return {}

    def end(self):
        pass


class Tool:
    """A process with its output in a file. Killed by the kernel should this one be killed."""

    def __init__(self, folder):
        self.out = os.path.join(folder, "out")
        self.err = os.path.join(folder, "err")
        self.process = None

    def spawn(self, argv):
        if not shutil.which(self.argv[0]):
            raise LabError(f"{self.argv[0]} is not installed")
        cpus = ",".join(str(cpu) for cpu in storm.cpus()[1])
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                ["taskset", "-c", cpus, "setpriv", "--pdeathsig", "KILL", *argv],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)

    def check(self):
        if self.process.poll() is not None:
            raise LabError(f"{os.path.basename(self.argv[0])} ended by itself, status "
                           f"{self.process.returncode}: {self.errors().strip()}")

    def errors(self):
        with open(self.err, encoding="utf-8", errors="replace") as file:
            return file.read()

    def has_printed(self, *texts):
        self.check()
        with open(self.out, "rb") as file:
            data = file.read()
        return all(text in data for text in texts)

    def cpu_s(self):
        """utime + stime of /proc/PID/stat."""
        self.check()
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii", errors="replace") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024

    def drain(self):
        """Waits until it has worked off what it was given; returns the seconds that this took."""
        begin = quiet = time.monotonic()
        used = self.cpu_s()
        while time.monotonic() - begin < DRAIN_MAX_S:
            time.sleep(0.05)
            now = self.cpu_s()
            if now - used > 1.5 * TICK_S:
                quiet, used = time.monotonic(), now
            if time.monotonic() - quiet >= QUIET_S:
                break
        return quiet - begin

    def interrupt(self):
        peak = self.peak_mib()
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.argv[0]} does not end on Ctrl-C") from None
        if status:
            raise LabError(f"{self.argv[0]} ended with status {status}: {self.errors().strip()}")
        return peak

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Drainsnoop(Tool):
    """(b): in the node's namespace; the pod at which the storm is aimed terminates, or is unknown."""

    def __init__(self, folder, net, binary, watched=network.POD, going=True, args=()):
        super().__init__(folder)
        self.net, self.watched, self.going = net, watched, going
        self.events = os.path.join(folder, "events.jsonl")
        self.argv = [binary, "trace", "-o", "json", "--events", self.events, *args]

    def start(self):
        with open(self.events, "w", encoding="utf-8") as file:
            for line in self._story():
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self.spawn(in_netns(self.net.node, self.argv))
        last = "terminating" if self.going else "ready"
        wait_for(lambda: self.has_printed(b'"drainsnoop.pod.phase":"%s"' % last.encode()), 30,
                 "drainsnoop to know the pod", 0.05)
        self.drain()

    def _story(self):
        """What Kubernetes and the target group say: a pod that serves, and, if it goes, its end."""
        def event(name, **keys):
            return {"time": rfc3339(now_ns()), "event.name": "drainsnoop." + name, **keys}

        pod = {"k8s.namespace.name": "bench", "k8s.pod.name": "web-0", "k8s.deployment.name": "web",
               "k8s.pod.uid": "6b6d4f4e-0000-4000-8000-000000000001",
               "drainsnoop.pod.addresses": self.watched, "drainsnoop.pod.ports": str(storm.PORT),
               "drainsnoop.pod.grace_period_s": 30, "drainsnoop.pod.prestop": "none"}
        target = {"drainsnoop.target_group.name": "web", "drainsnoop.target_group.deregistration_delay_s": 300,
                  "drainsnoop.target_group.arn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/1",
                  "drainsnoop.target_group.target_type": "ip", "drainsnoop.load_balancer.type": "application",
                  "drainsnoop.target.id": self.watched, "drainsnoop.target.port": storm.PORT}
        yield event("load_balancer.address", **{"drainsnoop.address": network.SOURCES})
        yield event("pod.state", **pod, **{"drainsnoop.pod.phase": "ready"})
        yield event("target.state", **target, **{"drainsnoop.target.state": "healthy"})
        if self.going:
            yield event("pod.state", **pod, **{"drainsnoop.pod.phase": "terminating"})
            yield event("target.state", **target, **{"drainsnoop.target.state": "draining"})

    def stop(self):
        """Its own account: what it counted, what it printed, what it says it lost."""
        peak = self.interrupt()
        drops, last = 0, b""
        with open(self.out, "rb") as file:
            for line in file:
                drops += b'"event.name":"drainsnoop.drop"' in line
                last = line
        stop = json.loads(last)
        if stop["event.name"] != "drainsnoop.stop":
            raise LabError("drainsnoop's last line is not drainsnoop.stop")

        def sums(prefix):
            return {key[len(prefix):]: n for key, n in stop.items() if key.startswith(prefix)}

        causes, apart = sums("drainsnoop.verdict.drops_by."), sums("drainsnoop.not_drops.")
        return {"seen": sum(causes.values()) + sum(apart.values()), "lines": drops, "drops_by": causes,
                "not_drops": apart, "said_lost": stop["drainsnoop.lost.events"], "peak_mib": peak}


class Bpftrace(Tool):
    """(c): a line for each event of the same tracepoint; tracefs in a mount namespace of its own."""

    ENDS = ", ".join(f"args->{end}[4], args->{end}[5], args->{end}[6], args->{end}[7], "
                     f"args->{end}[2] * 256 + args->{end}[3]" for end in ("saddr", "daddr"))
    PROGRAM = ('tracepoint:tcp:tcp_send_reset { printf("%d.%d.%d.%d:%d > %d.%d.%d.%d:%d\\n", ' + ENDS + "); }")
    MOUNT = ("[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || exit 1; "
             "exec \"$@\"")

    def __init__(self, folder, load):
        super().__init__(folder)
        self.load, self.before = load, 0
        self.argv = ["bpftrace", "-e", self.PROGRAM]

    def start(self):
        self.spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", self.MOUNT, "sh", *self.argv])
        wait_for(self._sees, 30, "bpftrace to print its first event")
        self.drain()
        self.before = self._count()[0]

    def _sees(self):
        """It prints nothing once it has attached: a few SYNs tell."""
        self.load.blow(0.001)
        self.check()
        return self._count()[0]

    def _count(self):
        """(lines of our pod's, events that it says are lost)."""
        ours, lines, lost = f"{network.POD}:{storm.PORT} > ".encode(), 0, 0
        for path in (self.out, self.err):
            with open(path, "rb") as file:
                for line in file:
                    if line.startswith(ours):
                        lines += 1
                    elif line.startswith(b"Lost "):
                        lost += int(line.split()[1])
        return lines, lost

    def stop(self):
        peak = self.interrupt()
        lines, lost = self._count()
        return {"seen": lines - self.before, "lines": lines - self.before, "said_lost": lost, "peak_mib": peak}

    @staticmethod
    def version():
        path = shutil.which("bpftrace")
        return run([path, "--version"]).strip() if path else None
