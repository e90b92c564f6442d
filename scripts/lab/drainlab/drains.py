# SPDX-License-Identifier: Apache-2.0
"""drainsnoop's drain intervals beside the true moment: the laboratory knows when it made each deregister call."""

from .events import parse_rfc3339


def measured(pod, verdict):
    """One pod's drain: what is known of its interval, and whether the call (from before it to after it) lies inside."""
    before, after = pod.marks["deregistered"]
    drain = {"pod": pod.name, "not_before_source": verdict.get("drainsnoop.drain.not_before_source"),
             "not_after_source": verdict.get("drainsnoop.drain.not_after_source"),
             "conflict": bool(verdict.get("drainsnoop.drain.conflict")), "width_ms": None, "inside": None}
    if "drainsnoop.drain.not_before" in verdict and "drainsnoop.drain.not_after" in verdict:
        lo = parse_rfc3339(verdict["drainsnoop.drain.not_before"])
        hi = parse_rfc3339(verdict["drainsnoop.drain.not_after"])
        drain.update(width_ms=(hi - lo) / 1e6, inside=lo <= before and after <= hi,
                     early_ms=(before - lo) / 1e6, late_ms=(hi - after) / 1e6)
    return drain


def of_run(run):
    """Every pod that the target group let go."""
    return [measured(pod, run.verdict(pod)) for pod in run.ended if "deregistered" in pod.marks]


def _quantile(widths, share):
    return f"{widths[min(len(widths) - 1, int(len(widths) * share))] / 1000:.3f} s" if widths else "-"


def table(results):
    """The intervals' widths by source, of the runs in which drainsnoop was told by sources; "" without any."""
    rows = [["DRAIN TOLD BY", "RUNS", "DRAINS", "KNOWN", "INSIDE", "MEDIAN", "95 %", "WIDEST"]]
    for told in dict.fromkeys(result["told_by"] for result in results if result["told_by"]):
        runs = [result for result in results if result["told_by"] == told]
        drains = [drain for result in runs for drain in result["drains"]]
        known = [drain for drain in drains if drain["inside"] is not None]
        widths = sorted(drain["width_ms"] for drain in known)
        rows.append([told, len(runs), len(drains), len(known), sum(drain["inside"] for drain in known),
                     _quantile(widths, 0.5), _quantile(widths, 0.95), _quantile(widths, 1)])
    sizes = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join([str(row[0]).ljust(sizes[0]),
                                *(str(cell).rjust(size) for cell, size in zip(row[1:], sizes[1:]))])
                     for row in rows) if len(rows) > 1 else ""
