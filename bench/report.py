# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for people. Nothing here judges; goals come with their verdict."""


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(head, rows):
    """Columns as wide as they need; the first is text, the others numbers."""
    rows = [[str(c) for c in row] for row in rows]
    width = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    out = []
    for row in [head, *rows]:
        cells = [row[0].ljust(width[0])] + [c.rjust(w) for c, w in zip(row[1:], width[1:])]
        out.append("  ".join(cells).rstrip())
    out.insert(1, "  ".join("-" * w for w in width))
    return "\n".join(out)


def caches(results, names):
    """Rate and median of each target, case by case."""
    rows = []
    for case in results["cases"]:
        row = [case["text"]]
        for name in names:
            got = case["targets"].get(name)
            if got is None:
                row.append("-")
            elif got.get("error"):
                row.append("failed")
            else:
                row.append(f"{number(got['rate'])} ({number(got['p50_us'])}/{number(got['p99_us'])})")
        goal = case.get("goal")
        row.append(f"{goal['ratio']:.2f}x" if goal and goal["ratio"] is not None else "")
        row.append(verdict(goal))
        rows.append(row)
    return table(["operations/s (p50/p99 us)", *names, "ratio", "goal"], rows)


def cpu(results, names):
    """Where the time goes: what a daemon cannot be faster than is the client's part."""
    names = [n for n in names if any("daemon_cpu_us" in c["targets"].get(n, {})
                                     for c in results["cases"])]
    rows = []
    for case in results["cases"]:
        row = [case["text"]]
        for name in names:
            got = case["targets"].get(name, {})
            row.append(f"{number(got['daemon_cpu_us'])} + {number(got['client_cpu_us'])}"
                       if "daemon_cpu_us" in got else "-")
        rows.append(row)
    return table(["CPU us per operation: daemon + client", *names], rows)


def verdict(goal):
    if not goal:
        return ""
    if goal["met"] is None:
        return f"{goal['text']}: not measured"
    return f"{goal['text']}: " + ("met" if goal["met"] else f"MISSED, {goal['by']}")


def channel(results):
    rows = [[place["text"]] + [
        f"{number(place['modes'][m]['rate'])} ({place['modes'][m]['p50_us']:.2f})"
        if m in place["modes"] else "-" for m in ("ping", "socket", "sleep", "spin")]
        for place in results["channel"]]
    head = ["round trips/s (p50 us)", "lsaiso ping", "socket pair", "futex sleeping",
            "futex spinning"]
    return table(head, rows)


def measures(results):
    """What each measure of isolation costs: time as it is / time without it."""
    names = list(results["measures"][0]["variants"])
    rows = []
    for row in results["measures"]:
        cells = [row["text"]]
        for i, name in enumerate(names):
            got = row["variants"][name]
            if got.get("error"):
                cells.append("failed")
            elif i == 0:
                cells.append(f"{got['p50_us']:.2f}")
            else:
                cells.append(f"{got['p50_us']:.2f} ({got['ratio']:.2f}x)")
        rows.append(cells)
    return table(["p50 us (as it is / this)", *names], rows)


def guard(results):
    """In an emulated guest: only the ratio means anything."""
    got = results["guard"]
    return table([f"p50 us, Linux {got['kernel']}, emulated", "without guard", "with guard"],
                 [[row["text"], f"{row['without_us']:.0f}",
                   f"{row['with_us']:.0f} ({row['ratio']:.2f}x)"] for row in got["rows"]])


def levels(results):
    """If emulated, only one level beside the other means anything."""
    got = results["levels"]
    names = list(got["start"])
    where = "emulated SVM" if got["emulated"] else "this machine's KVM"
    rows = [["start to first answer, p50 (worst), ms", "-"] + [
        f"{got['start'][n]['p50_ms']:.1f} ({got['start'][n]['max_ms']:.1f})" for n in names]]
    rows += [[f"{call}, p50 us", f"{row['bare']:.1f}"] + [f"{row[n]:.1f}" for n in names]
             for call, row in got["calls"].items()]
    rows.append(["resident, KiB (secret memory does not count)", "-"]
                + [str(got["rss_kib"][n]) for n in names])
    return table([f"isolation levels, {where}", "bare futex",
                  *(f"level {name}" for name in names)], rows)


