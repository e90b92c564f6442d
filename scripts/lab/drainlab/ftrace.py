# SPDX-License-Identifier: Apache-2.0
"""What the kernel's own trace says of lost connections, where no BPF program can say it.

Some machines keep a supervisor of theirs from being traced: root may not read /proc/PID/exe of its processes, and no BPF
program runs in a softirq that interrupts one. Ftrace does. An instance of tracefs of the run's own notes each RST that is sent,
each packet that a neighbour's queue gives up and each connection that comes about, with the task that was interrupted. A failed
request of which there is no drop is out of reach if all that ended it, a RST or an ICMP that the capture has, was made in such
softirqs: each needs a record of that connection or, of an ICMP, of that very moment, and none may be of another task. A drop of
what got through later cannot be known as delayed if that connection came about in one. Without tracefs, or elsewhere than in the
machine's own pid namespace, there are no records, and nothing is excused. Pure but for Trace.
"""

import collections
import os
import re
import time

from .capture import RST, SYN, Way
from .events import parse_rfc3339
from .proc import run
from .truth import plain

MS = 10**6
PREFIX, PLACE = "drainlab-", "/sys/kernel/tracing"
FIRST_PID_NAMESPACE = 0xEFFFFFFC    # the kernel's PROC_PID_INIT_INO: in another one, pids of the trace are not those of /proc
# How far the record lies from the packet that the capture has: an ICMP is sent just before its packet is given up; a RST is
# noted before it is made, and crosses a veth, as the ACK does that ends a handshake.
EARLY, BEHIND_ICMP, BEFORE_RST, BEHIND_ACK = MS // 50, MS // 2, 20 * MS, 20 * MS

# Of both families, where only IPv4's has a reason (6.18; .function is of 6.5); RSTs that answer a packet, as an abort is
# nobody's softirq. SYN_RECV to ESTABLISHED: the pod's end of a connection.
GIVEN_UP, RESET, ESTABLISHED = "kfree_skb", "tcp_send_reset", "inet_sock_set_state"
FILTERS = {"skb/kfree_skb": "location.function == neigh_invalidate", "tcp/tcp_send_reset": "skbaddr != 0",
           "sock/inet_sock_set_state": "oldstate == 3 && newstate == 1"}
LATER = 30 * 10**9     # so long what was lost is sent again

LINE = re.compile(rf".*-(\d+) +\[\d+\] (\S+) +(\d+)\.(\d{{6}}): ({GIVEN_UP}|{RESET}|{ESTABLISHED}): (.*)")
ENDS = {RESET: re.compile(r"src=\[?([0-9a-f.:]+?)\]?:(\d+) dest=\[?([0-9a-f.:]+?)\]?:(\d+) "),
        # An IPv4 end stands mapped there, also of a dual-stack socket.
        ESTABLISHED: re.compile(r"sport=(?P<p>\d+) dport=(?P<q>\d+) .*saddrv6=(?:::ffff:(?=[0-9.]+ ))?(?P<a>\S+) "
                                r"daddrv6=(?:::ffff:(?=[0-9.]+ ))?(?P<b>\S+) ")}

# ends: {(address, port)}, empty of a packet that was given up. out_of_reach: it was in a softirq that
# interrupted a task which cannot be traced.
Record = collections.namedtuple("Record", "at event ends out_of_reach")


def _ends(event, text):
    """{(address, port)}, or None where the line does not tell them."""
    match = ENDS[event].search(text)
    if not match:
        return None
    names = match.groupdict()
    pairs = ((names["a"], names["p"]), (names["b"], names["q"])) if names else (match.group(1, 2), match.group(3, 4))
    return frozenset((address, int(port)) for address, port in pairs)


def parse(text, offset, untraceable):
    """The records of a trace, oldest first. offset: ns from its clock to the wall clock; untraceable(pid)."""
    records = []
    for match in filter(None, map(LINE.match, text.splitlines())):
        pid, flags, seconds, micros, event, rest = match.groups()
        ends = _ends(event, rest) if event in ENDS else frozenset()
        if ends is None:
            continue
        in_softirq = len(flags) > 2 and flags[2] in "sH"
        records.append(Record(
            int(seconds) * 10**9 + int(micros) * 1000 + offset, event, ends,
            in_softirq and untraceable(int(pid))))
    return sorted(records, key=lambda record: record.at)


def _proven(records):
    return bool(records) and all(record.out_of_reach for record in records)


