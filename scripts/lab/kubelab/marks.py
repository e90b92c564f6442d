# SPDX-License-Identifier: Apache-2.0
"""When what happened to a pod, read from the logs of those who did it. Pure: texts in, moments out (ns).

    API server's audit log   when it was asked to delete the pod (T0)
    containerd's log         when a container got which signal
    CNI plugin's log         when the pod's rule, route and link went
"""

import json
import re

from drainlab.events import parse_rfc3339

SIGNAL = re.compile(r'^time="([^"]+)" .*msg="(Stop|Kill) container \\"([0-9a-f]{64})\\"')
WHAT = {"Stop": "sigterm", "Kill": "sigkill"}


def deletions(audit_log):
    """{pod's name: (asked, answered)}: the first request to delete or evict each pod that was granted."""
    found = {}
    for line in audit_log.splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:    # the last line of a server that was killed
            continue
        name = entry.get("objectRef", {}).get("name")
        if name and entry.get("responseStatus", {}).get("code", 0) < 300:
            found.setdefault(name, (parse_rfc3339(entry["requestReceivedTimestamp"]),
                                    parse_rfc3339(entry["stageTimestamp"])))
    return found


def signals(containerd_log):
    """{container: {"sigterm" or "sigkill": when}}, the first of each."""
    found = {}
    for line in containerd_log.splitlines():
        match = SIGNAL.match(line)
        if match:
            at, word, container = match.groups()
            found.setdefault(container, {}).setdefault(WHAT[word], parse_rfc3339(at))
    return found


def releases(cni_log):
    """{(namespace, pod's name): {step: (before, after)}} of the addresses that were taken away."""
    found = {}
    for line in cni_log.splitlines():
        entry = json.loads(line)
        if entry["command"] == "DEL":
            found[entry["namespace"], entry["pod"]] = {what: (begin, end) for what, begin, end in entry["steps"]}
    return found


def of(pod, asked, signalled, released):
    """{mark: (before, after)} of one pod, from what the three above found."""
    marks = {}
    if pod.name in asked:
        before, after = asked[pod.name]
        # The stamp of a deletion is of a moment in between, rounded down. That of a status is of the end.
        stamp = 0 if pod.undeleted else pod.t0
        marks["t0"] = max(before, stamp), max(after, stamp)
    for what in ("sigterm", "sigkill"):
        moments = [signalled[c][what] for c in pod.exits if what in signalled.get(c, {})]
        if moments:
            marks[what] = min(moments), min(moments)
    ends = marks.get("sigterm") or marks.get("sigkill")     # nginx obeys SIGTERM
    if ends:
        marks["end_signal"] = ends
    steps = released.get((pod.namespace, pod.name), {})
    marks.update({what: moments for what, moments in steps.items() if what != "link"})
    if steps:
        marks["released"] = min(b for b, _ in steps.values()), max(a for _, a in steps.values())
    return marks


def missing(pod, deregistered=True):
    """What no log told of a pod that has ended. deregistered: whether it was a target."""
    wanted = ["t0", "sigterm", "exited", "released"] + ["deregistered"] * deregistered
    return [f"no log tells the moment of {what} of {pod.name}" for what in wanted if what not in pod.marks]
