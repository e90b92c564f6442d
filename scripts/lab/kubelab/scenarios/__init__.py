# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the real cluster, in the form of those of scripts/lab/scenarios, and

    PODS_BY     how drainsnoop hears of the pods (--pods-by), where the scenario is about that
    AGENT       how drainsnoop runs (--agent), where the scenario needs that
    AGENT_HOW   further arguments of the agent (kubelab/agent.py), as a dictionary
"""

import contextlib
import os

from drainlab.events import parse_rfc3339
from drainlab.proc import now_ns, wait_for

from ..agent import within

# s, from the last line of one agent to the first list of the next: on a busy machine it gets the share of a processor
# that it asks for, which is small.
LONGEST_GAP = 90


def rolling(lab):
    """A deployment, requests, a rolling update of all of its pods."""
    lab.kubernetes.deploy()
    lab.start_clients()
    lab.kubernetes.rollout()


def begin(lab):
    """A rolling update, as far as the first pod that begins to go."""
    with lab.kubernetes.one_more_ends():
        lab.kubernetes.restart()


def heard(lab):
    """Waits until drainsnoop knows that a pod goes, and that its target drains: what stops the API server after that
    keeps no news from it that the scenario is not about."""
    lab.tracer.wait_for_going(lab.kubernetes.ending)


@contextlib.contextmanager
def blind(lab, refused):
    """The rest of a rollout that has begun, while the API server refuses the agent: its watch is cut, for one that
    there is goes on, whatever its user may do by now. refused(): whether that has happened."""
    with lab.control_plane.away("apiserver"):
        began = now_ns()
        yield
    lab.kubernetes.wait_for_api()
    wait_for(lambda: refused() or lab.check(), 60, "the agent to be refused", 0.1)
    lab.kubernetes.rollout_status()
    wait_for(lambda: all(pod.gone for pod in lab.kubernetes.ending) or lab.check(), 60, "the end of the pods", 0.1)
    lab.blind = began, now_ns()


def unheard(run):
    """The pods that began to go, and were gone, while the agent could not hear of it."""
    began, ended = run.lab.blind
    return [pod for pod in run.ended if began < pod.marks["t0"][0] and pod.marks["released"][1] < ended]


def went_unheard(run):
    """Problems unless these are all but the first."""
    pods, went = run.lab.settings.pods, len(unheard(run))
    return [] if len(run.ended) == pods and went >= pods - 1 else [
        f"{went} of {len(run.ended)} pods went while the agent could not hear of it; there were {pods}"]


def may_lose(run):
    """Each of their deletions, once, where the watch could not go on from where it was: no other event."""
    told = 0
    for path in run.lab.tracer.recordings:
        with open(path, encoding="utf-8") as recording:
            told += sum('"drainsnoop.loss.stage":"watch","drainsnoop.loss.class":"pods"' in line for line in recording)
    return min(told, len(unheard(run)))


def triggered(run, trigger):
    """Problems unless this is why, by drainsnoop's verdicts, each of the pods ended: not a rollout of theirs. And
    those with drops that it names: none of them was of a pod that was as it should be."""
    said = {pod.name: run.verdict(pod).get("drainsnoop.pod.trigger") for pod in run.ended}
    problems = [f"the trigger of {name} is {value}" for name, value in said.items() if value != trigger]
    going = {pod.uid for pod in run.ended}
    for drop in run.truth.drops:
        phase = drop.get("drainsnoop.pod.phase")
        if drop.get("k8s.pod.uid") in going and phase in (None, "pending", "ready", "not_ready"):
            problems.append(f"a drop of {drop.get('k8s.pod.name')} is told of its phase {phase}")
    return problems


def complaints(lab):
    """What drainsnoop wrote to its standard error."""
    if not os.path.exists(lab.tracer.error_path):
        return []
    with open(lab.tracer.error_path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def gaps_are_short(run):
    """Problems where the agent was away for longer than its restart takes."""
    return [f"the agent was away for {(end - begin) / 1e9:.1f} s" for begin, end in run.lab.tracer.between()
            if end - begin > LONGEST_GAP * 10**9]


def verdicts_tell_gaps(run, reasons):
    """Problems with verdicts on pods that went while the agent did not look: one that names drops, or one that says
    which of these reasons keeps it from saying more; and those on all others as ever."""
    told = run.lab.tracer.told_gaps()
    problems, gaps, kept = [], run.lab.tracer.between(), run.lab.tracer.state or run.lab.tracer.killed
    for pod in run.ended:
        verdict = run.verdict(pod)
        if not verdict and not kept and within(pod, gaps):
            continue    # nobody saw anything of it, and nobody guesses
        code, reason = verdict.get("drainsnoop.verdict.code"), verdict.get("drainsnoop.verdict.reason")
        named = any(f.verdict == "explained" and f.pod["uid"] == pod.uid for f in run.truth.failures)
        # Until that the agent watches a pod that went.
        ended = parse_rfc3339(verdict["time"]) if verdict else 0
        cut = any(begin < ended and pod.marks["t0"][0] < end for begin, end in told)
        if cut and reason not in reasons:
            problems.append(f"the verdict on {pod.name} has the reason {reason}, not one of {sorted(reasons)}")
        if code != ("dropped" if named else "inconclusive" if cut else "clean"):
            problems.append(f"the verdict on {pod.name} is {code}")
    return problems