def out_of_reach(failure, flow, records, errors):
    """Why no BPF program can have seen how the failed request ended, or None.

    flow: its packets. errors: [(at, seq)] of the ICMP errors in the capture, with the number of the segment in each.
    """
    begin, end = failure.sent, failure.failed + 50 * MS
    port, address = failure.entry["source_port"], failure.entry["address"]
    packets = flow.between(begin, end)
    numbers = {p.seq for p in packets if p.to_pod and (p.flags & SYN or p.size)}
    proofs = [[r for r in records if r.event == RESET and {port, flow.port} == {p for _, p in r.ends} and address in {a for a, _ in r.ends}
               and p.at - BEFORE_RST <= r.at <= p.at + EARLY]
              for p in packets if not p.to_pod and p.flags & RST]
    proofs += [[r for r in records if r.event == GIVEN_UP and at - EARLY <= r.at <= at + BEHIND_ICMP]
               for at, seq in errors if seq in numbers and begin <= at <= end]
    if proofs and all(map(_proven, proofs)):
        return "it ended in a softirq that no BPF program runs in (ftrace)"
    return None


def _handshake_ends(flow, begin):
    """When the ACK passed that ends the first handshake after that moment, or None."""
    answered = False
    for p in flow.between(begin, begin + LATER):
        if not p.to_pod:
            answered = answered or p.flags & SYN
        elif answered and not p.flags & (SYN | RST):
            return p.at
    return None


def came_about_out_of_reach(drop, flows, records):
    """True if the connection of the drop got through later, where no BPF program can have seen it.

    Runs beside each other have the same addresses, and ports now and then: the capture tells which record is of this one.
    """
    ends = {(plain(drop[end + ".address"]), drop[end + ".port"]) for end in ("source", "destination")}
    flow = flows.get(Way(drop["source.port"], plain(drop["destination.address"]), drop["destination.port"]))
    at = flow and _handshake_ends(flow, parse_rfc3339(drop["time"]))
    return bool(at) and _proven([r for r in records if r.event == ESTABLISHED and r.ends == ends and
                                 at - EARLY <= r.at <= at + BEHIND_ACK])


def is_untraceable(pid):
    """True of a process into which even root may not look."""
    try:
        os.readlink(f"/proc/{pid}/exe")
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _instances():
    """The folder of tracefs's instances, or None where it is not mounted."""
    with open("/proc/mounts", encoding="utf-8") as mounts:
        found = next((words[1] for words in map(str.split, mounts) if words[2] == "tracefs"), "")
    folder = os.path.join(found, "instances")
    return folder if found and os.path.isdir(folder) else None


class Trace:
    """The records of a run. `records` is complete after stop()."""

    def __init__(self, lab):
        self.lab, self.folder, self.records = lab, None, []
        if os.stat("/proc/self/ns/pid").st_ino != FIRST_PID_NAMESPACE:
            return
        if not _instances() and os.path.isdir(PLACE):
            run(["mount", "-t", "tracefs", "tracefs", PLACE], check=False)
        instances = _instances()
        try:
            if instances:
                self._start(os.path.join(instances, PREFIX + lab.run_id))
        except OSError as error:
            lab.say(f"without the kernel's own trace: {error}")
            self.end()

    def _start(self, folder):
        os.mkdir(folder)
        self.folder = folder
        self._write("trace_clock", "tai")
        self._write("buffer_size_kb", "2048")
        for event, which in FILTERS.items():
            self._write(f"events/{event}/filter", which)
            self._write(f"events/{event}/enable", "1")

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def stop(self):
        if not self.folder:
            return
        with open(os.path.join(self.folder, "trace"), encoding="utf-8", errors="replace") as file:
            text = file.read()
        seconds = round((time.clock_gettime_ns(time.CLOCK_TAI) - time.time_ns()) / 10**9)
        self.records = parse(text, -seconds * 10**9, is_untraceable)
        with open(os.path.join(self.lab.folder, "ftrace.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        self.end()

    def end(self):
        if self.folder:
            os.rmdir(self.folder)
            self.folder = None


def sweep(run_id):
    """Removes the instance of a run, which ends what it notes."""
    folder = _instances()
    if folder and os.path.isdir(os.path.join(folder, PREFIX + run_id)):
        os.rmdir(os.path.join(folder, PREFIX + run_id))


def run_ids():
    """Ids of the runs that have an instance."""
    folder = _instances()
    return {name.removeprefix(PREFIX) for name in os.listdir(folder) if name.startswith(PREFIX)} if folder else set()
