# SPDX-License-Identifier: Apache-2.0
"""What the outside would say of the target group, each in its own form: the load balancer controller's log as
`kubectl logs --timestamps` prints it, CloudTrail's files, a CSV of somebody who polls. They are written in every
run; drainsnoop reads those that settings.told_by names. (`elb`, which it asks itself, is account.py's.)"""

import json
import os
import threading
import time

from .events import rfc3339
from .proc import now_ns

FILES = {"controller_log": "controller.log", "cloudtrail": "cloudtrail.json", "csv": "targets.csv"}
TRAIL_DELAY = 1.0   # CloudTrail is minutes late; the laboratory has no minutes
POLL = 0.5


def whole_second(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ns // 10**9))


class Told:
    def __init__(self, lab, group):
        self.lab, self.group = lab, group
        self.lock = threading.Lock()
        self.states = {}    # address: state, port
        self._append("csv", "time,target,port,state,target_group")
        self.thread = threading.Thread(target=self._poll, daemon=True)
        self.thread.start()

    def _append(self, source, line):
        path = os.path.join(self.lab.folder, FILES[source])
        with self.lock, open(path, "a", encoding="ascii") as file:
            file.write(line + "\n")

    def log(self, word, pod):
        """A line of the controller, at the moment at which it is written."""
        now = now_ns()
        line = {"level": "info", "ts": whole_second(now), "msg": f"{word} targets", "arn": self.group.arn,
                "targets": [{"Id": pod.address, "AvailabilityZone": None, "Port": pod.port,
                             "QuicServerId": None}]}
        self._append("controller_log", f"{rfc3339(now)} {json.dumps(line, separators=(',', ':'))}")

    def trail(self, name, pod, completed):
        """The record of a call, once it is delivered: one file's worth."""
        record = {"eventVersion": "1.11", "eventTime": whole_second(completed),
                  "eventSource": "elasticloadbalancing.amazonaws.com", "eventName": name,
                  "awsRegion": "eu-central-1", "userAgent": "elbv2.k8s.aws/v3", "responseElements": None,
                  "requestParameters": {"targetGroupArn": self.group.arn, "targets": [
                      {"id": pod.address, "port": pod.port}]}}
        threading.Thread(target=self._deliver, args=(record,), daemon=True).start()

    def _deliver(self, record):
        if not self.lab.stopping.wait(TRAIL_DELAY):
            self._append("cloudtrail", json.dumps({"Records": [record]}))

    def _poll(self):
        while not self.lab.stopping.wait(POLL):
            for address, (state, port) in list(self.states.items()):
                at = rfc3339(now_ns())[:-7] + "Z"   # milliseconds
                self._append("csv", f"{at},{address},{port},{state},{self.group.arn}")

    @staticmethod
    def paths(lab):
        """The files that drainsnoop is given; they are there from the start, as it opens them then."""
        found = [os.path.join(lab.folder, FILES[name]) for name in lab.settings.told_by.split(",") if name in FILES]
        for path in found:
            with open(path, "a", encoding="ascii"):
                pass
        return found
