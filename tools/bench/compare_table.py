"""The table of tools/bench/compare.sh. Standard library only.

usage: compare_table.py collect --rows FILE --probe FILE --directory DIR --date T --revision R --seconds S --rounds N
       compare_table.py show [--markdown] RESULT.json
       compare_table.py failure SYSTEM MODE ROUND REASON

`collect` puts the drivers' rows, one JSON object a line, together with a description of the machine; `show` prints
the table of that; `failure` prints the row of a measurement that did not come about.
"""
import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys

PACKAGES = ["librocksdb7.8", "kea-dhcp6-server", "postgresql-15", "libsqlite3-0", "etcd-server"]
BUSY = 1.5  # a disk that becomes this much slower than at the beginning is worth a word


def output_of(*command):
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def value_in(path, key):
    """Value of the first line `key: value` or `key=value` in a file."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            for mark in (":", "="):
                name, found, value = line.partition(mark)
                if found and name.strip() == key:
                    return value.strip().strip('"')
    return ""


def machine(directory):
    ram_kb = int(value_in("/proc/meminfo", "MemTotal").split()[0])
    source, _, filesystem = output_of("findmnt", "-fno", "SOURCE,FSTYPE", "-T", directory).partition(" ")
    size, _, model = output_of("lsblk", "-dno", "SIZE,MODEL", source).partition(" ")
    disk = [source, filesystem.strip(), size, model.strip()]
    return {
        "cpu": value_in("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "ram_gib": round(ram_kb / 2**20, 1),
        "kernel": platform.release(),
        "system": value_in("/etc/os-release", "PRETTY_NAME"),
        "virtual": output_of("systemd-detect-virt"),
        "disk": ", ".join(part for part in disk if part),
    }


def package_versions():
    versions = {}
    for package in PACKAGES:
        version = output_of("dpkg-query", "-W", "-f", "${Version}", package)
        if version:
            versions[package] = version
    return versions


def read_rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def collect(options):
    result = {
        "date": options.date,
        "revision": options.revision,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "machine": machine(options.directory),
        "packages": package_versions(),
        "disk_probe": read_rows(options.probe)[0],
        "rows": read_rows(options.rows),
    }
    json.dump(result, sys.stdout, indent=1)
    print()


def failure(options):
    print(json.dumps({"system": options.system, "workload": "create", "mode": options.mode, "round": options.round,
                      "failed": options.reason}))


def medians(rows):
    """One row for each system and mode, in the order of their first appearance."""
    groups = {}
    for row in rows:
        groups.setdefault((row["system"], row["workload"], row["mode"]), []).append(row)
    merged = []
    for group in groups.values():
        row = dict(group[0])
        rates = [each["per_second"] for each in group]
        for field in ("per_second", "p50_us", "p99_us"):
            row[field] = statistics.median(each[field] for each in group)
        row["lowest"], row["highest"] = min(rates), max(rates)
        merged.append(row)
    return merged


def reference(rows, row, system):
    """The row of `system` to compare `row` with, and whether as many leases are written together in both. It is a
    durable one. None when that system has no such row: one lease in a call is not compared with many."""
    def one(number):
        return number == 1

    if system == "raw RocksDB":
        # It writes groups: as many as a batch has, or as there are callers who wait at the same time.
        group = row["batch"] if row["batch"] > 1 else row["callers"]
        yardsticks = [other for other in rows if other["system"] == system and other["workload"] == row["workload"]]
        if not yardsticks or row["system"] == system:
            return (row, True) if row["system"] == system else (None, False)
        nearest = min(yardsticks, key=lambda other: abs(math.log(other["batch"] / group)))
        return nearest, nearest["batch"] == group

    def distance(other):
        return (one(other["callers"]) != one(row["callers"]),
                abs(math.log(other["batch"] / row["batch"])),
                abs(math.log(other["callers"] / row["callers"])))

    candidates = [other for other in rows
                  if other["system"].startswith(system) and not other["durability"].startswith("none")
                  and other["workload"] == row["workload"] and one(other["batch"]) == one(row["batch"])]
    if not candidates:
        return None, False
    nearest = min(candidates, key=distance)
    return nearest, (nearest["callers"], nearest["batch"]) == (row["callers"], row["batch"])


def ratio(rows, row, system):
    other, same = reference(rows, row, system)
    if other is None:
        return "-"
    quotient = row["per_second"] / other["per_second"]
    digits = 2 if quotient >= 0.1 else 3
    return f"{'' if same else '~'}{quotient:.{digits}f}"


def duration(microseconds):
    return f"{microseconds / 1000:,.1f} ms" if microseconds >= 1000 else f"{microseconds:,.0f} us"


def table(result):
    """Headings, alignments, lines and notes."""
    rows = medians(row for row in result["rows"] if "failed" not in row)
    workloads = {row["workload"] for row in rows}
    headings = ["system", "mode", "durability", "leases/s", "p50", "p99", "x raw RocksDB", "x leaseledger"]
    align = "lllrrrrr"
    if len(workloads) > 1:
        headings.insert(1, "workload")
        align = "l" + align
    if result["rounds"] > 1:
        headings.insert(headings.index("p50"), "lowest - highest")
        align += "r"
    notes = []
    lines = []
    for row in rows:
        own_notes = [note for note in row["note"].split("; ") if note]
        notes += [note for note in own_notes if note not in notes]
        mark = f" [{', '.join(str(notes.index(note) + 1) for note in own_notes)}]" if own_notes else ""
        line = [row["system"], row["mode"] + mark, row["durability"], f"{row['per_second']:,.0f}",
                duration(row["p50_us"]), duration(row["p99_us"]),
                ratio(rows, row, "raw RocksDB"), ratio(rows, row, "leaseledger")]
        if len(workloads) > 1:
            line.insert(1, row["workload"])
        if result["rounds"] > 1:
            line.insert(headings.index("lowest - highest"), f"{row['lowest']:,.0f} - {row['highest']:,.0f}")
        lines.append(line)
    return headings, align, lines, notes


def remarks(result, lines):
    said = [f"Left out, round {row['round']}: {row['system']}, {row['mode']}: {row['failed']}"
            for row in result["rows"] if "failed" in row]
    if any(cell.startswith("~") for line in lines for cell in line):
        said.append("~ against the row with the nearest number of callers and size of batch, as there is no equal one.")
    busy = sorted({f"{row['system']}, {row['mode']}" for row in result["rows"]
                   if max(row.get("disk_us", [0])) > BUSY * result["disk_probe"]["p50_us"]})
    if busy:
        said.append(f"Not alone: fdatasync was more than {BUSY} times slower than at the beginning, just before or just "
                    f"after these: {'; '.join(busy)}.")
    return said


def about(result):
    m, probe = result["machine"], result["disk_probe"]
    virtual = f" ({m['virtual']})" if m["virtual"] not in ("", "none") else ""
    versions = ", ".join(f"{name} {version}" for name, version in result["packages"].items())
    rounds = f", median of {result['rounds']} rounds" if result["rounds"] > 1 else ""
    return [
        f"{result['date']}, leaseledger {result['revision']}, {result['seconds']} s a measurement{rounds}",
        f"{m['cpu']}, {m['cores']} cores{virtual}, {m['ram_gib']} GiB RAM, {m['system']}, Linux {m['kernel']}",
        f"disk {m['disk']}: append of 4 KiB with fdatasync p50 {duration(probe['p50_us'])}, "
        f"p99 {duration(probe['p99_us'])}",
        f"packages: {versions}" if versions else "",
    ]


def show(options):
    with open(options.result, encoding="utf-8") as file:
        result = json.load(file)
    headings, align, lines, notes = table(result)
    if options.markdown:
        cells = [headings, ["---" if side == "l" else "---:" for side in align]] + lines
        text = ["| " + " | ".join(line) + " |" for line in cells]
        bullet = "- "
    else:
        widths = [max(len(line[i]) for line in [headings] + lines) for i in range(len(headings))]
        pad = {"l": str.ljust, "r": str.rjust}
        text = ["  ".join(pad[side](cell, width) for cell, side, width in zip(line, align, widths)).rstrip()
                for line in [headings] + lines]
        bullet = ""
    facts = [bullet + fact for fact in about(result) if fact]
    numbered = [f"{bullet}[{number}] {note}" for number, note in enumerate(notes, 1)]
    said = [bullet + remark for remark in remarks(result, lines)]
    print("\n".join(facts + [""] + text + [""] + numbered + said))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("collect")
    for name in ("rows", "probe", "directory", "date", "revision"):
        verb.add_argument("--" + name, required=True)
    verb.add_argument("--seconds", type=int, required=True)
    verb.add_argument("--rounds", type=int, required=True)
    verb.set_defaults(run=collect)
    verb = verbs.add_parser("show")
    verb.add_argument("--markdown", action="store_true")
    verb.add_argument("result")
    verb.set_defaults(run=show)
    verb = verbs.add_parser("failure")
    verb.add_argument("system")
    verb.add_argument("mode")
    verb.add_argument("round", type=int)
    verb.add_argument("reason")
    verb.set_defaults(run=failure)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
