# SPDX-License-Identifier: Apache-2.0
"""The API server stands still for half a minute, in the middle of a rollout. Nothing tells its clients so: it
takes nothing in, and what it would tell is silence, of which a watch has a minute at times."""

from . import begin, heard
from .rollout import FAMILIES, SETTINGS as FIELD, well_advised as must_find

SUMMARY = "the API server stands still for 30 s in mid-rollout: nothing is lost"
SETTINGS = FIELD
PODS_BY = "api"
SECONDS = 30
__all__ = ["FAMILIES", "PODS_BY", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    begin(lab)
    heard(lab)
    with lab.control_plane.stopped("apiserver"):
        lab.say(f"the API server stands still for {SECONDS} s")
        lab.sleep(SECONDS)
    lab.kubernetes.rollout_status()


def mechanics(run):
    pods = run.lab.settings.pods
    return [] if len(run.ended) == pods else [f"{len(run.ended)} pods ended, not {pods}"]
