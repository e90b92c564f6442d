# SPDX-License-Identifier: Apache-2.0
"""The truth from outside, and how drainsnoop's drops measure up to it. Pure: lists in, numbers out.

A failed request is one whose client did not get a whole 200, or got it of another pod. The load balancer's log says by which
connection it went and how that ended; what the driver noted about the pod (its marks) says which
mechanism was in force at that moment, and so which cause is the right one. Each failed request is one of
    explained     exactly one drop, of the right pod, with a right cause
    wrong_cause   a drop, but of another pod or with another cause
    unexplained   no drop
    unobservable  nothing of it could be seen on the node: proven by the capture, by the log where the
                  request never got a connection, or by the kernel's own trace (ftrace.py)
    not_observed  no drop, and it was lost in a time that drainsnoop says it did not observe
and each drop behind which nothing lost is found is a false drop.
"""

import dataclasses
import ipaddress

from .capture import Way
from .events import parse_rfc3339

MS = 10**6
SLACK = 50 * MS         # around a boundary either mechanism may stand
BEFORE, AFTER = 2_000 * MS, 30_000 * MS     # a drop's time beside its request's


@dataclasses.dataclass
class Failure:
    """A failed request and what became of it."""

    request: dict
    entry: dict = None
    pod: dict = None
    sent: int = 0           # when the SYN or the payload left the load balancer
    failed: int = 0         # when the load balancer gave up
    opened: int = None      # when the connection was opened, if within the capture
    expected: frozenset = frozenset()
    verdict: str = ""       # explained, wrong_cause, unexplained, unobservable
    why: str = ""
    drop: dict = None
    out_of_reach: bool = False  # unobservable for what the kernel's own trace says (ftrace.py)
    until: int = 1 << 63    # from then on the 4-tuple was another failed request's


@dataclasses.dataclass
class Truth:
    requests: int
    failures: list
    drops: list
    false_drops: list
    indistinguishable: list

    def count(self, verdict):
        return sum(f.verdict == verdict for f in self.failures)

    @property
    def recall(self):
        """Explained of what could be seen; 1 where nothing failed."""
        seen = len(self.failures) - self.count("unobservable") - self.count("not_observed")
        return self.count("explained") / seen if seen else 1.0

    @property
    def precision(self):
        """Drops with a loss behind them of all drops; 1 where none was reported."""
        judged = len(self.drops) - len(self.indistinguishable)
        return 1 - len(self.false_drops) / judged if judged else 1.0


def connects(entry):
    """True if the connection never came about (HAProxy's SC and sC)."""
    return entry["term"][1] == "C"


def plain(address):
    """The one text form of an address; IPv4-mapped ones as IPv4."""
    ip = ipaddress.ip_address(address)
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def causes_in_force(failure, marks):
    """The causes whose mechanism the driver had put in force by itself (marks "cause:NAME") when the
    request was sent or failed, and whether that leaves no other."""
    causes, strictly = set(), False
    # A connection whose first SYN was lost before may have that as its drop, however it ended.
    first = min(failure.sent, failure.opened or failure.sent)
    for name, (begin, end) in marks.items():
        if not name.startswith("cause:"):
            continue
        for at in (failure.sent, failure.failed):
            if begin - SLACK <= at <= end + SLACK:
                causes.add(name.partition(":")[2])
        strictly = strictly or begin + SLACK < first <= failure.sent < end - SLACK
    return frozenset(causes), strictly


