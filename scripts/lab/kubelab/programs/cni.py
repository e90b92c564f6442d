# SPDX-License-Identifier: Apache-2.0
"""A CNI plugin that leaves on the node what the laboratory's other pods, and the VPC CNI's, have there.

A pod's veth, its /32 (or /128) route, its rule 512, a static neighbour inside. Two types: `vpclike`,
and `loopback`, which containerd wants of every network. Its configuration says

    state      the folder with one file an address (its owner, or since when it is free) and the log
    ipv6       the family
    first, last  the indices of the plan's addresses that it gives (drainlab/net.py)
    cooldown   how long an address rests, s

Each address that is given or taken is a line of state/cni.jsonl, with the moments of every step.
"""

import fcntl
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from drainlab.net import Plan, inside, link_name, mac, unwiring, wiring  # noqa: E402

VERSIONS = ["0.3.1", "0.4.0", "1.0.0"]


class Refused(Exception):
    """What the runtime is told as an error."""


def ip(commands, ipv6, netns=None):
    """`ip` commands, one a line, here (the runtime runs in the node's namespace) or in a pod's."""
    enter = ["nsenter", f"--net={netns}"] if netns else []
    done = subprocess.run([*enter, "ip", *(["-6"] if ipv6 else []), "-batch", "-"], input=commands,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{done.stderr.strip()}: {commands.strip()}")


class Addresses:
    """Which address is whose. Under a lock from its making to the process's end."""

    def __init__(self, config):
        self.folder = os.path.join(config["state"], "addresses")
        os.makedirs(self.folder, exist_ok=True)
        self.plan, self.config = Plan(config["ipv6"]), config
        self.lock = os.open(os.path.join(config["state"], "cni.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def _read(self, index):
        try:
            with open(os.path.join(self.folder, str(index)), encoding="ascii") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def _write(self, index, entry):
        path = os.path.join(self.folder, str(index))
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(entry, file)
        os.rename(path + ".new", path)

    def _entries(self):
        return {index: self._read(index) for index in range(self.config["first"], self.config["last"] + 1)}

    def take(self, owner):
        """An address that was never given, else the one that has been free for the longest."""
        entries, now = self._entries(), time.time()
        rested = [(entry["free"] if entry else 0, index) for index, entry in entries.items()
                  if entry is None or now - entry.get("free", now) >= self.config["cooldown"]]
        if not rested:
            raise Refused("no address is free")
        index = min(rested)[1]
        self._write(index, {"owner": owner})
        return self.plan.pod(index, False)

    def owned(self, owner):
        """(index, address) of the owner, or None."""
        for index, entry in self._entries().items():
            if entry and entry.get("owner") == owner:
                return index, self.plan.pod(index, False)
        return None

    def free(self, index):
        self._write(index, {"free": time.time()})


def log(config, command, pod, address, steps):
    line = {"command": command, "namespace": pod[0], "pod": pod[1], "address": address,
            "sandbox": os.environ["CNI_CONTAINERID"], "steps": steps}
    with open(os.path.join(config["state"], "cni.jsonl"), "a", encoding="ascii") as file:
        file.write(json.dumps(line) + "\n")


def step(steps, what, *args):
    before = time.time_ns()
    ip(*args)
    steps.append([what, before, time.time_ns()])


def add(config, pod):
    """The result that the runtime is told."""
    addresses, netns, steps = Addresses(config), os.environ["CNI_NETNS"], []
    plan, link = addresses.plan, link_name(*pod)
    address = addresses.take(os.environ["CNI_CONTAINERID"])
    ip(f"link add name {link} address {mac(link)} type veth peer name eth0 netns {netns}", False)
    ip("link set lo up\n" + inside(plan, address, mac(link)), plan.ipv6, netns)
    ip(f"link set {link} up", False)
    step(steps, "route", wiring(plan, address, link), plan.ipv6)
    log(config, "ADD", pod, address, steps)
    entry = {"address": plan.prefix(address), "interface": 0}
    if config["cniVersion"] < "1":
        entry["version"] = "6" if plan.ipv6 else "4"
    return {"interfaces": [{"name": "eth0", "sandbox": netns}], "ips": [entry]}


def delete(config, pod):
    """CNI DEL may come twice, and for what never was: that is no error."""
    addresses, steps = Addresses(config), []
    owned = addresses.owned(os.environ["CNI_CONTAINERID"])
    if not owned:
        return
    index, address = owned
    link = link_name(*pod)
    for what, command in [*unwiring(addresses.plan, address, link), ("link", f"link del {link}")]:
        try:
            step(steps, what, command, addresses.plan.ipv6)
        except Refused:     # after an ADD that failed half-way: it was never there
            pass
    addresses.free(index)
    log(config, "DEL", pod, address, steps)


def main():
    config = json.load(sys.stdin)
    command, version = os.environ["CNI_COMMAND"], config.get("cniVersion", VERSIONS[0])
    if command == "VERSION":
        print(json.dumps({"cniVersion": version, "supportedVersions": VERSIONS}))
        return 0
    arguments = dict(part.partition("=")[::2] for part in os.environ.get("CNI_ARGS", "").split(";"))
    pod = arguments.get("K8S_POD_NAMESPACE", ""), arguments.get("K8S_POD_NAME", "")
    result = {"interfaces": [], "ips": []}
    try:
        if config["type"] == "loopback":
            if command == "ADD":
                ip("link set lo up", False, os.environ["CNI_NETNS"])
        elif command == "ADD":
            result = add(config, pod)
        elif command == "DEL":
            delete(config, pod)
    except (Refused, OSError) as error:
        print(json.dumps({"cniVersion": version, "code": 100, "msg": str(error)}))
        return 1
    if command == "ADD":
        print(json.dumps({"cniVersion": version, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
