# SPDX-License-Identifier: Apache-2.0
"""As instance_pinned, on the pod's own node, policy Local: the packet has the pod's address only after
the node's NAT, so the node sees it only when it dies."""

from . import instance_pinned

SUMMARY = "instance targets, policy Local: connections pinned to a dead address by the pod's own node"
SETTINGS = {**instance_pinned.SETTINGS, "nodes": 1, "targets": ("node",), "policy": "Local"}
play, mechanics, must_find = instance_pinned.play, instance_pinned.mechanics, instance_pinned.must_find
