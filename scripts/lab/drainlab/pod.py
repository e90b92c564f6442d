# SPDX-License-Identifier: Apache-2.0
"""A pod: a place in the network, and containers, each PID 1 of its own pid namespace in its own cgroup."""

import os
import secrets
import signal
import socket
import subprocess
import uuid

from .net import HostPlace
from .proc import ExitWatch, LabError, Tool, in_cgroup, in_netns, now_ns, program, run, wait_for

PORT, HEALTH_PORT = 8080, 8081
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
# What ends each kind of server: nginx stops fast on SIGTERM; the laboratory's own has no handler
# for it, which as PID 1 means that the kernel ignores it.
ENDS_ON = {"nginx": signal.SIGTERM, "gate": signal.SIGTERM, "holding": signal.SIGKILL, "peeking": signal.SIGKILL,
           "patient": signal.SIGKILL, "tiny": signal.SIGTERM}

NGINX = """\
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    keepalive_timeout {keepalive}s; keepalive_requests 1000000;
    default_type text/plain;
    server {{
        listen {port}{proxy}; listen [::]:{port}{proxy};
        location / {{ return 200 "{name}\\n"; }}
    }}
    server {{
        listen {health}; listen [::]:{health};
        location / {{ access_log off; return 200 "ok\\n"; }}
    }}
}}
"""


def random_name(deployment):
    pick = lambda n: "".join(secrets.choice(LETTERS) for _ in range(n))  # noqa: E731
    return f"{deployment}-{pick(9)}-{pick(5)}"


class Container:
    """One process tree. `pid` is its PID 1 as the machine sees it."""

    def __init__(self, lab, pod, name, argv):
        self.name = name
        self.cgroup = lab.cgroup.container(pod.uid, secrets.token_hex(32))
        with open(os.path.join(pod.folder, name + ".log"), "wb") as log:
            # Only what is inside is in the container's cgroup; `unshare` waits outside, as a shim does.
            self.shim = Tool(lab.cgroup.tools, in_netns(pod.place.netns, [
                "unshare", "--pid", "--fork", "--kill-child", *in_cgroup(self.cgroup, argv)]), stdout=log, stderr=log)
        self.pid = wait_for(self._find, 20, f"the start of {pod.name}/{name}")
        self.exit = ExitWatch(self.pid)

    def _find(self):
        for pid in self.cgroup.pids():
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
                    if any(line.split()[-1] == "1" for line in status if line.startswith("NSpid:")):
                        return pid
            except OSError:
                pass
        return None

    def running(self):
        return not self.exit.ended.is_set()

    def signal(self, number):
        """Signals PID 1. Returns the moment just before."""
        at = now_ns()
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass
        return at


def job_pod(lab, job, seconds, index=None, metrics=None):
    """The pod of a Job: it serves nothing, and ends by itself after so many seconds. `metrics`: but a port for its own."""
    pod = Pod(lab, job, "bystander", index=index)
    pod.owner, pod.ports = "job", ""
    pod.add_container("work", program("job", seconds, metrics) if metrics else ["sleep", f"{seconds:g}"])
    lab.events.pod_state(pod, "ready")
    return pod


