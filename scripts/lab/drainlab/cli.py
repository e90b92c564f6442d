# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/lab/run."""

import argparse
import concurrent.futures
import dataclasses
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from scenarios import Run, Scenario, names

from . import capture, clients, drains, ftrace, lab as laboratory, report, truth
from .events import parse_rfc3339
from .proc import LabError
from .settings import Settings
from .signals import Interrupted, raise_interrupted

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
NEEDED = {"ip": "iproute2", "haproxy": "haproxy", "nginx": "nginx", "tcpdump": "tcpdump",
          "nsenter": "util-linux", "unshare": "util-linux", "sysctl": "procps",
          "nft": "nftables", "openssl": "openssl", "clang": "clang"}
MECHANICS = "mechanics: "   # what failed was not what the scenario is about: it shows nothing then
TOLERANCE_NS = 100_000_000  # of the tail, beside its own error


def parser():
    p = argparse.ArgumentParser(
        prog="scripts/lab/run", description="Plays scenarios of pods that go away, and measures drainsnoop by "
        "what the load balancer and its clients saw.", epilog="Exit status: 0 all as it must be, 1 not, "
        "2 usage, 130 interrupted. scripts/lab/README.md tells more.")
    p.add_argument("scenario", nargs="*", help="names of scenarios (--list), or patterns ('drain_*'); NAME-ipv6 is NAME with --ipv6")
    p.add_argument("--all", action="store_true", help="every scenario, IPv4 and IPv6, but those that --list marks with *")
    p.add_argument("--list", action="store_true", help="list the scenarios")
    p.add_argument("--clean", metavar="RUNID|all", help="remove what a run left that could not clean up")
    p.add_argument("--jobs", type=int, default=4, metavar="N",
                   help="so many runs side by side, where several are asked for (default 4)")
    add_options(p)
    return p


def add_options(p):
    """The options of every laboratory."""
    p.add_argument("--json", metavar="FILE", help="write the runs as a JSON array (- is standard output)")
    p.add_argument("--keep", metavar="DIR", help="keep each run's files in DIR/SCENARIO")
    p.add_argument("--drainsnoop", metavar="PATH", default=os.path.join(ROOT, "build/drainsnoop"))
    p.add_argument("--no-tracer", action="store_true", help="the laboratory alone, without drainsnoop")
    p.add_argument("--tracer-arg", action="append", default=[], metavar="ARG", help="one more argument of drainsnoop")
    p.add_argument("-q", "--quiet", action="store_true", help="no progress")
    s = p.add_argument_group("settings (defaults: the scenario's)")
    s.add_argument("--ipv6", action="store_true", default=None)
    numbers = (("pods", int, "replicas, all of which are replaced"), ("rate", float, "requests a second"),
               ("lag", float, "the load balancer goes on sending for so long after the deletion, s"),
               ("prestop", float, "sleep of the preStop hook, s; 0 = none"),
               ("grace", float, "terminationGracePeriodSeconds"), ("delay", float, "deregistration delay, s"),
               ("linger", float, "a sidecar keeps the sandbox for so long after SIGTERM, s"),
               ("tail", float, "clients go on for so long after the last drain, s"),
               ("settle", float, "drainsnoop's --settle, s"),
               ("scale", float, "multiplies lag, preStop, grace, delay, tail and settle, nothing else"))
    for name, kind, text in numbers:
        s.add_argument(f"--{name}", type=kind, metavar="N", help=text)


def settings_for(scenario, args):
    """The scenario's settings with what the command line changes."""
    changes = dict(scenario.settings)
    for field in dataclasses.fields(Settings):
        value = getattr(args, field.name, None)
        if value is not None:
            changes[field.name] = value
    return Settings(**changes)


