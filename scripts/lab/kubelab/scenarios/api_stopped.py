# SPDX-License-Identifier: Apache-2.0
"""The API server says nothing for half a minute, in the middle of a rollout: everything that watches it is late."""

from . import begin
from .rollout import FAMILIES, SETTINGS as FIELD, must_find as judged

SUMMARY = "the API server stops for 30 s in mid-rollout: what was lost is found, and the news catch up"
SETTINGS = FIELD
PODS_BY = "api"
SECONDS = 30
__all__ = ["FAMILIES", "PODS_BY", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    begin(lab)
    with lab.control_plane.stopped("apiserver"):
        lab.say(f"the API server is stopped for {SECONDS} s")
        lab.sleep(SECONDS)
    lab.kubernetes.rollout_status()


def mechanics(run):
    pods = run.lab.settings.pods
    return [] if len(run.ended) == pods else [f"{len(run.ended)} pods ended, not {pods}"]


def must_find(run):
    late = max((line.get("drainsnoop.watch.lag_ms", 0) for line in run.output
                if line.get("event.name") == "drainsnoop.health"), default=0)
    said = [] if late >= 1000 * (SECONDS - 5) else [f"health says that the news were {late} ms late at most"]
    return judged(run) + said
