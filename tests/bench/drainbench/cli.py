# SPDX-License-Identifier: Apache-2.0
"""The command line of tests/bench/run."""

import argparse
import json
import os
import platform
import shlex
import shutil
import sys
import tempfile
import time

from drainlab.proc import LabError, run
from drainlab.signals import Interrupted, raise_interrupted

from . import network, report, rst_storm, tools
from .storm import Storm, compile_storm

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(TOP, "build")
NEEDED = ("ip", "nsenter", "unshare", "setpriv", "taskset", "gcc")
FOLDER = "drainbench-"      # of temporary files; the pid follows


def parser():
    p = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__.splitlines()[0] + " "
                                "Measures, prints ratios, asserts no times. See tests/bench/README.md.")
    p.add_argument("--seconds", type=float, default=3.0, metavar="N", help="length of each storm (default 3)")
    p.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of all variants in turn (default 3)")
    p.add_argument("--rate", type=int, default=0, metavar="N", help="SYNs a second (default 0: as fast as one CPU goes)")
    p.add_argument("--tuples", type=int, default=65536, metavar="N",
                   help="distinct connections, used in turn (default 65536; drainsnoop keeps 131072)")
    p.add_argument("--quick", action="store_true", help="one short round: only whether it runs and numbers are positive")
    p.add_argument("--json", metavar="FILE", help="also write everything that was measured")
    p.add_argument("--drainsnoop", default=os.path.join(BUILD, "drainsnoop"), metavar="FILE",
                   help="what to measure (default build/drainsnoop)")
    return p


def prepare(args, p):
    if args.quick:
        args.seconds, args.rounds = min(args.seconds, 0.5), 1
    if not 0 < args.seconds <= 30 or args.rounds < 1 or args.rate < 0 or not 0 < args.tuples <= 1 << 22:
        p.error("--seconds is up to 30, --rounds 1 or more, --tuples up to 4194304")
    if os.geteuid():
        raise LabError("the bench makes network namespaces: run it as root")
    missing = [tool for tool in NEEDED if not shutil.which(tool)]
    if missing:
        raise LabError(f"missing: {' '.join(missing)}; scripts/deps installs them")
    if not os.access(args.drainsnoop, os.X_OK):
        raise LabError(f"{args.drainsnoop} does not exist; run make, or give --drainsnoop")


def sweep():
    """Removes what killed runs have left."""
    network.sweep()
    for name in os.listdir(tempfile.gettempdir()):
        pid = name.removeprefix(FOLDER).partition("-")[0]
        if name.startswith(FOLDER) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


def play(args, say):
    sweep()
    net = network.Network()
    folder = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-")
    try:
        # A build meanwhile must not change what is measured.
        binary = shutil.copy(args.drainsnoop, os.path.join(folder, "drainsnoop"))
        net.build()
        load = Storm(compile_storm(BUILD), net, args.tuples, args.rate)
        load.blow(0.2)
        return rst_storm.play(net, load, binary, args.rounds, args.seconds, folder, say)
    finally:
        net.remove()
        shutil.rmtree(folder, ignore_errors=True)


def check(variants, results):
    """--quick: what must hold wherever it runs."""
    wrong = []
    for v in variants:
        for r in results[v.key]:
            if not (r["resets"] > 0 and r["per_s"] > 0 and r["kernel_ns"] > 0):
                wrong.append(f"{v.key}: no RSTs")
            if v.key not in ("nothing", "miss") and not r["seen"] > 0:
                wrong.append(f"{v.key}: no event was seen")
            if v.key == "miss" and r["seen"]:
                wrong.append("miss: events of an address that is not watched")
    return wrong


def facts(args):
    return {"command": shlex.join(["tests/bench/run", *sys.argv[1:]]), "kernel": platform.release(),
            "machine": platform.machine(), "cpus": os.cpu_count(), "seconds": args.seconds, "rounds": args.rounds,
            "tuples": args.tuples, "rate": args.rate, "bpftrace": tools.Bpftrace.version(),
            "load_average": os.getloadavg()[0], "other_programs": other_programs()}


def other_programs():
    """How many BPF programs of others trace this machine: they see the storm too, in every variant."""
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    try:
        programs = json.loads(run([bpftool, "-j", "prog", "show"]))
    except (LabError, OSError, ValueError):
        return None     # not known
    return sum(p.get("type") in ("raw_tracepoint", "tracing", "tracepoint", "kprobe") for p in programs)


def main(argv):
    p = parser()
    args = p.parse_args(argv)

    raise_interrupted()
    begin = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - begin:5.1f} s] {text}", file=sys.stderr, flush=True)

    try:
        prepare(args, p)
        known = facts(args)
        variants, results = play(args, say)
    except LabError as error:
        print(f"tests/bench/run: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        print("tests/bench/run: interrupted; everything is removed", file=sys.stderr)
        return 130
    print(f"{rst_storm.NAME}: {rst_storm.SUMMARY}; medians of {args.rounds} interleaved rounds of {args.seconds:g} s\n"
          f"{known['kernel']}, {known['cpus']} CPUs, load on one of them, {known['bpftrace'] or 'no bpftrace'}\n"
          f"load average before {known['load_average']:.2f}, tracing programs of others {known['other_programs']}\n"
          f"$ {known['command']}\n")
    print(report.table(variants, results))
    print("\n" + "\n".join(report.compare(results)))
    wrong = check(variants, results) if args.quick else []
    if args.json:
        try:
            with open(args.json, "w", encoding="utf-8") as file:
                json.dump([report.as_json(rst_storm.NAME, variants, results, known)], file, indent=2)
                file.write("\n")
        except OSError as error:
            wrong.append(str(error))
    for text in wrong:
        print(f"tests/bench/run: {text}", file=sys.stderr)
    return 1 if wrong else 0
