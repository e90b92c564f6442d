# SPDX-License-Identifier: Apache-2.0
"""tcpdump, from the moment at which it captures to the one at which its file is whole."""

import signal

from .proc import LabError, Tool, in_netns, wait_for


class Tcpdump:
    """Started when it has said that it listens. `arguments`: which packets, of what, into which file."""

    def __init__(self, lab, netns, err, arguments):
        self.err = err
        command = ["tcpdump", "-n", "-U", "-B", "16384", "-s", "160", "-Z", "root", *arguments]
        with open(err, "wb") as file:
            self.tool = Tool(lab.cgroup.tools, in_netns(netns, command), stderr=file)
        wait_for(self._started, 20, "tcpdump")

    def _started(self):
        with open(self.err, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if not self.tool.running():
            raise LabError("tcpdump ended: " + text.strip())
        return "listening on" in text

    def stop(self):
        self.tool.signal(signal.SIGINT)
        if self.tool.wait(20) is None:
            raise LabError("tcpdump does not end")

    def end(self):
        self.tool.end()
