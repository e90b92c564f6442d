# SPDX-License-Identifier: Apache-2.0
"""The run's cgroups: below one folder of the machine's v2 hierarchy, named as the kubelet names them.

A limit on memory, and the containers of a node that still runs cgroup v1, have theirs in v1's
hierarchy of the memory controller, where the machine has one.
"""

import os
import signal
import time

from .proc import LabError, run

PARENT = "drainlab-"


def v2_mount():
    """Where cgroup v2 is mounted, or None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            left, _, right = line.partition(" - ")
            if right.split()[0] == "cgroup2" and "rw" in left.split()[5].split(","):
                return left.split()[4]
    return None


def hierarchies():
    """Where cgroups are mounted: that of v2 first, which has every process of a run, and each of v1."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        parts = [line.partition(" - ") for line in mounts]
    found = [(right.split()[0], left.split()[4]) for left, _, right in parts
             if right.split()[0] in ("cgroup", "cgroup2") and "rw" in left.split()[5].split(",")]
    return [path for kind, path in sorted(found, key=lambda mount: mount[0] != "cgroup2")]


def v1_memory():
    """Where v1's hierarchy of the memory controller is mounted, or None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            left, _, right = line.partition(" - ")
            if right.split()[0] == "cgroup" and "memory" in right.split()[-1].split(","):
                return left.split()[4]
    return None


class Cgroup:
    def __init__(self, path):
        self.path = path

    @property
    def procs(self):
        return os.path.join(self.path, "cgroup.procs")

    def make(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return Cgroup(path)

    def pids(self):
        """Pids in it and below it."""
        found = []
        for folder, _, _ in os.walk(self.path):
            try:
                with open(os.path.join(folder, "cgroup.procs"), encoding="ascii") as procs:
                    found += [int(line) for line in procs if line.strip() != "0"]
            except OSError:
                pass
        return found

    def kill(self):
        """SIGKILL to everything in it and below it."""
        try:
            with open(os.path.join(self.path, "cgroup.kill"), "w", encoding="ascii") as kill:
                kill.write("1")
            return
        except OSError:  # before Linux 5.14
            pass
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def remove(self, timeout=10):
        """Removes it and what is below it, once its processes are gone. True when it is gone."""
        end = time.monotonic() + timeout
        while True:
            for folder, _, _ in os.walk(self.path, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            if not os.path.exists(self.path):
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.02)


class RunCgroup(Cgroup):
    """The folder of one run. Mounts the hierarchy for itself where nobody else has."""

    def __init__(self, run_id, run_dir, version=2):
        self.mounted = None
        self.name, self.version = PARENT + run_id, version
        root = v2_mount()
        if not root:
            root = self.mounted = os.path.join(run_dir, "cgroup")
            os.makedirs(root, exist_ok=True)
            run(["mount", "-t", "cgroup2", "none", root])
        super().__init__(os.path.join(root, self.name))
        os.makedirs(self.path)
        self.tools = self.make("tools")

    def container(self, uid, container_id):
        """The folder of one container, by the kubelet's systemd driver."""
        where = self if self.version == 2 else self.in_v1()
        return where.make(os.path.join(self._pod(uid), f"cri-containerd-{container_id}.scope"))

    def in_v1(self):
        """The run's folder in v1's hierarchy of the memory controller."""
        root = v1_memory()
        if not root:
            raise LabError("this machine has no cgroup v1 with the memory controller")
        return Cgroup(root).make(self.name)

    def limit_memory(self, cgroup, pids, size):
        """Limits the memory of a container whose processes are pids, in bytes. v1's controller: on
        this machine v2 has none. Named there as in v2."""
        there = self.in_v1().make(os.path.relpath(cgroup.path, self.path))
        with open(os.path.join(there.path, "memory.limit_in_bytes"), "w", encoding="ascii") as limit:
            limit.write(str(size))
        for pid in pids:
            with open(there.procs, "w", encoding="ascii") as procs:
                procs.write(str(pid))

    @staticmethod
    def _pod(uid):
        return ("kubepods.slice/kubepods-burstable.slice/"
                f"kubepods-burstable-pod{uid.replace('-', '_')}.slice")

    def remove_pod(self, uid):
        Cgroup(os.path.join(self.path, self._pod(uid))).remove(2)


def sweep(run_id):
    """Kills everything in a run's cgroup and removes it."""
    folders = [Cgroup(os.path.join(root, PARENT + run_id)) for root in hierarchies()]
    folders = [folder for folder in folders if os.path.exists(folder.path)]
    for folder in folders:
        folder.kill()
    for folder in folders:
        if not folder.remove():
            raise LabError(f"{folder.path} could not be removed: processes {folder.pids()}")


def run_ids():
    """Ids of the runs that have a cgroup."""
    names = [name for root in hierarchies() for name in os.listdir(root)]
    return {name[len(PARENT):] for name in names if name.startswith(PARENT)}
