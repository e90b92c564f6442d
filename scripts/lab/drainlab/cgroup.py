# SPDX-License-Identifier: Apache-2.0
"""The run's cgroups: below one folder of the machine's v2 hierarchy, named as the kubelet names them."""

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

    def __init__(self, run_id, run_dir):
        self.mounted = None
        root = v2_mount()
        if not root:
            root = self.mounted = os.path.join(run_dir, "cgroup")
            os.makedirs(root, exist_ok=True)
            run(["mount", "-t", "cgroup2", "none", root])
        super().__init__(os.path.join(root, PARENT + run_id))
        os.makedirs(self.path)
        self.tools = self.make("tools")

    def container(self, uid, container_id):
        """The folder of one container, by the kubelet's systemd driver."""
        pod = f"kubepods-burstable-pod{uid.replace('-', '_')}.slice"
        return self.make("kubepods.slice/kubepods-burstable.slice/"
                         f"{pod}/cri-containerd-{container_id}.scope")

    def remove_pod(self, uid):
        pod = f"kubepods-burstable-pod{uid.replace('-', '_')}.slice"
        Cgroup(os.path.join(self.path, "kubepods.slice/kubepods-burstable.slice", pod)).remove(2)


def sweep(run_id):
    """Kills everything in a run's cgroup and removes it."""
    root = v2_mount()
    if root:
        folder = Cgroup(os.path.join(root, PARENT + run_id))
        if os.path.exists(folder.path):
            folder.kill()
            if not folder.remove():
                raise LabError(f"{folder.path} could not be removed: processes {folder.pids()}")


def run_ids():
    """Ids of the runs that have a cgroup."""
    root = v2_mount()
    names = os.listdir(root) if root else []
    return {name[len(PARENT):] for name in names if name.startswith(PARENT)}