def crypto(results):
    """Each beside the least it can take, or another's: ratios of times."""
    rows = []
    for row in results["crypto"]:
        if row.get("error"):
            rows.append([row["text"], "failed", "-", row["of"], "-", ""])
        else:
            rows.append([row["text"], number(row["rate"]), f"{row['p50_us']:.1f}", row["of"],
                         f"{row['ratio']:.2f}x", verdict(row["goal"])])
    return table(["cryptography of a logon, NTLM", "operations/s", "p50 us", "beside", "time", "goal"],
                 rows)


def logons(results):
    return table(["a logon, whole programs", "logons/s", "p50 ms", "time beside kinit"],
                 [[row["way"], f"{row['rate']:.1f}", f"{row['p50_ms']:.1f}", f"{row['ratio']:.2f}x"]
                  for row in results["logons"]])


def kdc(results):
    """Each way's rate and median, and ours beside the other."""
    rows = []
    for row in results["kdc"]:
        cells = [row["text"]]
        for got in row["ways"].values():
            cells.append("failed" if got.get("error") else
                         f"{number(got['rate'])} ({number(got['p50_us'])}/{number(got['p99_us'])})")
        cells += [f"{row[key]:.2f}x" if key in row else "-" for key in ("latency", "throughput")]
        rows.append(cells)
    return table(["service tickets/s (p50/p99 us)", *results["kdc"][0]["ways"], "latency",
                  "throughput"], rows)


def ntlm(results):
    """Rate and median of each way; how many times its rate ours is."""
    names = list(results["ntlm"][0]["ways"])
    rows = []
    for row in results["ntlm"]:
        cells = [row["text"]]
        for name in names:
            got = row["ways"][name]
            ratio = f", {got['ratio']:.2f}x" if "ratio" in got else ""
            cells.append("failed" if got.get("error") else
                         f"{number(got['rate'])} ({got['p50_us']:.0f}{ratio})")
        rows.append(cells)
    return table(["NTLM of gss-ntlmssp, operations/s (p50 us, ours / this)", *names], rows)


def watch(results):
    """Beside nothing (how much slower what is watched is) and beside auditd (its CPU)."""
    def load(row, name):
        got = row[name]
        cells = [number(got["rate"]), f"{got['slower']:.2f}x"]
        if "cpu_ratio" in got:
            return [*cells, f"{got['cpu_us']:.2f} ({got['cpu_ratio']:.2f}x)", got["lost"]]
        return [*cells, f"{got['cpu_us']:.2f}", got["lost"]]

    def rows(name):
        return [[row["name"], *load(row, name)] for row in results["watch"]]

    columns = ["slower", "watch's CPU us each (of auditd's)", "lost"]
    return "\n\n".join([
        table(["starts of programs, as many as can be", "a second", *columns], rows("exec")),
        table(["readings of lsass's memory", "a second", *columns], rows("read")),
        table(["CPU % (events a second) at rest", "the rest of the machine",
               "and 50 programs a second", "MiB"],
              [[row["name"], f"{row['idle_percent']:.2f} ({row['idle_events']:.0f})",
                f"{row['busy_percent']:.2f} ({row['busy_events']:.0f})", f"{row['mib']:.1f}"]
               for row in results["watch"]])])


def single(results):
    return table(["lsaiso and lsass", "value"],
                 [[row["text"], f"{number(row['value'])} {row['unit']}"]
                  for row in results["single"]])


def goals(results):
    done = [g for g in results["goals"] if g["met"] is not None]
    lines = [f"goals: {sum(g['met'] for g in done)} of {len(results['goals'])} met"]
    for goal in results["goals"]:
        if goal["met"] is None:
            lines.append(f"  not measured  {goal['name']}: {goal['text']}")
        elif not goal["met"]:
            lines.append(f"  missed        {goal['name']}: {goal['text']}, is {goal['is']} "
                         f"({goal['by']})")
    return "\n".join(lines)