class Pod:
    """`host`: on the host's network, on that port and the next one. `elsewhere`: on the second node."""

    def __init__(self, lab, deployment, server, keepalive=None, index=None, host=None, elsewhere=False,
                 address=None):
        settings = lab.settings
        self.lab = lab
        self.deployment, self.namespace = deployment, "default"
        self.server_kind = server
        self.name, self.uid = random_name(deployment), str(uuid.uuid4())
        self.folder = os.path.join(lab.folder, "pods", self.name)
        os.makedirs(self.folder)
        self.on_host = host is not None
        self.port, self.health_port = (host, host + 1) if self.on_host else (PORT, HEALTH_PORT)
        self.place = HostPlace(lab.network) if self.on_host else \
            lab.network.attach(self.name, self.namespace, index, elsewhere, address)
        self.address, self.others = self.place.address, self.place.others
        self.owner, self.ports = "deployment", f"{self.port},{self.health_port}"
        self.ends = None        # the signal that ends what serves, where it is not the server's own
        self.front = None       # the container that has the traffic's connections, where it is not the server's
        self.marks = {}         # what happened to it, when: see mark()
        self.containers = []
        if server == "bystander":
            return
        self.command = self._server_command(server, keepalive or settings.keepalive)
        self.server = self._start("server", self.command)
        if server == "tiny":
            return      # by the hundred: one process each
        self._start("sidecar", program("sidecar", lab.network.plan.outside, 5432, settings.linger))

    def _start(self, name, argv):
        container = Container(self.lab, self, name, argv)
        self.containers.append(container)
        return container

    def _server_command(self, server, keepalive):
        if server == "tiny":
            return [os.path.join(self.lab.folder, "tiny"), self.name]
        if server == "gate":
            return program("gate", os.path.join(self.folder, "gate.sock"), self.name, self.port,
                           self.health_port)
        if server != "nginx":
            return program("server", server, self.name)
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=self.folder, keepalive=f"{keepalive:g}", name=self.name,
                                    port=PORT, health=HEALTH_PORT,
                                    proxy=" proxy_protocol" * self.lab.settings.proxy_header))
        return ["nginx", "-c", config, "-e", os.path.join(self.folder, "error.log")]

    def add_container(self, name, argv):
        """One more container; the kubelet ends it with the others."""
        return self._start(name, argv)

    def run_in_it(self, name, argv, **streams):
        """A container whose standard input the laboratory keeps (the in-cluster client)."""
        cgroup = self.lab.cgroup.container(self.uid, secrets.token_hex(32))
        with open(os.path.join(self.folder, name + ".log"), "wb") as log:
            return Tool(cgroup, in_netns(self.place.netns, argv), stdin=subprocess.PIPE,
                        stdout=log, stderr=log, **streams)

    def restart_server(self):
        """A new container in the place of the server's, in the same sandbox. Returns once it listens."""
        self.server = self._start("server", self.command)
        self.wait_listening()

    def wait_listening(self):
        command = in_netns(self.place.netns, ["ss", "-Hltn", f"sport = :{self.port}"])
        wait_for(lambda: run(command).strip(), 20, f"{self.name} to listen")

    def tell(self, command):
        """A command to a server of kind gate (programs/gate.py). Returns the moments before and after."""
        path = os.path.join(self.folder, "gate.sock")
        wait_for(lambda: os.path.exists(path), 20, f"the server of {self.name}")
        before = now_ns()
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(10)
            conn.connect(path)
            conn.sendall(command.encode() + b"\n")
            if conn.recv(100) != b"done\n":
                raise LabError(f"{self.name} did not do: {command}")
        return before, now_ns()

    def open_gate(self):
        """Has a server of kind gate listen and accept; the others do so by themselves."""
        if self.server_kind == "gate":
            self.tell("listen 32")
            self.tell("accept")

    def in_force(self, cause, begin, end):
        """Notes that between two moments (ns) what is lost at this pod is lost for that cause."""
        self.mark("cause:" + cause, begin, end)

    def mark(self, what, before, after=None):
        """Notes that something happened to the pod between two moments (ns)."""
        self.marks[what] = [before, after or before]
        self.lab.note_mark(self, what, before, after or before)

    @property
    def prestop(self):
        return self.lab.settings.prestop

    @property
    def grace(self):
        return self.lab.settings.grace

    @property
    def ends_on(self):
        return self.ends or ENDS_ON[self.server_kind]

    def end_by_itself(self):
        """Waits until its containers have ended without a signal, and takes its sandbox and its place away:
        a finished Job's pod. Its object stays, with its address."""
        for container in self.containers:
            if not container.exit.ended.wait(60):
                raise LabError(f"{self.name}/{container.name} does not end")
        steps = self.place.release()
        self.mark("released", steps[0][1], steps[-1][2])
        self.place.remove()
        self.lab.cgroup.remove_pod(self.uid)
        self.lab.events.pod_state(self, "deleted")
        self.mark("finished", now_ns())

    def sandbox_empty(self):
        return not any(container.running() for container in self.containers)
