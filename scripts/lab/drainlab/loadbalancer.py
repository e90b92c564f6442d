# SPDX-License-Identifier: Apache-2.0
"""What plays the load balancer: a target group, and the data plane behind it (HAProxy, or tinylb).

Knows nothing of Kubernetes: a target is anything with an address. Whoever plays Kubernetes calls
register() and deregister(), as the load balancer controller calls the ELBv2 API.
"""

import json
import os
import socket
import subprocess
import threading

from .pod import HEALTH_PORT, PORT
from .proc import LabError, Tool, in_netns, now_ns, program, wait_for
from .events import rfc3339
from .told import Told

FRONT_PORT = 80
SECOND = "6"        # HAProxy's names of what is there for the second family of a dual stack

HAPROXY = """\
global
    stats socket {folder}/haproxy.sock mode 600 level admin
    log stdout format raw local0
    nbthread 1
    maxconn 4000
defaults
    mode http
    log global
    retries {retries}
{redispatch}    timeout connect 10s
    timeout client 60s
    timeout server 20s
"""

WAY = """\
frontend front{family}
    bind {front}:{port}
    capture request header X-Request-Id len 64
    log-format '{log_format}'
    default_backend pods{family}
backend pods{family}
    balance roundrobin
    http-reuse {reuse}
"""

# tinylb writes the same keys.
LOG_KEYS = {"id": "%[capture.req.hdr(0)]", "accept": "%Ts.%ms", "server": "%s", "source": "%bi",
            "source_port": "%bp", "address": "%si", "port": "%sp", "term": "%tsc"}
LOG_NUMBERS = {"status": "%ST", "Tq": "%Tq", "Tw": "%Tw", "Tc": "%Tc", "Tr": "%Tr", "Ta": "%Ta"}


def bracket(address):
    return f"[{address}]" if ":" in address else address


class Logged:
    """What an ALB's data plane has, and a log of every request besides."""

    type, preserves_client = "application", False

    def __init__(self, lab):
        self.lab = lab
        self.addresses = [plan.lb for plan in lab.network.plans]
        self.check_interval = int(lab.settings.probe_period)
        self.peers = set(self.addresses)        # whose connections to the pods are the requests'
        self.log_path = os.path.join(lab.folder, "haproxy.log")

    def entries(self, _requests, _flows):
        """What became of each request, and by which connection it went."""
        return read_log(self.log_path, self.lab.network.plan.lb)


