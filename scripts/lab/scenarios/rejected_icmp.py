# SPDX-License-Identifier: Apache-2.0
"""As rejected_reset, but the rule answers with ICMP: port unreachable, as kube-proxy without endpoints.

The rule of the pod that stays goes when nothing is on its way any more: the ICMP that answers a first SYN
comes within connect() here, where it is a soft error, so a later one could get through.
"""

from . import at_least, rejected_reset

SUMMARY = "netfilter rejects with ICMP: connections of a pod that stays, and of one that ends"
SETTINGS = {**rejected_reset.SETTINGS, "icmp_limit": False}
must_find = rejected_reset.must_find


def play(lab):
    rejected_reset.rejecting(lab, "reject with icmpx type port-unreachable", 2.0, quiet=3.0)


def mechanics(run):
    return at_least(10, run.failures("SC", slowest=2500), "connections that ICMP ended")
