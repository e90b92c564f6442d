# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the real cluster, in the form of those of scripts/lab/scenarios, and

    PODS_BY     how drainsnoop hears of the pods (--pods-by), where the scenario is about that
"""


def rolling(lab):
    """A deployment, requests, a rolling update of all of its pods."""
    lab.kubernetes.deploy()
    lab.start_clients()
    lab.kubernetes.rollout()


def begin(lab):
    """A rolling update, as far as the first pod that begins to go."""
    with lab.kubernetes.one_more_ends():
        lab.kubernetes.restart()


def triggered(run, trigger):
    """Problems unless this is why, by drainsnoop's verdicts, each of the pods ended."""
    said = {pod.name: run.verdict(pod).get("drainsnoop.pod.trigger") for pod in run.ended}
    return [f"the trigger of {name} is {value}" for name, value in said.items() if value != trigger]
