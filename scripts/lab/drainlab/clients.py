# SPDX-License-Identifier: Apache-2.0
"""The clients behind the load balancer, and their log."""

import json
import os
import subprocess

from .loadbalancer import FRONT_PORT
from .proc import LabError, Tool, in_netns, program

MOST_REQUESTS, MOST_SECONDS = 100_000, 600


class Clients:
    """Requests of one kind. All kinds of a run share the log; each has ids of its own."""

    def __init__(self, lab, number=0, netns=None, address=None, port=FRONT_PORT, rate=None):
        self.path = os.path.join(lab.folder, "clients.jsonl")
        with open(os.path.join(lab.folder, "clients.err"), "ab") as err:
            self.tool = Tool(lab.cgroup.tools, in_netns(netns or lab.network.client, program(
                "client", address or lab.network.plan.front, port, rate or lab.settings.rate, MOST_REQUESTS,
                MOST_SECONDS, f"{lab.run_id}-{number}" if number else lab.run_id, self.path,
                lab.settings.kept)),
                stdin=subprocess.PIPE, stderr=err)

    def burst(self, count, path):
        """That many requests at once, beside the loop."""
        self.tool.tell(f"burst {count} {path}")

    def served(self):
        """How many requests have ended."""
        try:
            with open(self.path, "rb") as log:
                return log.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def answering(self):
        """The pod that answered last."""
        return read_log(self.path)[-1]["pod"]

    def stop(self, stopping):
        """No new request; waits for those under way."""
        self.tool.tell("stop")
        for _ in range(600):
            if self.tool.wait(0.1) is not None:
                break
            if stopping.is_set():
                return
        else:
            raise LabError("the clients do not end")
        if self.tool.process.returncode:
            raise LabError("the clients failed, see clients.err")

    def end(self):
        self.tool.end()


def read_log(path):
    """Every request that ended."""
    with open(path, encoding="utf-8") as log:
        return [json.loads(line) for line in log]
