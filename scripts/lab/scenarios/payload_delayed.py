# SPDX-License-Identifier: Apache-2.0
"""A rule of the node drops requests of established connections for a moment, then not any more: TCP sends
them again, and they are answered. Seen to die, and yet nothing is lost."""

from drainlab.capture import FIN, RST, SYN
from . import at_least

SUMMARY = "requests that netfilter drops, and that get through when they are sent again: delayed, no drop"
SETTINGS = {"balancer": "tinylb", "pool": 20, "rate": 15.0}
SECONDS = 2.0


def play(lab):
    held, _ = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    family = "ip6" if lab.settings.ipv6 else "ip"
    # A request is longer than 100 bytes, a bare ACK is not.
    lab.network.node.nft(f"""
        add table inet guard
        add chain inet guard forward {{ type filter hook forward priority 0; }}
        add rule inet guard forward {family} daddr {held.address} tcp dport 8080 \
            tcp flags & (syn | fin | rst) == 0 meta length > 100 drop""")
    lab.sleep(SECONDS)
    lab.network.node.nft("delete table inet guard")
    lab.wait_for_requests(40)


def repeated(run):
    """Connections on which the balancer sent the same payload twice or more, as the capture has it."""
    result = []
    for flow in run.flows.values():
        sent = [p.seq for p in flow.packets if p.to_pod and p.size and not p.flags & (SYN | FIN | RST)]
        if len(sent) > len(set(sent)):
            result.append(flow)
    return result


def mechanics(run):
    problems = [f"{len(run.truth.failures)} requests failed"] if run.truth.failures else []
    return problems + at_least(8, repeated(run), "connections on which a request was sent again")


def must_find(run):
    stop = next(e for e in reversed(run.output) if e.get("event.name") == "drainsnoop.stop")
    number, real = stop.get("drainsnoop.not_drops.delayed", 0), len(repeated(run))
    problems = [] if abs(number - real) <= 1 else [f"{number} connections are delayed, the capture has {real}"]
    return problems + ([f"{len(run.truth.drops)} drops, expected none"] if run.truth.drops else [])
