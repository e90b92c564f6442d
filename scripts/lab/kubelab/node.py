# SPDX-License-Identifier: Apache-2.0
"""The node: containerd and the kubelet, in the network namespace that the laboratory made.

They share a mount namespace of their own. Whatever they mount is gone with their processes; /run, /var/lib
and /var/log are empty there but for what is theirs; and the kernel's settings that a kubelet writes are
masked by files which say that they are as it wants them, so that the machine's stay.
"""

import glob
import json
import os
import shutil
import stat

from drainlab import cgroup
from drainlab.kubeproxy import HEALTHZ
from drainlab.proc import LabError, run

from . import images
from .logind import Logind

NAME = "drainlab-node"
HERE = os.path.dirname(os.path.abspath(__file__))
# Where containerd and kubelet have folders whose places nobody can change. /run, which has the run's own, too.
PRIVATE = ("/var/lib", "/var/log")
WANTED = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1,
          "kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000}
# Indices of the plan's addresses: below are the stand-in's pods. 30 s is the VPC CNI's own cooldown.
FIRST, LAST, COOLDOWN = 10, 300, 30

CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd.state"
disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{folder}/cni/bin"
conf_dir = "{folder}/cni/net.d"
"""


class Node:
    def __init__(self, lab, plane, name=NAME):
        self.lab, self.plane, self.name = lab, plane, name
        self.folder = os.path.join(lab.folder, "kube")
        self.socket = os.path.join(self.folder, "containerd.sock")
        self.state = os.path.join(self.folder, "containerd.state")
        self.containerd_log = os.path.join(plane.logs, "containerd.log")
        self.cni_log = os.path.join(self.folder, "cni", "cni.jsonl")
        self.logind = Logind(lab, os.path.join(self.folder, "logind.sock"))
        self.cgroups()
        self._mounts()
        self._cni()
        self._containerd()
        self._kubelet()
        self._kube_proxy()

    def cgroups(self):
        """The run's folder in each hierarchy: the kubelet wants its root to be there."""
        for root in cgroup.hierarchies():
            folder = cgroup.Cgroup(root).make(self.lab.cgroup.name)
            for setting in ("cpuset.cpus", "cpuset.mems"):   # v1: empty at first, and then nothing can run
                if not os.path.exists(os.path.join(folder.path, setting)) or root == cgroup.v2_mount():
                    continue
                with open(os.path.join(root, setting), encoding="ascii") as above:
                    value = above.read()
                with open(os.path.join(folder.path, setting), "w", encoding="ascii") as file:
                    file.write(value)

    def _mounts(self):
        """Starts the process that holds the mount namespace. Its tmpfs lie on folders that are always there: to
        remove a folder on which another run has mounted something would unmount it there."""
        private, run = os.path.join(self.folder, "private"), self.lab.folder
        os.makedirs(private)
        lines = ["set -e", *[f"mount -t tmpfs -o mode=755 drainlab {place}" for place in PRIVATE],
                 "mkdir /var/lib/run", f"mount --bind {run} /var/lib/run",
                 "mount -t tmpfs -o mode=755 drainlab /run", f"mkdir -p {run}", f"mount --move /var/lib/run {run}"]
        for setting, value in WANTED.items():
            own = os.path.join(private, setting.replace("/", "."))
            with open(own, "w", encoding="ascii") as file:
                file.write(f"{value}\n")
            lines.append(f"mount --bind {own} /proc/sys/{setting}")
        ready = os.path.join(private, "ready")
        lines += [f": > {ready}", "exec sleep infinity"]
        holder = self.plane.run("mounts", ["unshare", "--mount", "--propagation", "private",
                                           "sh", "-c", "\n".join(lines)])
        self.plane.wait_until(lambda: os.path.exists(ready), 20, "the node's mounts", "mounts")
        self.enter = ["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", f"--net={self.plane.netns.path}", "--"]

    def _run(self, name, argv):
        return self.plane.run(name, argv, lambda command: [*self.enter, *command])

    def _cni(self):
        """The plugins' folder and the network's configuration."""
        folder = os.path.join(self.folder, "cni")
        programs, config = os.path.join(folder, "bin"), os.path.join(folder, "net.d")
        os.makedirs(programs)
        os.makedirs(config)
        plugin = os.path.join(HERE, "programs", "cni.py")
        for name in ("vpclike", "loopback"):
            path = os.path.join(programs, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\nexec python3 -S -E -B "{plugin}"\n')
            os.chmod(path, stat.S_IRWXU)
        with open(os.path.join(config, "10-drainlab.conflist"), "w", encoding="ascii") as file:
            json.dump({"cniVersion": "0.4.0", "name": "drainlab", "plugins": [{
                "type": "vpclike", "state": folder, "ipv6": self.lab.network.plan.ipv6,
                "first": FIRST, "last": LAST, "cooldown": COOLDOWN}]}, file)

    def _containerd(self):
        config = os.path.join(self.folder, "containerd.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONTAINERD.format(folder=self.folder, pause=images.PAUSE))
        self._run("containerd", ["containerd", "--config", config])
        self.plane.wait_until(self._serves, 30, "containerd", "containerd")
        for archive in (images.pause(self.folder), images.web(self.folder)):
            self.load(archive)

    def _serves(self):
        try:
            self.ctr("version")
            return True
        except LabError:
            return False

    def ctr(self, *arguments):
        return run([*self.enter, "ctr", "-a", self.socket, "-n", "k8s.io", *arguments])

    def load(self, archive):
        """An image's archive, into containerd."""
        self.ctr("images", "import", archive)

    def logs(self, namespace, pod, container):
        """The paths of the logs of a container, of all pods whose names begin so."""
        found = glob.glob(os.path.join(self.folder, "pod-logs", f"{namespace}_{pod}*", container, "*.log"))
        return sorted(found, key=lambda path: int(os.path.basename(path)[:-len(".log")]))

    def volumes(self, name):
        """The folders of the emptyDirs of that name."""
        return sorted(glob.glob(os.path.join(self.folder, "kubelet/pods/*/volumes/kubernetes.io~empty-dir", name)))

    def init_pid(self, container):
        """The process 1 of a running container, as the machine sees it, or None."""
        path = os.path.join(self.state, "io.containerd.runtime.v2.task", "k8s.io", container, "init.pid")
        try:
            with open(path, encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def _kubelet(self):
        keys, plan = self.plane.keys, self.lab.network.plan
        keys.issue("node", f"system:node:{self.name}", ["system:nodes"])
        config = os.path.join(self.folder, "kubelet.json")
        with open(config, "w", encoding="ascii") as file:
            json.dump({
                "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                                   "x509": {"clientCAFile": keys.authority}},
                "authorization": {"mode": "Webhook"},
                # This machine may have cgroup v1 with v2 beside it; runc puts containers into both.
                "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupsPerQOS": True,
                "cgroupRoot": "/" + self.lab.cgroup.name, "enforceNodeAllocatable": [],
                "containerRuntimeEndpoint": "unix://" + self.socket, "failSwapOn": False,
                "registerNode": True, "maxPods": LAST - FIRST, "resolvConf": "",
                "evictionHard": {signal: "0%" for signal in (
                    "memory.available", "nodefs.available", "imagefs.available", "nodefs.inodesFree")},
                "imageGCHighThresholdPercent": 100, "localStorageCapacityIsolation": False,
                "makeIPTablesUtilChains": False, "clusterDomain": "cluster.local",
                "shutdownGracePeriod": "60s", "shutdownGracePeriodCriticalPods": "20s",
                "containerLogMaxSize": "1Gi",   # one file a container
                "volumePluginDir": os.path.join(self.folder, "volume-plugins"),
                "podLogsDir": os.path.join(self.folder, "pod-logs")}, file)
        self._run("kubelet", [
            "env", "DBUS_SYSTEM_BUS_ADDRESS=" + self.logind.address,
            os.path.join(self.plane.assets, "kubelet"), "--config", config,
            "--kubeconfig", keys.kubeconfig("node", self.plane.server),
            "--root-dir", os.path.join(self.folder, "kubelet"),
            "--cert-dir", os.path.join(self.folder, "kubelet-pki"),
            "--hostname-override", self.name, "--node-ip", plan.node])
        api = self.plane.api("admin")
        self.plane.wait_until(lambda: self._ready(api), 60, "the node to be ready",
                              "kubelet", "containerd", "controller-manager", "scheduler")

    def _kube_proxy(self):
        """In its nftables mode. It is to leave the machine's settings of conntrack as they are."""
        config = os.path.join(self.folder, "kube-proxy.json")
        with open(config, "w", encoding="ascii") as file:
            json.dump({
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
                "mode": "nftables", "hostnameOverride": self.name,
                "clientConnection": {"kubeconfig": self.plane.keys.kubeconfig("proxy", self.plane.server)},
                "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
                # Where a load balancer asks a node whether it is well.
                "healthzBindAddress": f"[::]:{HEALTHZ}" if self.lab.network.plan.ipv6 else f"0.0.0.0:{HEALTHZ}",
                "metricsBindAddress": "",
                "nftables": {"minSyncPeriod": f"{int(self.lab.settings.sync * 1000)}ms"}}, file)
        self._run("kube-proxy", [os.path.join(self.plane.assets, "kube-proxy"), "--config", config])

    def _ready(self, api):
        for node in api.get("/api/v1/nodes")["items"]:
            for condition in node.get("status", {}).get("conditions", []):
                if condition["type"] == "Ready" and condition["status"] == "True":
                    return True
        return False


def missing_packages():
    """The packages of what this needs beside the Go programs and what drainlab needs."""
    needed = {"containerd": "containerd", "ctr": "containerd", "containerd-shim-runc-v2": "containerd",
              "runc": "runc", "cc": "gcc", "ldd": "libc-bin"}
    return sorted({package for program, package in needed.items() if not shutil.which(program)})
