# SPDX-License-Identifier: Apache-2.0
"""Runs drainsnoop in the node's namespace, follows what it prints, ends it."""

import json
import os
import signal
import threading
import time

from .events import parse_rfc3339
from .proc import LabError, Tool, in_netns, wait_for
from .told import Told


class Printed:
    """What drainsnoop prints, wherever it runs: a file of lines that grows, of all its runs one after the other."""

    def __init__(self, lab):
        self.lab = lab
        self.output_path = os.path.join(lab.folder, "output.jsonl")
        self.error_path = os.path.join(lab.folder, "drainsnoop.err")
        self.seen = set()       # (event.name, uid)
        self.names = set()
        self.going = set()      # UIDs of pods that it was told to go, addresses of targets that drain
        self.groups = set()     # ARNs of target groups that it was told of
        self.offset = 0
        self.lock = threading.Lock()
        self.recordings = []

    def ended(self):
        """None as long as it runs, else how it ended."""
        raise NotImplementedError

    def ends_with_its_node(self):
        """Where it runs on the node that is about to shut down, it may end with it."""

    def gaps(self):
        """[(not before, not after)]: what drainsnoop itself says that it did not observe."""
        found = []
        for path in self.recordings:
            with open(path, encoding="utf-8") as recording:
                for line in recording:
                    if '"drainsnoop.loss"' in line and '"restart"' in line and line.endswith("\n"):
                        event = json.loads(line)
                        if not event.get("drainsnoop.restored"):
                            found.append((parse_rfc3339(event["drainsnoop.not_before"]),
                                          parse_rfc3339(event["drainsnoop.not_after"])))
        return found

    def _errors(self):
        if not os.path.exists(self.error_path):
            return ""
        with open(self.error_path, encoding="utf-8", errors="replace") as err:
            return err.read().strip()

    def take(self, event):
        """One more line."""
        self.names.add(event.get("event.name"))
        self.seen.add((event.get("event.name"), event.get("k8s.pod.uid")))
        if event.get("drainsnoop.pod.phase") == "terminating":
            self.going.add(event.get("k8s.pod.uid"))
        if event.get("event.name") == "drainsnoop.target.state":
            self.groups.add(event.get("drainsnoop.target_group.arn"))
            if event.get("drainsnoop.target.state") == "draining":
                self.going.add(event.get("drainsnoop.target.id"))

    def _read(self):
        """Reads what has been printed since; LabError if drainsnoop has ended."""
        with self.lock, open(self.output_path, "ab+") as out:
            out.seek(self.offset)
            data = out.read()
            data = data[:data.rfind(b"\n") + 1]
            self.offset += len(data)
            for line in data.splitlines():
                self.take(json.loads(line))
        how = self.ended()
        if how:
            raise LabError(f"drainsnoop ended by itself, {how}: {self._errors()}")

    def wait_for_pod(self, pod):
        """Waits until drainsnoop has taken notice of the pod: it passes pod.state on."""
        wanted = {("drainsnoop.pod.state", pod.uid), ("drainsnoop.pod.phase", pod.uid)}
        try:
            wait_for(lambda: self._read() or wanted & self.seen, 10, f"drainsnoop to know {pod.name}")
        except LabError as error:
            if self.ended():
                raise
            self.lab.problem(str(error))

    def wait_for_going(self, pods):
        """Waits until drainsnoop knows that each of the pods goes, and its target."""
        wanted = {key for pod in pods for key in (pod.uid, pod.address)}
        wait_for(lambda: self._read() or wanted <= self.going, 20, "drainsnoop to know who goes")

    def wait_for_group(self, group):
        """Waits until drainsnoop knows of a target of the group."""
        wait_for(lambda: self._read() or group.arn in self.groups, 60, f"drainsnoop to know the group {group.name}")

    def wait_for_verdicts(self, pods, timeout):
        """Waits until each of the pods has its verdict."""
        wanted = {("drainsnoop.pod.verdict", pod.uid) for pod in pods}
        try:
            wait_for(lambda: self._read() or wanted <= self.seen, timeout, "drainsnoop's verdicts", 0.1)
        except LabError as error:
            if self.ended():
                raise
            self.lab.problem(str(error))

    def output(self):
        """Every line that it printed."""
        with open(self.output_path, encoding="utf-8") as out:
            return [json.loads(line) for line in out]


class Tracer(Printed):
    """drainsnoop as a process in the node's namespace."""

    def __init__(self, lab, binary, extra=()):
        super().__init__(lab)
        folder = lab.folder
        self.argv = [binary, "trace", "-o", "json", "--events", os.path.join(folder, "events.jsonl"),
                     "--settle", f"{lab.settings.settle:g}s", "--rate-limit", "0", *extra]
        for path in Told.paths(lab):
            self.argv += ["--targets", path, "--follow"]
        if lab.account:
            self.argv += lab.account.options
        if lab.settings.state:
            self.argv += ["--state", os.path.join(folder, "state")]
        self._start()

    def _start(self):
        """A run; its output follows that of the run before, its recording is a file of its own."""
        number = f"-{len(self.recordings) + 1}" if self.recordings else ""
        self.recordings.append(os.path.join(self.lab.folder, f"recording{number}.jsonl"))
        self.names.discard("drainsnoop.start")
        argv = [*self.argv, "--record", self.recordings[-1]]
        with open(self.output_path, "ab") as out, open(self.error_path, "ab") as err:
            self.tool = Tool(self.lab.cgroup.tools, in_netns(self.lab.network.node, argv), stdout=out, stderr=err,
                             more=self.lab.account and self.lab.account.environment())
        wait_for(lambda: self._read() or "drainsnoop.start" in self.names, 60, "drainsnoop's first line")

    def ended(self):
        return None if self.tool.running() else f"status {self.tool.process.returncode}"

    def kill(self):
        """kill -9, in the middle of whatever it does."""
        self._read()
        self.tool.signal(signal.SIGKILL)
        self.tool.wait(30)
        with open(self.output_path, "rb+") as out:  # a line is one write: this cuts nothing, as a rule
            out.truncate(out.read().rfind(b"\n") + 1)

    def start_again(self):
        self._start()

    def stop(self):
        """Ctrl-C, and its end."""
        self._read()
        self.tool.signal(signal.SIGINT)
        status = self.tool.wait(30)
        if status is None:
            self.tool.signal(signal.SIGKILL)
            raise LabError("drainsnoop does not end on Ctrl-C")
        if status:
            self.lab.problem(f"drainsnoop ended with status {status}: {self._errors()}")
        last = self.output()[-1]
        if last.get("event.name") != "drainsnoop.stop":
            self.lab.problem("drainsnoop's last line is not drainsnoop.stop")

    def end(self):
        self.tool.end()


class NoTracer:
    """In its place with --no-tracer: the laboratory alone."""

    def ends_with_its_node(self):
        pass

    def wait_for_pod(self, pod):
        time.sleep(0)

    def kill(self):
        pass

    def start_again(self):
        pass

    def gaps(self):
        return []

    def wait_for_going(self, pods):
        pass

    def wait_for_group(self, group):
        pass

    def wait_for_verdicts(self, pods, timeout):
        pass

    def stop(self):
        pass

    def output(self):
        return []

    def end(self):
        pass