class HAProxy(Logged):
    """The data plane as an ALB: no retry, one request a client connection, kept server connections."""

    name = "haproxy"

    def __init__(self, lab):
        super().__init__(lab)
        self.socket_path = os.path.join(lab.folder, "haproxy.sock")
        config = os.path.join(lab.folder, "haproxy.cfg")
        keys = [f'"{key}":"{value}"' for key, value in LOG_KEYS.items()]
        keys += [f'"{key}":{value}' for key, value in LOG_NUMBERS.items()]
        with open(config, "w", encoding="utf-8") as file:
            file.write(HAPROXY.format(folder=lab.folder, retries=lab.settings.retries,
                                      redispatch="    option redispatch 1\n" * lab.settings.redispatch))
            for family, plan in zip(("", SECOND), lab.network.plans):
                file.write(WAY.format(family=family, front=bracket(plan.front), port=FRONT_PORT,
                                      reuse=lab.settings.reuse, log_format="{" + ",".join(keys) + "}"))
        with open(self.log_path, "wb") as log, open(self.log_path + ".err", "wb") as err:
            self.tool = Tool(lab.cgroup.tools, in_netns(lab.network.lb, ["haproxy", "-db", "-f", config]),
                             stdout=log, stderr=err)
        wait_for(self._answers, 20, "HAProxy")

    def _answers(self):
        if not self.tool.running():
            with open(self.log_path + ".err", encoding="utf-8", errors="replace") as err:
                raise LabError("HAProxy ended: " + err.read().strip())
        try:
            return self.command("show info")
        except OSError:
            return None

    def _connected(self, conn):
        try:
            conn.connect(self.socket_path)
        except BlockingIOError:     # many ask at once: its queue is full
            return False
        return True

    def command(self, line):
        """One command to the runtime socket; returns the answer."""
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(10)
            wait_for(lambda: self._connected(conn), 10, "HAProxy's runtime socket")
            conn.sendall(line.encode() + b"\n")
            answer = b""
            while got := conn.recv(65536):
                answer += got
            return answer.decode()

    def _backend(self, pod):
        """Where its server is. Of both families' servers those of one pod have the same name."""
        plans = self.lab.network.plans
        return "pods" + SECOND * (len(plans) > 1 and plans[1].ipv6 == (":" in pod.address))

    def _server(self, pod):
        return f"{self._backend(pod)}/{pod.name}"

    def add(self, pod):
        """Makes a server of the pod, or of a node: anything with a name, an address and ports. It gets no
        request before enable(). Checks run from then on; they never take it out: a real target group needs
        many seconds for that, the drain comes first."""
        where = f"{bracket(pod.address)}:{pod.port}"
        port = pod.port if self.lab.settings.checks_on_traffic else pod.health_port
        answer = self.command(f"add server {self._server(pod)} {where} check port {port} "
                              f"inter {self.lab.settings.probe_period:g}s fastinter 1s "
                              "fall 100000 rise 1")
        if "registered" not in answer:
            raise LabError(f"HAProxy: add server: {answer.strip()}")

    def enable(self, pod):
        self.command(f"enable health {self._server(pod)}; enable server {self._server(pod)}")
        wait_for(lambda: self._state(pod) == ("2", "0"), 20, f"HAProxy's server {pod.name}")

    def drain(self, pod):
        """No new request from here on. Returns when HAProxy has done it."""
        self.command(f"set server {self._server(pod)} state drain")

    def remove(self, pod):
        """Not a target any more: its health checks stop."""
        self.command(f"set server {self._server(pod)} state maint; disable health {self._server(pod)}")

    def _state(self, pod):
        for line in self.command(f"show servers state {self._backend(pod)}").splitlines():
            words = line.split()
            if len(words) > 6 and words[3] == pod.name:
                return words[5], words[6]
        return None

    def end(self):
        self.tool.end()