def check_tail(run):
    """The largest tail that drainsnoop tells, and problems if it is not what the capture shows."""
    tails, problems, gaps = [], [], run.lab.tracer.gaps()
    for pod in run.ended:
        verdict = run.verdict(pod)
        tail = verdict.get("drainsnoop.tail_ms")
        t0, addresses = pod.marks["t0"][0], (pod.address, *pod.others)
        last = truth.last_arrival(run.flows, addresses, t0, pod.port)
        if tail is not None:
            tails.append(tail)
        if not verdict or last is None or run.lab.settings.tail <= 0:
            continue
        if tail is None:
            seen = truth.last_arrival(run.flows, addresses, t0, pod.port, gaps)
            if seen is None or (gaps and "drainsnoop.pod.t0" not in verdict):
                continue    # it began to go, or all of it came, while nobody looked
            problems.append(f"no tail for {pod.name}; it was {(last - t0) / 1e6:.0f} ms")
            continue
        # drainsnoop counts from the floor of T0 to the second, and tells that as its error; a signal it saw itself.
        by_signal = verdict.get("drainsnoop.pod.t0_source") == "sigterm"
        measured = tail * 1e6 + (parse_rfc3339(verdict["drainsnoop.pod.t0"]) if by_signal else t0 // 10**9 * 10**9)
        # A run that ends while the pod goes tells of what came until then, and says that it does.
        cut = verdict.get("drainsnoop.verdict.reason") == "observation_cut"
        unseen = gaps + ([(parse_rfc3339(verdict["time"]), 1 << 63)] if cut else [])
        seen = truth.last_arrival(run.flows, addresses, t0, pod.port, unseen) or last
        reachable = truth.last_arrival(truth.within_reach(run.flows, run.truth), addresses, t0, pod.port) or last
        # What it adds to that error it says of the arrival: up to so much later than told.
        later = (verdict.get("drainsnoop.tail_error_ms", 0) - verdict.get("drainsnoop.pod.t0_error_ms", 0)) * 1e6
        if not any(measured - TOLERANCE_NS <= real <= measured + later + TOLERANCE_NS for real in (last, seen, reachable)):
            problems.append(f"the tail of {pod.name} ends {(measured - last) / 1e6:+.0f} ms beside the last arrival")
    return max(tails, default=None), problems


def outside(lab, requests, ports):
    """What the load balancer's log and the captures say: (entries, flows), both as the pods see them."""
    if lab.settings.target == "instance":
        return lab.group.followed(lab.plane.entries(requests, {}), lab.kubernetes.pods)
    flows = capture.read(lab.capture.path, lab.plane.peers, ports, lab.capture.at_lb)
    return lab.plane.entries(requests, flows), flows


def out_of_reach(lab):
    """For truth.join(): by the kernel's own trace of the run."""
    records = lab.kernel_trace.records
    errors = capture.unreachables(lab.capture.path) if any(record.out_of_reach for record in records) else []
    return lambda failure, flow: ftrace.out_of_reach(failure, flow, records, errors)


def judge(name, scenario, lab, say, traced):
    """Joins, checks, tells. Returns (result, problems)."""
    requests = clients.read_log(lab.clients.path)
    ports = {pod.port for pod in lab.kubernetes.pods}
    entries, flows = outside(lab, requests, ports)
    output = lab.tracer.output()
    drops = [event for event in output if event.get("event.name") == "drainsnoop.drop"]
    pods = [{"uid": pod.uid, "name": pod.name, "address": address, "marks": pod.marks, "elsewhere": pod.place.elsewhere}
            for pod in lab.kubernetes.pods for address in (pod.address, *pod.others)]
    beyond, records = out_of_reach(lab), lab.kernel_trace.records
    joined = truth.join(requests, entries, drops, pods, ports, flows,
                        lambda drop: scenario.indistinguishable(drop) or
                        ftrace.came_about_out_of_reach(drop, flows, records),
                        lab.tracer.gaps(), beyond)
    run = Run(lab, joined, requests, entries, flows, output, beyond)
    problems = lab.problems + [MECHANICS + text for text in scenario.mechanics(run)]
    tail, tail_problems = check_tail(run)
    if traced:
        problems += scenario.must_find(run) + tail_problems
        for verdict in ("unexplained", "wrong_cause"):
            if joined.count(verdict):
                problems.append(f"{joined.count(verdict)} failed requests {verdict}")
        if joined.false_drops:
            problems.append(f"{len(joined.false_drops)} drops behind which nothing was lost")
        lost = next((e.get("drainsnoop.lost.events") for e in reversed(output)
                     if e.get("event.name") == "drainsnoop.stop"), None)
        if lost and lost > scenario.may_lose(run):
            problems.append(f"drainsnoop lost {lost} events")
    tell(say, joined, traced)
    for text in problems:
        say("problem: " + text)
    return report.result(name, lab, joined, output, tail, drains.of_run(run) if traced else []), problems


def tell(say, joined, traced):
    """The first of what is not as it should be."""
    terms = {}
    for failure in joined.failures:
        term = failure.entry["term"] if failure.entry else "none"
        terms[term] = terms.get(term, 0) + 1
    say(f"{joined.requests} requests, {len(joined.failures)} failed "
        + " ".join(f"{term}:{count}" for term, count in sorted(terms.items())))
    shown = ("unobservable",) + (("wrong_cause", "unexplained") if traced else ())
    for verdict in shown:
        for failure in [f for f in joined.failures if f.verdict == verdict][:5]:
            say("  " + report.failure_line(failure))
    for drop in joined.false_drops[:5]:
        say("  false drop: " + report.drop_line(drop))


def choose(name, args, find=Scenario):
    """(scenario, settings) of a run by its name: NAME-ipv6 is NAME with --ipv6."""
    bare = name.removesuffix("-ipv6")
    scenario = find(bare)
    settings = settings_for(scenario, args)
    settings.ipv6 = bool(settings.ipv6 or name != bare)
    return scenario, settings


def play(name, args):
    """One run. Returns (name, result or None, seconds, problems)."""
    return perform(*choose(name, args), args, laboratory.Lab)


def perform(scenario, settings, args, make):
    """One run in a laboratory that make() builds as Lab() does; as play()."""
    name = scenario.name + ("-ipv6" if settings.ipv6 else "")
    say, begin = report.Progress(name, args.quiet), time.monotonic()
    if settings.family not in scenario.families:
        raise LabError(f"{scenario.name} is not for {settings.family}")
    binary = None if args.no_tracer else os.path.abspath(args.drainsnoop)
    outcome, problems = None, []
    with make(settings, say, binary, [*scenario.tracer, *args.tracer_arg]) as lab:
        if args.keep:
            lab.keep(os.path.join(args.keep, name))
        try:
            scenario.play(lab)
            lab.finish()
            outcome, problems = judge(name, scenario, lab, say, bool(binary))
        except LabError as error:
            problems = lab.problems + [str(error)]
            say(f"failed: {error}")
        say("removing everything")
    return name, outcome, time.monotonic() - begin, problems


def again(args):
    """The command line's options that hold for every single run."""
    words = []
    for key, value in vars(args).items():
        option = "--" + key.replace("_", "-")
        if key in ("scenario", "all", "list", "clean", "json", "jobs") or value in (None, False):
            continue
        for item in value if isinstance(value, list) else [value]:
            words.append(option if item is True else f"{option}={item}")
    return words


def play_aside(name, args):
    """The same in a process of its own, for --jobs."""
    begin = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        child = subprocess.Popen([sys.argv[0], name, f"--json={file.name}", *again(args)],
                                 stdout=subprocess.DEVNULL)
        CHILDREN.append(child)
        status = child.wait()
        try:
            runs = json.load(file)
        except json.JSONDecodeError:
            runs = []
    return (name, runs[0] if runs else None, time.monotonic() - begin, [] if status == 0 else [f"exit status {status}"])


CHILDREN = []


def play_all(wanted, args):
    """Every run that is asked for, in order; several side by side with --jobs."""
    if args.jobs <= 1 or len(wanted) == 1:
        return [play(name, args) for name in wanted]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(play_aside, name, args) for name in wanted]
        try:
            return [future.result() for future in futures]
        except Interrupted:
            for future in futures:
                future.cancel()
            for child in CHILDREN:
                if child.poll() is None:
                    child.send_signal(signal.SIGTERM)
            for child in CHILDREN:
                child.wait()
            raise


