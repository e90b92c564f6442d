# SPDX-License-Identifier: Apache-2.0
"""What a person types during a rollout: `kubectl drainsnoop`, and the lines of docs/kubectl.md for a node without agent."""

import json
import os
import re
import stat
import subprocess

from drainlab.cli import ROOT
from drainlab.proc import LabError, wait_for

from . import rolling
from .rollout import FAMILIES, SETTINGS, mechanics

SUMMARY = "kubectl drainsnoop and kubectl debug on a real node: the plugin's lines are the agent's, doctor finds no fault"
AGENT = "daemonset"
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def wrapper(lab):
    """A kubectl for the plugin, in the node's network namespace and with the administrator's rights."""
    path = os.path.join(lab.folder, "kubectl")
    plane = lab.control_plane
    with open(path, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec nsenter --net={plane.netns.path} {plane.assets}/kubectl --kubeconfig {plane.admin} '
                   f'--cache-dir {plane.folder}/kubectl "$@"\n')
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def plugin(lab, *args):
    """The lines that it prints."""
    done = subprocess.run([os.path.join(ROOT, "deploy/kubectl/kubectl-drainsnoop"), "-o", "json", *args], check=False,
                          env=os.environ | {"KUBECTL": wrapper(lab)}, capture_output=True, text=True, timeout=120)
    if done.returncode or done.stderr:
        raise LabError(f"kubectl drainsnoop: status {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def doctor(lab):
    """What the page's pod with BPF and PERFMON alone finds."""
    with open(os.path.join(ROOT, "docs/kubectl.md"), encoding="utf-8") as page:
        line, = (line for line in page if line.startswith("kubectl debug") and "--custom" in line)
    args = line.replace("NODE", lab.node.name).replace(" -it ", " ").split()[1:] + ["-o", "json"]
    args = [re.sub(r"^--custom=", f"--custom={ROOT}/", arg) for arg in args]
    args = [re.sub(r"^--image=.*", f"--image={lab.release.image}", arg) for arg in args]
    said = lab.control_plane.kubectl(*args)
    name, = re.findall(r"node-debugger-\S+", said)

    def ended():
        pod = json.loads(lab.control_plane.kubectl("get", "pod", name, "-o", "json"))
        return pod["status"].get("phase") in ("Succeeded", "Failed")
    wait_for(ended, 60, "doctor to end", 0.5)
    return json.loads(lab.control_plane.kubectl("logs", name))


def play(lab):
    rolling(lab)
    lab.doctor = doctor(lab)
    lab.plugin = plugin(lab, "--since", "1h", "-d", "0", "-l", "app=web")


def must_find(run):
    problems, checks = [], {check["check"]: check for check in run.lab.doctor["checks"]}
    for name in ("kernel", "privileges", "probes", "data-plane"):
        if checks[name]["status"] not in ("ok", "warn"):
            problems.append(f"doctor says {checks[name]['status']} of {name}: {checks[name]['text']}")
    if checks["privileges"]["facts"].get("cap_sys_admin") is not False or not checks["privileges"]["facts"].get("seccomp"):
        problems.append(f"doctor had more rights than meant: {checks['privileges']}")
    key = ("drainsnoop.run.id", "drainsnoop.seq")
    shown = [tuple(line[k] for k in key) for line in run.lab.plugin]
    pods = {pod.name for pod in run.ended}
    drops = {tuple(line[k] for k in key) for line in run.output
             if line["event.name"] == "drainsnoop.drop" and line.get("k8s.pod.name") in pods}
    if len(set(shown)) != len(shown):
        problems.append("kubectl drainsnoop told a line twice")
    if not drops or not drops & set(shown):
        problems.append("kubectl drainsnoop told none of the drops")
    missed = {line for line in drops - set(shown)
              if line[1] < max((seq for run_id, seq in shown if run_id == line[0]), default=0)}
    if missed:
        problems.append(f"kubectl drainsnoop left out {len(missed)} drops")
    return problems
