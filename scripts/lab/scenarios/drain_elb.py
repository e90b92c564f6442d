# SPDX-License-Identifier: Apache-2.0
"""Nobody tells when targets drain: drainsnoop asks AWS for their health (--elb), whose replicas lag behind."""

from . import at_least, drain_is_inside

SUMMARY = "the drain's moment by asking AWS alone"
SETTINGS = {"told_by": "elb", "pods": 2, "controller_lag": 1.3, "lag": 3.0}


def mechanics(run):
    return at_least(5, run.truth.failures, "failed requests")


def asked_as_it_may(run):
    """Problems with what the fake was asked: only of targets that go, from when they go, signed, and not for ever."""
    calls, problems = run.lab.account.fake.asked("DescribeTargetHealth"), []
    going = {pod.address: pod for pod in run.ended}
    for call in calls:
        wanted = {value for name, value in call["params"].items() if name.endswith(".Id")}
        problems += [f"asked for {address}, which does not go" for address in wanted - set(going)]
        problems += [f"asked for {address} before it went" for address in wanted & set(going)
                     if call["at_ns"] < going[address].marks["t0"][0]]
        if call["signature"] != "valid" or call["status"] != 200:
            problems.append(f"DescribeTargetHealth was answered {call['status']} ({call['signature']})")
    for pod in run.ended:
        after = [call for call in calls if call["at_ns"] > pod.marks["deregistered"][1] + (run.lab.settings.delay + 10) * 10**9
                 and pod.address in call["params"].values()]
        problems += [f"asked {len(after)} times more for {pod.address}, which is gone"] * bool(after)
    return problems + at_least(4, calls, "DescribeTargetHealth")


def must_find(run):
    return drain_is_inside(run, "describe_target_health", 3.5) + asked_as_it_may(run)
