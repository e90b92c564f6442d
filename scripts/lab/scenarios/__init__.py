# SPDX-License-Identifier: Apache-2.0
"""The scenarios: one module each, with

    SUMMARY     one line
    SETTINGS    what differs from settings.Settings
    FAMILIES    ("ipv4", "ipv6") unless it says otherwise
    play(lab)   the script; rolling() unless it says otherwise
    TRACER      options that drainsnoop needs for it
    mechanics(run)  problems if what failed did not fail by the mechanism that is meant
    must_find(run)  problems with what drainsnoop found, beyond recall and precision
    BY_NAME     True: not part of --all
    may_lose(run)   how many events drainsnoop may say it lost; none unless it says otherwise
    indistinguishable(drop) True for a drop without a failed request that may be a health check's
"""

import importlib
import math
import pkgutil

from drainlab import drains, truth

FAMILIES = ("ipv4", "ipv6")


def rolling(lab):
    """Pods, requests, a rolling update of all of them."""
    for _ in range(lab.settings.pods):
        lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.rollout()


def roll_in_turn(lab, times):
    """One pod replaced after the other, each rollout judged before the next. Returns the last, which stays."""
    pod = lab.kubernetes.create()
    lab.start_clients()
    for _ in range(times):
        new = lab.kubernetes.create()
        lab.kubernetes.delete(pod)
        lab.kubernetes.wait()
        lab.tracer.wait_for_verdicts([pod], 2 * lab.settings.delay + lab.settings.settle + 15)
        pod = new
    return pod


def three_listeners(lab):
    """Two pods and their clients; the first pod, which is returned, listens three times on its port."""
    first, _ = (lab.kubernetes.create() for _ in range(2))
    for _ in range(2):
        first.tell("listen 32")
    lab.start_clients()
    return first


class Scenario:
    def __init__(self, name, package=__name__):
        module = importlib.import_module(f"{package}.{name}")
        self.name = name
        self.summary = module.SUMMARY
        self.settings = getattr(module, "SETTINGS", {})
        self.families = getattr(module, "FAMILIES", FAMILIES)
        self.tracer = getattr(module, "TRACER", ())
        self.play = getattr(module, "play", rolling)
        self.mechanics = getattr(module, "mechanics", lambda run: [])
        self.must_find = getattr(module, "must_find", lambda run: [])
        self.by_name = getattr(module, "BY_NAME", False)
        # Of the real cluster's (kubelab/scenarios).
        self.pods_by = getattr(module, "PODS_BY", None)
        self.agent = getattr(module, "AGENT", None)
        self.agent_how = getattr(module, "AGENT_HOW", {})
        self.may_lose = getattr(module, "may_lose", lambda run: 0)
        self.indistinguishable = getattr(module, "indistinguishable", lambda drop: False)


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


class Run:
    """What a run brought, for the scenarios' checks."""

    def __init__(self, lab, truth, requests, entries, flows, output, out_of_reach):
        self.lab, self.truth, self.requests, self.entries = lab, truth, requests, entries
        self.flows, self.output, self.out_of_reach = flows, output, out_of_reach
        self.pods = lab.kubernetes.pods
        self.ended = [pod for pod in self.pods if "t0" in pod.marks and not pod.place.elsewhere]

    def failures(self, term="", fastest=0, slowest=1 << 62):
        """Failed requests whose termination state begins so and that took that long (ms)."""
        return [f for f in self.truth.failures if f.entry and f.entry["term"].startswith(term)
                and fastest <= f.entry["Ta"] <= slowest]

    def by_cause(self, cause):
        return [d for d in self.truth.drops if d.get("drainsnoop.drop.cause") == cause]

    def outcomes(self):
        """Outcomes of the drops after the address was released. Without those of packets that came in where drainsnoop
        could see it, and died where nothing could (drainlab/ftrace.py): they are `silent`."""
        untold = [f.drop for f in self.truth.failures if f.drop and f.drop.get("drainsnoop.drop.outcome") == "silent"
                  and self.flow(f) and self.out_of_reach(f, self.flow(f))]
        return {d.get("drainsnoop.drop.outcome") for d in self.by_cause("address_released") if d not in untold}

    def verdict(self, pod):
        """The pod's last verdict, or {}."""
        return next((e for e in reversed(self.output) if e.get("event.name") == "drainsnoop.pod.verdict"
                     and e.get("k8s.pod.uid") == pod.uid), {})

    def flow(self, failure):
        return self.flows.get(truth.way_of(failure.entry))

    def sent_to(self, pod):
        """The packets of the load balancer to that pod."""
        return [p for way, flow in self.flows.items() if way.address == pod.address for p in flow.packets if p.to_pod]


def advice(run, code):
    """The lines of advice under that code."""
    return [e for e in run.output if e.get("event.name") == "drainsnoop.advice"
            and e.get("drainsnoop.advice.code") == code]


def advised(run, code):
    """The number that is suggested under that code, as the last line says it; None without one."""
    lines = advice(run, code)
    return int(lines[-1]["drainsnoop.advice.suggested"]) if lines else None


def advises(run, code, **keys):
    """Problems unless the code is advised, and its last line has in each of these keys what is given."""
    lines = advice(run, code)
    if not lines:
        return [f"{code} is not advised"]
    has = {key: str(lines[-1].get("drainsnoop.advice." + key)) for key in keys}
    return [f"{code}: {key} is {has[key]!r}, not {want!r}" for key, want in keys.items() if want not in has[key]]