class TinyLb(Logged):
    """The data plane that sends on connections whose FIN it has received (programs/tinylb.py)."""

    name = "tinylb"

    def __init__(self, lab):
        super().__init__(lab)
        self.lock = threading.Lock()
        self.resets = lab.settings.resets
        with open(self.log_path, "wb") as log:
            self.tool = Tool(lab.cgroup.tools, in_netns(lab.network.lb, program(
                "tinylb", lab.network.plan.front, FRONT_PORT, lab.settings.pool)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def _command(self, line):
        with self.lock:
            self.tool.tell(line)
            if self.tool.process.stdout.readline().strip() != b"done":
                raise LabError("tinylb ended")

    def add(self, pod):
        pass

    def enable(self, pod):
        self._command(f"add {pod.name} {pod.address} {pod.port}")

    def warm(self, pod, count):
        """So many more connections to the pod, kept open, each with a request behind it."""
        self._command(f"warm {pod.name} {count}")

    def drain(self, pod):
        self._command(f"drain {pod.name}")

    def remove(self, pod):
        """Not a target any more: with settings.resets, what is still open to it is reset (M10)."""
        if self.resets:
            before = now_ns()
            self._command(f"reset {pod.name}")
            pod.in_force("closed_by_load_balancer", before, now_ns())

    def end(self):
        self.tool.end()


class TargetGroup:
    """The control plane: registers and deregisters targets and says so as events."""

    port, health_port, target_type = PORT, HEALTH_PORT, "ip"
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef"

    def __init__(self, lab, plane, name="shop-web"):
        self.lab, self.plane, self.name = lab, plane, name
        self.arn = type(self).arn.replace("shop-web", name)
        self.delay, self.health_interval = lab.settings.delay, plane.check_interval
        self.type, self.preserves_client = plane.type, plane.preserves_client
        if lab.settings.checks_on_traffic:
            self.health_port = PORT
        self.threads = []
        self.drains = []
        self.told = Told(lab, self)
        if lab.account:
            lab.account.serve(self, plane)
        for address in plane.addresses:
            lab.events.write("load_balancer.address", load_balancer__type=self.type,
                             load_balancer__name="shop", address=address)

    def checked_port(self, pod):
        return pod.port if self.lab.settings.checks_on_traffic else pod.health_port

    def register(self, pod):
        """Returns once requests reach the pod."""
        pod.mark("initial", now_ns())
        self.lab.events.target_state(self, pod, "initial", target__source="describe_target_health")
        if self.lab.account:
            self.lab.account.register(pod.address, pod.port, self.lab.settings.initial)
        if self.lab.settings.early:     # as an NLB does: some connections while it still is `initial`
            self.plane.add(pod)
            self.plane.enable(pod)
        self.lab.sleep(self.lab.settings.initial)
        if not self.lab.settings.early:
            self.plane.add(pod)
        pod.mark("healthy", now_ns())
        self.lab.events.target_state(self, pod, "healthy", target__state_previous="initial",
                                     target__source="describe_target_health")
        self.told.states[pod.address] = "healthy", pod.port
        if not self.lab.settings.early:
            self.plane.enable(pod)
        self.lab.say(f"{pod.name} ({pod.address}) is registered and healthy")

    def deregister(self, pod, propagation):
        """The API call. The data plane hears of it `propagation` seconds later."""
        self.told.log("deRegistering", pod)
        before = now_ns()
        self.told.states[pod.address] = "draining", pod.port
        if self.lab.account:
            self.lab.account.deregister(pod.address, pod.port)
        for seconds, what in ((propagation, self._stop_sending), (self.delay, self._unused)):
            thread = threading.Thread(target=self._later, args=(seconds, what, pod), daemon=True)
            thread.start()
            self.threads.append(thread)
            if what == self._stop_sending:
                self.drains.append(thread)
        after = now_ns()
        self.told.log("deRegistered", pod)
        self.told.trail("DeregisterTargets", pod, after)
        if not self.lab.settings.told_by:
            self.lab.events.target_state(self, pod, "draining", target__state_previous="healthy",
                                         target__source="controller_log",
                                         not_before=rfc3339(before), not_after=rfc3339(after))
        pod.mark("deregistered", before, after)
        self.lab.say(f"{pod.name} is deregistered, the data plane hears of it {propagation:.1f} s later")

    def _later(self, seconds, what, pod):
        if not self.lab.stopping.wait(seconds):
            try:
                what(pod)
            except Exception as error:  # told to the main thread
                self.lab.fail(error)

    def _stop_sending(self, pod):
        before = now_ns()
        self.plane.drain(pod)
        pod.mark("drained", before, now_ns())
        self.lab.say(f"the load balancer sends nothing to {pod.name} any more")

    def _unused(self, pod):
        self.plane.remove(pod)
        self.told.states.pop(pod.address, None)
        if self.lab.account:
            return      # who asks finds that it is gone
        self.lab.events.target_state(self, pod, "unused", target__state_previous="draining",
                                     target__source="describe_target_health")

    def gone(self, pod):
        """The pod has ended: the balancer does not hear of that."""

    def stop(self):
        """The run is over: nothing of its own is left to end."""

    def end(self):
        pass

    def wait_drained(self):
        """Waits until the data plane has heard of every deregistration."""
        for thread in self.drains:
            thread.join()
        self.lab.check()

    def wait_drained_of(self, pod):
        """The same for one pod that is going."""
        wait_for(lambda: "drained" in pod.marks or self.lab.check(), 60, f"the drain of {pod.name}")

    def wait(self):
        """Waits until every deregistration is through."""
        for thread in self.threads:
            thread.join()


def read_log(path, lb_address):
    """The entries of either data plane's log, with times in ns."""
    entries = []
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            if not line.startswith("{"):
                continue  # HAProxy's messages about its servers
            entry = json.loads(line)
            seconds, _, fraction = entry["accept"].partition(".")
            entry["accept_ns"] = int(seconds) * 10**9 + int((fraction + "0" * 9)[:9])
            entry["sent_ns"] = entry["accept_ns"] + (max(entry["Tq"], 0) + max(entry["Tw"], 0)) * 10**6
            entry["end_ns"] = entry["accept_ns"] + max(entry["Ta"], 0) * 10**6
            entry["source_port"] = int(entry["source_port"]) if entry["source_port"].isdigit() else None
            entry["port"] = int(entry["port"]) if entry["port"].isdigit() else None
            if entry["source"] == "-" and entry["source_port"]:
                entry["source"] = lb_address
            entries.append(entry)
    return entries
