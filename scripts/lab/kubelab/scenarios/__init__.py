# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the real cluster, in the form of those of scripts/lab/scenarios."""


def rolling(lab):
    """A deployment, requests, a rolling update of all of its pods."""
    lab.kubernetes.deploy()
    lab.start_clients()
    lab.kubernetes.rollout()