def advises_only(run, *codes):
    """Problems for every other code that is advised."""
    other = {e["drainsnoop.advice.code"] for e in run.output if e.get("event.name") == "drainsnoop.advice"}
    return [f"{code} is advised" for code in sorted(other - set(codes))]


def prestop_of_capture(run, pods, interval=0):
    """The preStop values (s) that DESIGN section 8 gives for the last arrivals in the capture, within
    the tolerance that the tail has. The interval is that of checks which share the traffic's port."""
    tails = []
    for pod in pods:
        t0 = pod.marks["t0"][0]
        last = truth.last_arrival(run.flows, (pod.address, *pod.others), t0)
        tails += [(last - t0 // 10**9 * 10**9) / 1e9] if last else []
    top = max(tails, default=0.0)
    return {math.ceil(tail + 1.0 + interval + max(1.0, tail / 10)) for tail in (top - 0.1, top, top + 0.1)}


def same_advice(run, interval=0):
    """Problems if the preStop that is advised is not what the capture of the balancer's traffic says."""
    right, said = prestop_of_capture(run, run.ended, interval), advised(run, "raise_prestop")
    return [] if said in right else [f"preStop {said} is advised, by the capture it is one of {sorted(right)}"]


def not_blamed(run):
    """Problems if another hook or grace period is asked for: the pods went by no doing of their workload."""
    return [f"{code} is advised" for code in ("raise_prestop", "raise_grace") if advice(run, code)]


def no_verdict_but(run, code):
    """Problems for pods whose verdict is another."""
    return [f"the verdict on {pod.name} is {run.verdict(pod).get('drainsnoop.verdict.code')}"
            for pod in run.ended if run.verdict(pod).get("drainsnoop.verdict.code") != code]


def counted_apart(run, what):
    """How often the verdicts count something as `what`, which is no drop."""
    return sum(run.verdict(pod).get("drainsnoop.not_drops." + what, 0) for pod in run.ended)


def counted_in_all(run, what):
    """The same of the whole run, with what was still open when the verdicts were written."""
    return sum(e.get("drainsnoop.not_drops." + what, 0) for e in run.output
               if e.get("event.name") == "drainsnoop.stop")


def failed_checks(run):
    """The health checks of the first pod that went which it did not answer well."""
    return [c for c in run.lab.plane.checker.log() if c["name"] == run.ended[0].name and c["result"] != "ok"]


def failed_checks_after_drain(run):
    drained = run.ended[0].marks["drained"][1]
    return [c for c in failed_checks(run) if c["at"] > drained]


def checks_are_apart(run):
    """Problems unless as many checks as failed are counted apart."""
    return at_least(len(failed_checks(run)), ["x"] * counted_in_all(run, "health_check"), "failed checks counted apart")


def outcomes_are(run, *allowed):
    """Problems where drops after the release have other outcomes than these; the first is what is meant."""
    outcomes = run.outcomes()
    enough = outcomes or untold(run, "address_released")
    return [] if enough and outcomes <= set(allowed) else [f"outcomes {outcomes}, expected {allowed[0]}"]


def milestones(run, pod, phase):
    """The lines that tell that the pod entered the phase."""
    return [e for e in run.output if e.get("event.name") == "drainsnoop.pod.phase"
            and e.get("k8s.pod.uid") == pod.uid and e["drainsnoop.pod.phase"] == phase]


def phases(run, pod):
    """The pod's phases in the order in which they were told."""
    return [e["drainsnoop.pod.phase"] for e in run.output
            if e.get("event.name") == "drainsnoop.pod.phase" and e.get("k8s.pod.uid") == pod.uid]


def at_least(number, found, what):
    """A problem if there are fewer."""
    return [] if len(found) >= number else [f"{len(found)} {what}, expected {number} or more"]


def untold(run, cause):
    """How many requests would have been drops of that cause, had they not died where nothing could see it."""
    return sum(f.out_of_reach and cause in f.expected for f in run.truth.failures)


def found(run, cause, number=1):
    return at_least(number - untold(run, cause), run.by_cause(cause), f"drops {cause}")


def ports_of(drops):
    """The pods' ends: of what a pod sent itself (the reset of a connection nobody had accepted) the source's."""
    return {d["source.port" if d["network.io.direction"] == "transmit" else "destination.port"] for d in drops}


ROLLOUT_CAUSES = ("listener_closed", "address_released", "address_reused", "aborted_in_flight",
                  "late_request", "closed_by_load_balancer")


def no_rollout_cause(run):
    """Problems if something is blamed on the rollout."""
    return [f"{len(run.by_cause(cause))} drops {cause}: blamed on the rollout"
            for cause in ROLLOUT_CAUSES if run.by_cause(cause)]


def drain_is_inside(run, source, widest):
    """Problems where the true moment of the deregister call is not inside a verdict's drain interval, where the
    interval is wider than that (s), or where its upper bound comes from another source."""
    problems = []
    for drain in drains.of_run(run):
        if drain["inside"] is None:
            problems.append(f"the drain of {drain['pod']} has no interval")
            continue
        if not drain["inside"]:
            problems.append(f"{drain['pod']} was deregistered {drain['early_ms'] / 1e3:.3f} s after the interval's begin, "
                            f"{drain['late_ms'] / 1e3:.3f} s before its end")
        if drain["width_ms"] > widest * 1000:
            problems.append(f"the interval of {drain['pod']} is {drain['width_ms'] / 1e3:.3f} s wide")
        if source and drain["not_after_source"] != source:
            problems.append(f"the upper bound of {drain['pod']} is {drain['not_after_source']}'s")
        if drain["conflict"]:
            problems.append(f"the sources of {drain['pod']} contradict each other")
    return problems
