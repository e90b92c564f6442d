# SPDX-License-Identifier: Apache-2.0
"""drainsnoop in the cluster: DaemonSet and Deployment of deploy/manifests with the image that `make image` makes, and
the lines that the agent's containers write, read from the files in which the node's runtime keeps them.

What differs from the manifests are arguments and environment (where a user has values of the chart), and where the
state is kept: security context, ServiceAccounts, rights and probes are what a user gets.
"""

import contextlib
import os
import signal
import threading

from drainlab.events import parse_rfc3339
from drainlab.proc import wait_for
from drainlab.tracer import Printed

from . import metrics
from .api import Watch
from .release import NAMESPACE
from .tail import Container, Copy
from .tokens import Account

NAME, PLACE = "drainsnoop-agent", "/var/lib/drainsnoop"
SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
POLL = 0.05     # s
KILLED = 137    # exit code of who was
TAKES = 10**9   # from the first list of the pods until all of them are watched, ns: it waits to be merged first
PODS = (f"/api/v1/namespaces/{NAMESPACE}/pods"
        "?labelSelector=app.kubernetes.io/component%3Dagent")


def runs_between(output):
    """As Agent.between(), of the lines that were printed. Pure."""
    found, last, ended, began = [], 0, None, 0
    for line in output:
        at = parse_rfc3339(line["time"])
        if line.get("event.name") == "drainsnoop.start" and last:
            ended, began = last, at
        elif ended and "drainsnoop.pod.phase" in line and at > began and not line.get("drainsnoop.restored"):
            found.append((ended, at + TAKES))
            ended = None
        last = max(last, at)
    return found


def starts_after(output):
    """[(end, begin)]: from the last line of each run to the one that begins the next (ns), as drainsnoop has it."""
    found, last = [], 0
    for line in output:
        at = parse_rfc3339(line["time"])
        if line.get("event.name") == "drainsnoop.start" and last:
            found.append((last, at))
        last = max(last, at)
    return found


def within(pod, gaps):
    """Whether a pod began to go and lost its address in one of the gaps."""
    return any(begin < pod.marks["t0"][0] and pod.marks["released"][0] < end for begin, end in gaps)


class Targets:
    """`drainsnoop targets`, which asks the laboratory's AWS with credentials from its environment."""

    def __init__(self, lab):
        self.lab = lab
        lab.release.apply("targets", self._adapt)

    def _adapt(self, _pod, container):
        container["args"].append("--elb-interval=500ms")
        container["env"] += [{"name": name, "value": value}
                             for name, value in self.lab.account.environment().items()]

    def end(self):
        """What it said is in kube/pod-logs."""