def clean(which):
    """--clean."""
    found = laboratory.leftovers() if which == "all" else [which]
    for run_id in found:
        laboratory.sweep(run_id)
        print(f"removed run {run_id}")
    if not found:
        print("nothing is left")
    return 0


def expand(args, p):
    """The names of the runs that are asked for."""
    known = names()
    wanted = [name for word in args.scenario for name in fnmatch.filter(known, word) or [word]]
    if args.all:
        for name in known:
            families = () if Scenario(name).by_name else Scenario(name).families
            wanted += [name + ("-ipv6" if family == "ipv6" else "") for family in families]
    for name in wanted:
        if name.removesuffix("-ipv6") not in known:
            p.error(f"unknown scenario {name}; there are {', '.join(known)}")
    if not wanted:
        p.error("which scenario? --list shows them, --all plays all")
    return wanted


def prepare(args, p, needed=()):
    """Errors that need no run to be found. needed: packages that are missing besides."""
    if os.geteuid():
        raise LabError("the laboratory makes network namespaces: run it as root")
    missing = sorted({package for tool, package in NEEDED.items() if not shutil.which(tool)} | set(needed))
    if missing:
        raise LabError(f"missing: {' '.join(missing)}; scripts/deps installs them")
    if not args.no_tracer and not os.access(args.drainsnoop, os.X_OK):
        raise LabError(f"{args.drainsnoop} does not exist; run make, or give --drainsnoop or --no-tracer")
    if args.scale is not None and args.scale <= 0:
        p.error("--scale must be positive")


def write_json(path, runs):
    text = json.dumps([run for _, run, _, _ in runs if run], indent=2) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def guarded(program, body):
    """The exit status of body(), which may raise LabError, or be interrupted."""
    raise_interrupted()
    try:
        return body()
    except LabError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        print(f"{program}: interrupted; everything is removed", file=sys.stderr)
        return 130


def conclude(runs, args):
    """Tells what all runs brought. The exit status."""
    if args.json:
        write_json(args.json, runs)
    if args.json != "-":
        print(report.table(runs, traced=not args.no_tracer))
        widths = drains.table([run for _, run, _, _ in runs if run])
        if widths:
            print("\n" + widths)
    return 0 if all(run and not problems for _, run, _, problems in runs) else 1


def list_scenarios(found):
    for scenario in found:
        name = scenario.name + "*" * scenario.by_name
        print(f"{name:28} {'/'.join(scenario.families):10} {scenario.summary}")
    return 0


def main(argv):
    p = parser()
    args = p.parse_args(argv)
    if args.list:
        return list_scenarios(map(Scenario, names()))

    def body():
        if args.clean:
            return clean(args.clean)
        wanted = expand(args, p)
        prepare(args, p)
        return conclude(play_all(wanted, args), args)
    return guarded("scripts/lab/run", body)
