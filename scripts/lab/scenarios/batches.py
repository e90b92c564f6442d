# SPDX-License-Identifier: Apache-2.0
"""A rollout in batches (scenario 25, small): two pods at a time, one batch right after the other, so that
pods of several batches are in all their phases at once."""

from . import at_least, found, no_verdict_but

SUMMARY = "a rollout in batches that overlap: each loss at the right pod"
SETTINGS = {"pods": 6, "rate": 40.0, "linger": 1.5, "lag": 3.0}
BATCH = 2


def play(lab):
    old = [lab.kubernetes.create() for _ in range(lab.settings.pods)]
    lab.start_clients()
    for first in range(0, len(old), BATCH):
        batch = old[first:first + BATCH]
        for pod in batch:
            lab.kubernetes.create(pod.deployment)
        for pod in batch:
            lab.kubernetes.delete(pod)


def mechanics(run):
    lost = {f.pod["uid"] for f in run.truth.failures if f.pod}
    return at_least(20, run.truth.failures, "failed requests") + at_least(
        len(run.ended), lost, "pods at which requests were lost")


def must_find(run):
    return found(run, "listener_closed", 10) + found(run, "address_released", 5) + no_verdict_but(run, "dropped")
