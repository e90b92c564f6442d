# SPDX-License-Identifier: Apache-2.0
"""One replica, behind an NLB (scenario 13): lost at the dead pod until the balancer stops, then there is no
target at all, and the balancer refuses by itself until the new pod is registered."""

from . import at_least, found, no_verdict_but

SUMMARY = "one replica: an outage of the pod, then of the whole service, of which no node sees anything"
SETTINGS = {"balancer": "nlb", "lag": 5.0, "linger": 2.0, "rate": 8.0, "checks_on_traffic": True}


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.delete(pod)
    lab.group.wait_drained_of(pod)
    lab.wait_for_requests(int(2 * lab.settings.rate))
    lab.kubernetes.create()


def mechanics(run):
    drained = run.ended[0].marks["drained"][1]
    none = [f for f in run.truth.failures if f.verdict == "unobservable" and f.request["start"] > drained]
    return at_least(5, run.failures("SC", slowest=500), "connections refused at once") + \
        at_least(5, none, "requests while there was no target") + \
        at_least(5, run.failures(fastest=900), "connections without an answer for a second or more")


def must_find(run):
    return found(run, "listener_closed", 5) + found(run, "address_released", 5) + no_verdict_but(run, "dropped")
