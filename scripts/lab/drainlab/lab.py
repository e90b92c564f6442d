# SPDX-License-Identifier: Apache-2.0
"""One run of the laboratory: builds it, plays a scenario in it, waits out the kernel's timers, removes it."""

import json
import os
import secrets
import shutil
import threading
import time

from . import cgroup, dual, ftrace, net
from .account import Account
from .capture import Capture
from .clients import Clients
from .events import EventWriter
from .instance import InstanceGroup
from .kubernetes import Kubernetes
from .loadbalancer import HAProxy, TargetGroup, TinyLb
from .nlb import Dnat, Front
from .noise import Insider, Outside
from .proc import LabError, now_ns
from .tracer import NoTracer, Tracer

RUNS = "/run/drainlab"
# Connect timeout of the load balancer 10 s, evidence window of drainsnoop 12 s.
TIMERS = 13.0

PLANES = {"haproxy": HAProxy, "tinylb": TinyLb, "nlb": Dnat, "nlb_front": Front}


class Lab:
    """The parts of one run. Use it with `with`: leaving it removes everything, however it is left."""

    unkept = ("cgroup", "*.sock")       # names of files that keep() is not for

    def __init__(self, settings, say, drainsnoop=None, tracer_args=()):
        self.settings = settings.scaled()
        self.asked = settings
        self.run_id = secrets.token_hex(3)
        self.folder = os.path.join(RUNS, self.run_id)
        self.say = say
        self.binary, self.tracer_args = drainsnoop, tracer_args
        self.parts = []             # what has end(), in the order of its start
        self.problems = []          # what went wrong without ending the run
        self.errors = []            # of other threads
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.kept = None
        self.all_clients = []

    # what the parts use

    def note_mark(self, pod, what, before, after):
        with self.lock, open(os.path.join(self.folder, "marks.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps({"pod": pod.name, "uid": pod.uid, "address": pod.address,
                                   "mark": what, "not_before": before, "not_after": after}) + "\n")

    def sleep(self, seconds):
        """Sleeps, but not on when the run is being ended."""
        if self.stopping.wait(seconds):
            raise LabError("the run was ended")

    def fail(self, error):
        """Called by threads: the main thread raises it at its next check()."""
        if not self.stopping.is_set():
            self.errors.append(error)

    def check(self):
        if self.errors:
            raise self.errors[0]

    def problem(self, text):
        self.problems.append(text)
        self.say("problem: " + text)

    # life

    def __enter__(self):
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "pid"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def _add(self, part):
        self.parts.append(part)
        return part

    def _build(self):
        self.say(f"run {self.run_id}: namespaces")
        self.cgroup = cgroup.RunCgroup(self.run_id, self.folder, self.settings.cgroup)
        self.network = net.Network(self.run_id, self.settings, self.folder)
        self.network.build()
        if self.settings.dual:
            dual.add_family(self.network)
        self._prepare()
        self.events = EventWriter(os.path.join(self.folder, "events.jsonl"))
        self.capture = self._add(Capture(self))
        self.kernel_trace = self._add(ftrace.Trace(self))
        asked = "elb" in self.settings.told_by.split(",")
        self.account = self._add(self._account(TargetGroup.arn.split(":")[3])) if asked else None
        if self.binary:
            self.say("starting drainsnoop")
            self.tracer = self._add(self._tracer())
        else:
            self.tracer = NoTracer()
        self.plane = self._add(PLANES[self.settings.balancer](self))
        self.group = self._add(self._group())
        self._add(Outside(self))
        self.insider = self._add(Insider(self))
        self.kubernetes = self._add(self._orchestrator())

    def _prepare(self):
        """What a laboratory with more in it starts before drainsnoop."""

    def _account(self, region):
        """AWS, as drainsnoop can ask it."""
        return Account(self, region)

    def _tracer(self):
        """drainsnoop, running."""
        return Tracer(self, self.binary, self.tracer_args)

    def _group(self):
        """What the load balancer sends to."""
        if self.settings.dual:
            return dual.Groups(self, self.plane)
        return (InstanceGroup if self.settings.target == "instance" else TargetGroup)(self, self.plane)

    def _orchestrator(self):
        """What makes and ends the pods."""
        return Kubernetes(self, self.group)

    def start_clients(self):
        """Starts the requests and waits until the first of them are served."""
        self.clients = self.add_clients()
        self.wait_for_requests(max(5, self.settings.rate))
        self.say(f"{self.settings.rate:g} requests a second")

    def add_clients(self, **where):
        """Requests of another kind beside those of start_clients(), in the same log."""
        more = self._add(Clients(self, len(self.all_clients), **where))
        self.all_clients.append(more)
        return more

    def wait_for_requests(self, count):
        """Waits until that many more requests have ended."""
        want = self.clients.served() + count
        end = time.monotonic() + 60
        while self.clients.served() < want:
            if time.monotonic() > end:
                raise LabError("no request is answered")
            self.sleep(0.05)

    def finish(self):
        """After the scenario's script: lets everything end, in the order in which a real one does."""
        self.kubernetes.wait()
        self.group.wait_drained()
        ended = [pod for pod in self.kubernetes.pods if "t0" in pod.marks and not pod.place.elsewhere]
        drained = max((pod.marks["drained"][1] for pod in ended if "drained" in pod.marks), default=0)
        self.sleep(max(0.0, self.settings.tail - (now_ns() - drained) / 1e9))
        self.say("the clients stop")
        for some in self.all_clients:
            some.stop(self.stopping)
        last = time.monotonic()
        self.say(f"the last request has ended; waiting {TIMERS:g} s for the kernel's timers")
        self.sleep(TIMERS)
        self.group.wait()
        self.check()
        self.tracer.wait_for_verdicts(ended, 2 * self.settings.delay + self.settings.settle + 15)
        self.say(f"{time.monotonic() - last:.0f} s after the last request: all timers are through")
        self.tracer.stop()
        self.capture.stop()
        self.kernel_trace.stop()
        self.group.stop()

    def _end_pods(self):
        """Kills what runs in pods and lets their shims reap it: no zombie is left to the machine's init."""
        if hasattr(self, "cgroup"):
            self.cgroup.make("kubepods.slice").kill()
            if self.settings.cgroup == 1:
                self.cgroup.in_v1().kill()
        for pod in self.kubernetes.pods if hasattr(self, "kubernetes") else []:
            for container in pod.containers:
                container.shim.wait(10)

    def keep(self, folder):
        """Has the run's files moved there when the run is removed."""
        self.kept = folder

    def remove(self):
        """Ends and removes everything. Never raises: says what is left instead."""
        self.stopping.set()
        for part in reversed(self.parts):
            try:
                part.end()
            except Exception as error:
                self.say(f"while ending {type(part).__name__}: {error}")
        self._end_pods()
        if hasattr(self, "events"):
            self.events.close()
        if self.kept:
            shutil.rmtree(self.kept, ignore_errors=True)
            os.makedirs(os.path.dirname(os.path.abspath(self.kept)), exist_ok=True)
            shutil.copytree(self.folder, self.kept, ignore=shutil.ignore_patterns(*self.unkept))
        try:
            sweep(self.run_id, mounted=getattr(getattr(self, "cgroup", None), "mounted", None))
        except Exception as error:
            self.say(f"not everything could be removed: {error}; try scripts/lab/run --clean {self.run_id}")


def sweep(run_id, mounted=None):
    """Removes whatever there is of a run: processes, cgroups, namespaces, files."""
    folder = os.path.join(RUNS, run_id)
    own_mount = mounted or os.path.join(folder, "cgroup")
    cgroup.sweep(run_id)
    ftrace.sweep(run_id)
    net.sweep(run_id)
    if os.path.ismount(own_mount):
        cgroup.run(["umount", own_mount])
    shutil.rmtree(folder, ignore_errors=True)
    try:
        os.rmdir(RUNS)
    except OSError:
        pass


def leftovers():
    """Ids of runs whose laboratory is not running any more."""
    ids = set(os.listdir(RUNS) if os.path.isdir(RUNS) else []) | cgroup.run_ids() | net.run_ids() | ftrace.run_ids()
    return sorted(run_id for run_id in ids if not _alive(run_id))


def _alive(run_id):
    try:
        with open(os.path.join(RUNS, run_id, "pid"), encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read()
        return b"lab/run" in command or b"lab/kube" in command
    except (OSError, ValueError):
        return False
