# SPDX-License-Identifier: Apache-2.0
"""The table and the JSON of a run."""

from .rst_storm import median, ratio

COLUMNS = ("", "RST/s", "ratio", "kernel", "ratio", "tool", "tool", "seen", "said lost", "behind", "peak")
UNITS = ("", "", "to (a)", "ns/RST", "to (a)", "ns/RST", "ns/seen", "", "", "s", "MiB")


def _number(value, form):
    return "-" if value is None else format(value, form)


def _row(variant, rounds, base):
    watches = variant.key not in ("nothing", "miss")
    seen = median(rounds, "lost") if watches else None
    return (variant.text,
            _number(median(rounds, "per_s"), ",.0f"),
            _number(ratio(rounds, base, "per_s"), ".2f"),
            _number(median(rounds, "kernel_ns"), ",.0f"),
            _number(ratio(rounds, base, "kernel_ns"), ".2f"),
            _number(median(rounds, "tool_ns"), ",.0f"),
            _number(median(rounds, "tool_ns_seen") if watches else None, ",.0f"),
            "-" if seen is None else f"{100 * (1 - seen):.2f} %",
            _number(median(rounds, "said_lost"), ",.0f"),
            _number(median(rounds, "behind_s") if watches else None, ".2f"),
            _number(median(rounds, "peak_mib"), ",.0f"))


def table(variants, results):
    rows = [COLUMNS, UNITS] + [_row(v, results[v.key], results["nothing"]) for v in variants]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def compare(results):
    """(b) against (c), in words."""
    if "bpftrace" not in results:
        return ["(c) was not measured"]
    lines, peer = results["lines"], results["bpftrace"]
    return [
        f"(b) every line / (c): throughput {_number(ratio(lines, peer, 'per_s'), '.2f')}, "
        f"tool CPU per event seen {_number(ratio(lines, peer, 'tool_ns_seen'), '.3f')}, "
        f"tool CPU per RST {_number(ratio(lines, peer, 'tool_ns'), '.3f')}",
        "more CPU in the kernel per RST than with (a): "
        + ", ".join(f"{key} {_number(_more(results, key), '+,.0f')} ns" for key in results if key != "nothing"),
    ]


def _more(results, key):
    values = [{"more": a["kernel_ns"] - b["kernel_ns"]} for a, b in zip(results[key], results["nothing"])]
    return median(values, "more")


def as_json(name, variants, results, facts):
    keys = ("per_s", "kernel_ns", "tool_ns", "tool_ns_seen", "lost", "said_lost", "behind_s", "peak_mib")
    return {"row": name, **facts, "variants": [{
        "variant": v.key, "text": v.text, "argv": results[v.key][0]["argv"],
        "median": {key: median(results[v.key], key) for key in keys},
        "ratio_to_nothing": ratio(results[v.key], results["nothing"], "per_s"),
        "rounds": [{key: value for key, value in r.items() if key != "argv"} for r in results[v.key]],
    } for v in variants]}