class Agent(Printed):
    """As Tracer has it. extra: further arguments of `drainsnoop agent`. token_seconds: for how long the token is
    good with which it begins (0: the kubelet cares for it). priority: its class, the chart's agent.priorityClassName."""

    def __init__(self, lab, extra=(), token_seconds=0, priority=None):
        super().__init__(lab)
        self.plane, self.node = lab.control_plane, lab.node
        self.asked = set()          # UIDs of pods that were asked to end
        self.exits = {}             # (pod's UID, container): exit code
        self.tails = {}             # by path: what is read
        self.starts, self.next, self.killed, self.with_node = 0, 1, False, False
        self.last_looks = []        # called before its end: what can be learned only while it runs
        self.over = threading.Event()
        self.state = os.path.join(self.node.folder, "state") if lab.settings.state else None
        self.arguments = [f"--settle={lab.settings.settle:g}s", "--rate-limit=0",
                          f"--record={PLACE}/recording-$(POD_NAME).jsonl", *extra]
        self.account, self.token_seconds, self.priority = None, token_seconds, priority
        lab.release.apply("agent", self._adapt)
        self.pods = Watch(lab, self.plane.api("admin"), PODS, self._take)
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()
        self._wait_for_start(1)

    def _adapt(self, pod, container):
        container["args"] += self.arguments
        if self.priority:
            pod["priorityClassName"] = self.priority
        if self.state:      # the chart's value state.hostPath
            volume = next(v for v in pod["volumes"] if v["name"] == "state")
            del volume["emptyDir"]
            volume["hostPath"] = {"path": self.state, "type": "DirectoryOrCreate"}
        if self.token_seconds:
            self._own_token(pod, container)

    def _own_token(self, pod, container):
        """What the kubelet mounts at that place otherwise, with a token that expires when it is asked to."""
        self.account = Account(self.plane, NAMESPACE, pod["serviceAccountName"], os.path.join(self.node.folder, "token"))
        self.account.give(self.token_seconds)
        pod["automountServiceAccountToken"] = False
        pod["volumes"].append({"name": "token", "hostPath": {"path": self.account.folder, "type": "Directory"}})
        container["volumeMounts"].append({"name": "token", "mountPath": SECRETS, "readOnly": True})

    # what the API tells of its pods

    def _take(self, _kind, pod):
        uid = pod["metadata"]["uid"]
        if pod["metadata"].get("deletionTimestamp"):
            self.asked.add(uid)
        for status in pod.get("status", {}).get("containerStatuses") or []:
            for state in (status.get("state", {}), status.get("lastState", {})):
                if "terminated" in state:
                    self.exits[uid, state["terminated"].get("containerID")] = state["terminated"]["exitCode"]

    def ended(self):
        wrong = [code for (uid, _), code in dict(self.exits).items() if uid not in self.asked]
        return f"exit code {wrong[0]}" if wrong else None

    # what it writes

    def _wait_for_start(self, number):
        wait_for(lambda: self._read() or self.starts >= number, 60, "the agent's first line")

    def _follow(self):
        try:
            while not self.over.wait(POLL):
                self._step()
        except Exception as error:  # told to the main thread
            self.lab.fail(error)

    def _step(self):
        """Reads what there is: of every container's log, and of every recording."""
        for path in self.node.logs(NAMESPACE, NAME, "agent"):
            self._begin(path, lambda path: Container(path, self.output_path, self.error_path))
        for path in self._recordings():
            self._begin(path, lambda path: Copy(path, self._new_recording))
        for tail in list(self.tails.values()):
            tail.read()

    def _begin(self, path, tail):
        if path not in self.tails:
            with contextlib.suppress(FileNotFoundError):    # it has just gone, with its pod
                self.tails[path] = tail(path)

    def _recordings(self):
        folders = [self.state] if self.state else self.node.volumes("state")
        return [os.path.join(folder, name) for folder in folders if os.path.isdir(folder)
                for name in sorted(os.listdir(folder)) if name.startswith("recording-")]

    def _new_recording(self):
        """Each run of the agent has a recording of its own: the path of its copy."""
        number = f"-{len(self.recordings) + 1}" if self.recordings else ""
        self.recordings.append(os.path.join(self.lab.folder, f"recording{number}.jsonl"))
        return self.recordings[-1]

    def wait_for_group(self, group):
        """And until it knows by which addresses the group's load balancer sends."""
        super().wait_for_group(group)
        wait_for(lambda: self._read() or self._recorded("load_balancer.address"), 60,
                 "drainsnoop to know the load balancer's addresses", 0.1)

    def _recorded(self, name):
        """Whether one of its recordings has such an event."""
        for path in list(self.recordings):
            with open(path, encoding="utf-8") as recording:
                if f'"event.name":"drainsnoop.{name}"' in recording.read():
                    return True
        return False

    def take(self, event):
        super().take(event)
        self.starts += event.get("event.name") == "drainsnoop.start"

    # what is done to it

    def restart(self):
        """What an update of the DaemonSet does: returns when the new pod is at work."""
        number = self.starts + 1
        self.asked.update(dict(self.pods.known))
        self.lab.say("kubectl rollout restart daemonset/" + NAME)
        self.plane.kubectl("-n", NAMESPACE, "rollout", "restart", "daemonset/" + NAME)
        self._wait_for_start(number)
        self.plane.kubectl("-n", NAMESPACE, "rollout", "status", "daemonset/" + NAME, "--timeout=60s", timeout=70)

    def kill(self):
        """kill -9; the kubelet starts its container again."""
        self.killed, self.next = True, self.starts + 1
        for uid, pod in dict(self.pods.known).items():
            for status in pod["status"].get("containerStatuses") or []:
                pid = self.node.init_pid(status.get("containerID", "").rpartition("/")[2])
                if pid:
                    self.asked.add(uid)
                    os.kill(pid, signal.SIGKILL)

    def start_again(self):
        """Waits for that."""
        self._wait_for_start(self.next)

    def ends_with_its_node(self):
        self.with_node = True
        self.asked.update(dict(self.pods.known))

    def between(self):
        """[(end, begin)]: from the last line of each of its runs until the next one has listed the pods (ns)."""
        return runs_between(self.output())

    def told_gaps(self):
        """[(end, begin)] as drainsnoop has it: until the next run begins, and until that observes again (ns)."""
        return starts_after(self.output()) + super().gaps()

    def wait_for_verdicts(self, pods, timeout):
        """Of a pod whose whole end nobody saw, an agent that begins with nothing knows nothing."""
        unseen = [] if self.state or self.killed else self.between()
        super().wait_for_verdicts([pod for pod in pods if not within(pod, unseen)], timeout)

    def gaps(self):
        """What its recordings say, what is between its runs, and all that comes after its end."""
        last = [(parse_rfc3339(line["time"]), 1 << 63) for line in self.output()[-1:]]
        return super().gaps() + self.between() + last

    def _metrics(self):
        """What it counts; kept beside its lines."""
        text = metrics.read(self.lab.network.node)
        with open(os.path.join(self.lab.folder, "metrics.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        return text

    def stop(self):
        """The DaemonSet is deleted; what its pod wrote to the last line is read."""
        self._read()
        for look in self.last_looks:
            look()
        self.asked.update(dict(self.pods.known))
        counted = self._metrics() if self.starts == 1 and not self.with_node else None
        self.plane.kubectl("-n", NAMESPACE, "delete", "daemonset/" + NAME, "--wait", timeout=90)
        wait_for(lambda: not self.pods.known or self.lab.check(), 60, "the end of the agent's pod")
        self.end()
        self._step()
        self._read()
        last = self.output()[-1]
        if last.get("event.name") != "drainsnoop.stop":
            self.lab.problem("the agent's last line is not drainsnoop.stop")
        for problem in metrics.problems(counted, last) if counted is not None else ():
            self.lab.problem(problem)
        bad = sorted(set(self.exits.values()) - ({0, KILLED} if self.killed else {0}))
        if bad:
            self.lab.problem(f"the agent ended with exit code {bad}: {self._errors()}")

    def end(self):
        self.over.set()
        self.thread.join(5)
