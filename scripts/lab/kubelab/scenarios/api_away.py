# SPDX-License-Identifier: Apache-2.0
"""The API server is killed in the middle of a rollout, and started again half a minute later."""

from . import begin, heard
from .api_stopped import FAMILIES, PODS_BY, SECONDS, SETTINGS, mechanics
from .rollout import well_advised as judged

SUMMARY = "no API server for 30 s in mid-rollout: nothing is lost, the news catch up, health says it"
__all__ = ["FAMILIES", "PODS_BY", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    begin(lab)
    heard(lab)
    with lab.control_plane.away("apiserver"):
        lab.say(f"there is no API server for {SECONDS} s")
        lab.sleep(SECONDS)
    lab.kubernetes.wait_for_api()
    lab.kubernetes.rollout_status()


def must_find(run):
    late = max((line.get("drainsnoop.watch.lag_ms", 0) for line in run.output
                if line.get("event.name") == "drainsnoop.health"), default=0)
    said = [] if late >= 5000 else [f"health says that the news were {late} ms late at most"]
    return judged(run) + said