def expected_causes(failure, marks):
    """The causes that may stand, by what the driver knows about the pod at that time."""
    def mark(name, edge):
        return marks[name][edge] if marks.get(name) else None

    never = 1 << 63
    end_signal = mark("end_signal", 0) or never     # what ended the server: SIGTERM or SIGKILL
    exited = mark("exited", 1) or never
    terminating = mark("t0", 0) or never
    released, gone = mark("released", 0) or never, mark("released", 1) or never
    sent, failed = failure.sent, failure.failed
    forced, strictly = causes_in_force(failure, marks)
    if strictly:
        return forced
    causes = set(forced)
    if sent >= released - SLACK:
        causes.add("address_released")
    if connects(failure.entry):
        if end_signal - SLACK <= sent <= gone + SLACK:
            causes.add("listener_closed")
        return frozenset(causes)
    if failed >= end_signal - SLACK and sent <= exited + SLACK:
        causes.add("aborted_in_flight")
        # What was opened later was never accepted: the closing listener resets it.
        if failure.opened and failure.opened >= (mark("held", 0) or end_signal) - SLACK:
            causes.add("listener_closed")
            if mark("held", 1) and failure.opened > mark("held", 1) + SLACK:
                causes.discard("aborted_in_flight")
    if terminating - SLACK <= sent <= gone + SLACK and (
            sent >= end_signal - SLACK or failed < end_signal - SLACK):
        causes.add("late_request")
    if sent <= terminating + SLACK and failed < end_signal - SLACK:
        causes.add("keepalive_race")
    return frozenset(causes)


def drop_key(drop, addresses, ports):
    """The Way of a drop, whichever way its packet went, or None."""
    for pod, peer in (("destination", "source"), ("source", "destination")):
        address = drop.get(pod + ".address")
        if address and plain(address) in addresses and drop.get(pod + ".port") in ports:
            return Way(drop.get(peer + ".port"), plain(address), drop[pod + ".port"])
    return None


def way_of(entry):
    """The Way of an entry of the load balancer's log that reached a server."""
    return Way(entry["source_port"], plain(entry["address"]), entry["port"])


def _classify(request, entries, pods, flows, captured):
    """The Failure of a request, with what was to be expected of drainsnoop."""
    failure = Failure(request)
    entry = failure.entry = entries.get(request["id"])
    if entry is None:
        failure.verdict, failure.why = "unobservable", "it never reached the load balancer"
        return failure
    if entry["source_port"] is None or entry["address"] == "-":
        failure.verdict, failure.why = "unobservable", "the load balancer had no server for it"
        return failure
    address = plain(entry["address"])
    failure.pod = pods.get(entry["server"]) or pods.get(address)   # who was meant, whoever has it now
    failure.sent, failure.failed = entry["sent_ns"], entry["end_ns"]
    if failure.pod and failure.pod.get("elsewhere"):
        failure.verdict, failure.why = "unobservable", f"the node sent it to {failure.pod['name']}, on another node"
        return failure
    begin, end = entry["accept_ns"] - SLACK, entry["end_ns"] + 2 * SLACK
    flow = flows.get(way_of(entry))
    if captured:
        at = flow and (flow.first_syn(begin, end) if connects(entry) else flow.last_payload(begin, end))
        if not at:
            failure.verdict, failure.why = "unobservable", entry.get("why") or "no packet of it reached the node"
            return failure
        failure.sent = at
        failure.opened = flow.first_syn(begin, end)
        if entry["term"][:2] == "--" and not request["ok"] and any(not p.to_pod and p.size for p in flow.between(at, end)):
            failure.verdict, failure.why = "unobservable", f"the pod itself answered {entry['status']}"
            return failure
        if entry["term"][:2] == "SD" and flow.answered_whole(begin, end):
            failure.verdict, failure.why = "unobservable", "cut after everything was acknowledged"
            return failure
    if failure.pod:
        failure.expected = expected_causes(failure, failure.pod["marks"])
    return failure


def wrong_answer(request, entries):
    """True if another pod answered than the one that the load balancer meant."""
    entry = entries.get(request["id"])
    return bool(entry and request.get("pod") and request["pod"] != entry["server"])


def _bound(failures):
    """Ports are used again within seconds: what was lost after the next request's beginning is that one's."""
    following = {}
    for failure in reversed(failures):
        later = following.get(way_of(failure.entry))
        if later and later.sent > failure.failed:
            failure.until = later.sent - SLACK
        following[way_of(failure.entry)] = failure


def _judge(failure, candidates):
    """Takes the drop that explains the failure out of the candidates, the right one if there is one."""
    at = failure.entry["accept_ns"]
    near = [d for d in candidates if at - BEFORE <= parse_rfc3339(d["time"]) <= failure.failed + AFTER
            and parse_rfc3339(d["time"]) < failure.until]
    uid = failure.pod and failure.pod["uid"]
    right = [d for d in near if d.get("k8s.pod.uid") == uid
             and d.get("drainsnoop.drop.cause") in failure.expected]
    if not near:
        failure.verdict = "unexplained"
        return
    failure.drop = (right or near)[0]
    failure.verdict = "explained" if right else "wrong_cause"
    candidates.remove(failure.drop)


