# SPDX-License-Identifier: Apache-2.0
"""What people and programs read: progress on standard error, the table, the JSON of --json."""

import os
import sys
import time

# The keys of --json, in their order.
KEYS = ("scenario", "requests", "failed", "unobservable", "explained", "unexplained", "false_drops",
        "wrong_cause", "indistinguishable", "not_observed", "recall", "precision", "drops", "pods", "prestop_s",
        "grace_s", "lag_s", "scale", "tail_ms", "told_by", "drains", "advice")


def coloured(stream):
    return (stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


class Progress:
    """Lines on standard error, each with the time since the start and the run's name."""

    def __init__(self, name, quiet=False):
        self.name, self.quiet = name, quiet
        self.start = time.monotonic()

    def __call__(self, text):
        if self.quiet:
            return
        dim, off = ("\033[2m", "\033[0m") if coloured(sys.stderr) else ("", "")
        line = f"{dim}{time.monotonic() - self.start:6.1f}s {self.name}:{off} {text}\n"
        os.write(2, line.encode())  # one write a line: runs side by side share the terminal


def count_by(drops):
    """{cause: number}, the largest first."""
    counts = {}
    for drop in drops:
        cause = drop.get("drainsnoop.drop.cause", "?")
        counts[cause] = counts.get(cause, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def advice_of(output):
    """The last advice of each code and field."""
    last = {}
    for event in output:
        if event.get("event.name") == "drainsnoop.advice":
            entry = {key: event.get("drainsnoop.advice." + key)
                     for key in ("code", "field", "current", "suggested")}
            last[(event.get("drainsnoop.advice.object"), entry["code"], entry["field"])] = entry
    return list(last.values())


def result(name, lab, truth, output, tail_ms, drains):
    """One run as --json has it."""
    settings = lab.settings
    return {
        "scenario": name, "requests": truth.requests, "failed": len(truth.failures),
        "unobservable": truth.count("unobservable"), "explained": truth.count("explained"),
        "unexplained": truth.count("unexplained"), "false_drops": len(truth.false_drops),
        "wrong_cause": truth.count("wrong_cause"), "indistinguishable": len(truth.indistinguishable),
        "not_observed": truth.count("not_observed"),
        "recall": round(truth.recall, 4), "precision": round(truth.precision, 4),
        "drops": count_by(truth.drops), "pods": settings.pods, "prestop_s": settings.prestop,
        "grace_s": settings.grace, "lag_s": settings.lag, "scale": settings.scale,
        "tail_ms": tail_ms, "told_by": settings.told_by, "drains": drains, "advice": advice_of(output)}


def _milliseconds(ns):
    return f"{ns / 1e6:+.0f} ms"


def failure_line(failure):
    """One failed request, for people."""
    entry = failure.entry or {}
    text = f"{failure.verdict}: request {failure.request['id']}"
    if entry:
        text += (f" {entry['term']} {entry['status']} after {entry['Ta']} ms, "
                 f"{entry['source']}:{entry['source_port']} -> {entry['address']}:{entry['port']}")
    if failure.pod:
        text += f" ({failure.pod['name']}"
        marks = sorted((edge[0], name) for name, edge in failure.pod["marks"].items() if edge[0] <= failure.sent)
        text += f", sent {_milliseconds(failure.sent - marks[-1][0])} after {marks[-1][1]})" if marks else ")"
    if failure.expected:
        text += f"; expected {' or '.join(sorted(failure.expected))}"
    if failure.drop:
        text += (f"; got {failure.drop.get('drainsnoop.drop.cause')} "
                 f"of {failure.drop.get('k8s.pod.name')}")
    return text + (f"; {failure.why}" if failure.why else "")


def drop_line(drop):
    """One drop, for people."""
    keys = ("drainsnoop.drop.cause", "drainsnoop.drop.outcome", "k8s.pod.name", "drainsnoop.peer.kind",
            "drainsnoop.pod.phase", "drainsnoop.drop.evidence", "drainsnoop.drop.confidence")
    return (f"{drop['time']} {drop.get('source.address')}:{drop.get('source.port')} -> "
            f"{drop.get('destination.address')}:{drop.get('destination.port')} "
            + " ".join(str(drop[key]) for key in keys if key in drop))


COLUMNS = (("SCENARIO", "scenario"), ("REQUESTS", "requests"), ("FAILED", "failed"),
           ("UNOBS", "unobservable"), ("EXPLAINED", "explained"), ("UNEXPL", "unexplained"),
           ("FALSE", "false_drops"), ("WRONG", "wrong_cause"), ("INDIST", "indistinguishable"),
           ("GAP", "not_observed"))


def _drops(run):
    return " ".join(f"{cause}:{count}" for cause, count in run["drops"].items()) or "-"


JUDGED = ("explained", "unexplained", "false_drops", "wrong_cause", "indistinguishable", "not_observed")


def table(runs, traced=True):
    """The final table. runs: [(name, result, seconds, problems)]; a result of None never came about."""
    green, red, off = (("\033[32m", "\033[31m", "\033[0m") if coloured(sys.stdout) else ("", "", ""))
    rows = [[title for title, _ in COLUMNS] + ["RECALL", "PRECISION", "TAIL", "TIME", "RESULT", "DROPS"]]
    for name, run, seconds, problems in runs:
        state = "ok" if run and not problems else "FAILED"
        if run is None:
            rows.append([name] + ["-"] * (len(rows[0]) - 4) + [f"{seconds:.0f} s", state, "-"])
            continue
        rows.append([str(run[key]) if traced or key not in JUDGED else "-" for _, key in COLUMNS] + [
            f"{run['recall'] * 100:.4g} %" if traced else "-",
            f"{run['precision'] * 100:.4g} %" if traced else "-",
            "-" if run["tail_ms"] is None else f"{run['tail_ms'] / 1000:.2f} s",
            f"{seconds:.0f} s", state, _drops(run)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if i in (0, len(row) - 1) else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        line = "  ".join(cells).rstrip()
        line = line.replace(" ok ", f" {green}ok{off} ").replace("FAILED  ", f"{red}FAILED{off}  ") \
            if row is not rows[0] else line
        lines.append(line)
    return "\n".join(lines)
