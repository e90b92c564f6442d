# SPDX-License-Identifier: Apache-2.0
"""The row rst_storm: SYNs to a closed port of a pod, each answered by one RST.

(a) nothing looks on; (b) drainsnoop, from a miss to every RST as a line; (c) a bpftrace one-liner.
"""

import os
import shutil
import statistics
import tempfile

from drainlab.proc import LabError

from . import network, tools

NAME = "rst_storm"
SUMMARY = "SYNs to a closed port of a pod, one RST each"


class Variant:
    """make(folder) gives its tool. An optional one is left out, with a word, where it does not work."""

    def __init__(self, key, text, make, optional=False):
        self.key, self.text, self.make, self.optional = key, text, make, optional


def variants(net, load, binary):
    """In the order of a round."""
    def drainsnoop(*args, watched=network.POD, going=True):
        return lambda folder: tools.Drainsnoop(folder, net, binary, watched, going, args)

    return [
        Variant("nothing", "(a) nothing attached", lambda folder: tools.Nothing()),
        Variant("miss", "(b) drainsnoop, address not watched", drainsnoop(watched=network.OTHER_POD, going=False)),
        Variant("limited", "(b) drainsnoop, pod terminating, 100 lines/s", drainsnoop()),
        Variant("lines", "(b) drainsnoop, pod terminating, every line", drainsnoop("--rate-limit", "0")),
        Variant("bpftrace", "(c) bpftrace, one line an event", lambda folder: tools.Bpftrace(folder, load),
                optional=True),
    ]


def measure(variant, load, seconds, above):
    """One storm under one tool."""
    folder = tempfile.mkdtemp(dir=above)
    tool = variant.make(folder)
    try:
        tool.start()
        cpu = tool.cpu_s()
        storm = load.blow(seconds)
        behind = tool.drain()
        storm |= {"tool_cpu_s": tool.cpu_s() - cpu, "behind_s": behind}
        storm |= tool.stop()
    finally:
        tool.end()
        shutil.rmtree(folder, ignore_errors=True)
    storm["argv"] = [os.path.basename(word) if word.startswith("/") else word for word in tool.argv]
    return derive(storm)


def derive(storm):
    """What is compared: rates, and costs per RST that the kernel counted."""
    resets = storm["resets"]
    storm["per_s"] = resets / (storm["elapsed_ns"] / 1e9)
    storm["kernel_ns"] = storm["cpu_ns"] / resets
    if "seen" in storm:
        storm["tool_ns"] = storm["tool_cpu_s"] * 1e9 / resets
        storm["tool_ns_seen"] = storm["tool_cpu_s"] * 1e9 / storm["seen"] if storm["seen"] else None
        storm["lost"] = 1 - storm["seen"] / resets
    return storm


def median(rounds, key):
    values = [r[key] for r in rounds if r.get(key) is not None]
    return statistics.median(values) if values else None


def ratio(rounds, others, key):
    """Median of the ratios within each round: what a noisy minute does to both falls out."""
    pairs = [(a.get(key), b.get(key)) for a, b in zip(rounds, others)]
    values = [a / b for a, b in pairs if a is not None and b]
    return statistics.median(values) if values else None


def play(net, load, binary, rounds, seconds, folder, say):
    """All rounds; returns the variants and {key: [measurement of each round]}."""
    chosen = variants(net, load, binary)
    results = {variant.key: [] for variant in chosen}
    for number in range(1, rounds + 1):
        for variant in list(chosen):
            try:
                storm = measure(variant, load, seconds, folder)
            except LabError as error:
                if not variant.optional:
                    raise
                chosen.remove(variant)
                del results[variant.key]
                say(f"{variant.text}: not measured: {error}")
                continue
            results[variant.key].append(storm)
            say(f"round {number}/{rounds}  {variant.text}: {storm['per_s']:,.0f} RST/s")
    return chosen, results