def _was_watched(failure, gaps):
    """False if the failed request lies in one of drainsnoop's gaps, with a part of it at least."""
    return not any(begin - SLACK <= failure.failed and failure.sent <= end + SLACK for begin, end in gaps)


def _felt(drop, way, entries_by_way, flows):
    """True if a failed connection of the log, or a lost packet in the capture, is behind the drop."""
    at = parse_rfc3339(drop["time"])
    for entry in entries_by_way.get(way, ()):
        if entry["term"] != "----" and entry["accept_ns"] - BEFORE <= at <= entry["end_ns"] + AFTER:
            return True
    flow = flows.get(way)
    return bool(flow and flow.lost(at - BEFORE, at + AFTER))


def join(requests, entries, drops, pods, ports, flows=None, indistinguishable=lambda drop: False, gaps=(),
         out_of_reach=lambda failure, flow: None):
    """Joins the clients' log, the load balancer's log, the capture (None: there is none) and the drops.

    ports: those on which the pods serve.
    pods: [{"uid", "name", "address", "marks": {name: [not before, not after]}, "elsewhere": it is on a node that
    is not watched}]. Entries of connections that NAT changed are those behind it (nat.follow()).
    out_of_reach(failure, flow): why nobody can have seen how a request ended of which the capture has packets, or None.
    """
    by_address = {plain(pod["address"]): pod for pod in pods}
    watched = {address for address, pod in by_address.items() if not pod.get("elsewhere")}
    by_name_or_address = by_address | {pod["name"]: pod for pod in pods}
    by_id = {entry["id"]: entry for entry in entries if entry["id"]}
    by_way = {}
    for entry in entries:
        if entry["source_port"] and entry["address"] != "-":
            by_way.setdefault(way_of(entry), []).append(entry)
    left = {}
    for drop in sorted(drops, key=lambda d: d["time"]):
        left.setdefault(drop_key(drop, watched, ports), []).append(drop)

    failures = [_classify(r, by_id, by_name_or_address, flows or {}, flows is not None)
                for r in requests if not r["ok"] or wrong_answer(r, by_id)]
    open_ones = sorted((f for f in failures if not f.verdict), key=lambda f: f.failed)
    _bound(open_ones)
    for failure in open_ones:
        _judge(failure, left.get(way_of(failure.entry), []))
        if failure.verdict == "unexplained" and not _was_watched(failure, gaps):
            failure.verdict = "not_observed"
        why = flows and failure.verdict == "unexplained" and out_of_reach(failure, flows[way_of(failure.entry)])
        if why:
            failure.verdict, failure.why, failure.out_of_reach = "unobservable", why, True

    used = {id(f.drop) for f in failures if f.drop}
    taken = {way_of(f.entry) for f in failures if f.drop}
    false, unclear = [], []
    for way, rest in left.items():
        for drop in rest:
            if id(drop) in used:
                continue
            if indistinguishable(drop):
                unclear.append(drop)
            elif way is None or way in taken or not _felt(drop, way, by_way, flows or {}):
                false.append(drop)      # also a second drop for a request that has one
    return Truth(len(requests), failures, drops, false, unclear)


def within_reach(flows, truth):
    """The flows without those whose end is out of every program's reach: where nothing else tells, so is their arrival."""
    hidden = {way_of(f.entry) for f in truth.failures if f.out_of_reach}
    return {way: flow for way, flow in flows.items() if way not in hidden}


def last_arrival(flows, addresses, begin, port=None, unseen=()):
    """The moment of the last new connection or last new payload from the load balancer to one of a pod's
    addresses, or None. In the intervals `unseen` nobody looked."""
    ends, own = [], {plain(address) for address in addresses}
    for way, flow in flows.items():
        if way.address in own and port in (None, way.port):
            at = flow.last_arrival(unseen)
            if at and at >= begin:
                ends.append(at)
    return max(ends, default=None)
