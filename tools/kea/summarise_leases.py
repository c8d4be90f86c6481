#!/usr/bin/env python3
"""Ground truth about a Kea memfile, computed from the CSV alone and without any of our C++.

usage: summarise_leases.py LEASES.csv > expected.json
       summarise_leases.py LEASES.csv --compare LEASE6-GET-ALL.json     last rows against Kea's own answer
       summarise_leases.py LEASES.csv --journal JOURNAL.csv             end of spans against what clients saw

How a row is read (Kea 2.2; the file is in the order of the changes):
  cltt = expire - valid_lifetime is the client's last transaction, whole seconds UTC.
  state 0, valid_lifetime > 0   DUID holds the key from cltt, at most until expire.
  state 1                       declined at cltt; no holder (DUID 00).
  state 2                       expired and reclaimed; written late, cltt and expire are the old ones.
  valid_lifetime 0              the lease is gone. expire is the cltt of the LAST ASSIGNMENT, not the time of
                                the deletion, which the file does not hold. It lies between the newest cltt
                                in the rows before and the first newer-or-equal cltt in the rows after:
                                `until` is the former, `until_latest` the latter.
A span is one DUID's unbroken hold of one key: renewals are merged, a gap or another holder starts a new one.
"""
import argparse
import collections
import csv
import datetime
import ipaddress
import json
import sys

ASSIGNED, DECLINED, RECLAIMED = 0, 1, 2
TYPES = {0: "IA_NA", 2: "IA_PD"}
STATES = {ASSIGNED: "assigned", DECLINED: "declined", RECLAIMED: "reclaimed"}
CHOSEN_ADDRESSES, CHOSEN_PREFIXES = 5, 3

Row = collections.namedtuple("Row", "line key duid iaid valid expire cltt subnet state hostname context preferred hwaddr")


def read_rows(path):
    with open(path, newline="") as file:
        for line, cell in enumerate(csv.DictReader(file), 2):
            valid, expire = int(cell["valid_lifetime"]), int(cell["expire"])
            key = (int(cell["lease_type"]), cell["address"], int(cell["prefix_len"]))
            yield Row(line, key, cell["duid"], int(cell["iaid"]), valid, expire, expire - valid,
                      int(cell["subnet_id"]), int(cell["state"]), unescape(cell["hostname"]),
                      unescape(cell["user_context"]), int(cell["pref_lifetime"]), cell["hwaddr"])


def unescape(value):
    return value.replace("&#x2c", ",")


def utc(second):
    moment = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# -- spans --------------------------------------------------------------------------------------------------


def deletion_bounds(rows):
    """{line of a deletion: (newest cltt before it, first such cltt after it or None)}."""
    bounds, waiting, newest = {}, [], None
    for row in rows:
        if row.valid == 0:
            waiting.append((row.line, newest))
        elif row.state in (ASSIGNED, DECLINED) and (newest is None or row.cltt >= newest):
            for line, before in waiting:
                bounds[line] = (before, row.cltt)
            waiting, newest = [], row.cltt
    bounds.update({line: (before, None) for line, before in waiting})
    return bounds


def spans_by_key(rows):
    """{key: [span, ...]} in order; a span is a dict with from, until, ended_by and the holder."""
    bounds, spans, running = deletion_bounds(rows), collections.defaultdict(list), {}
    for row in rows:
        span = running.get(row.key)
        if span and row.valid and row.state != RECLAIMED and row.cltt > span["until"]:
            running.pop(row.key)  # it had expired before this row; Kea had not reclaimed it yet
            span = None
        if row.valid == 0:
            if span:
                end_at_deletion(running.pop(row.key), *bounds[row.line])
        elif row.state == RECLAIMED:
            running.pop(row.key, None)
        elif row.state == DECLINED:
            if span:
                running.pop(row.key).update(until=row.cltt, ended_by="declined")
        elif span and span["duid"] == row.duid:
            span.update(until=row.expire, iaid=row.iaid, last_cltt=row.cltt)
            span["rows"] += 1
        else:
            if span:
                span.update(until=row.cltt, ended_by="taken over")
            span = {"duid": row.duid, "iaid": row.iaid, "subnet": row.subnet, "from": row.cltt,
                    "until": row.expire, "ended_by": "expired", "rows": 1, "last_cltt": row.cltt}
            running[row.key] = span
            spans[row.key].append(span)
    return spans


def end_at_deletion(span, earliest, latest):
    if earliest <= span["until"]:
        span.update(until=earliest, ended_by="deleted")
        if latest is not None:
            span["until_latest"] = latest


def holders(spans):
    return {span["duid"] for span in spans}


# -- the summary ----------------------------------------------------------------------------------------------


def final_leases(rows):
    last = {row.key: row for row in rows}
    return {key: row for key, row in last.items() if row.valid}


def summary(rows, name):
    spans = spans_by_key(rows)
    by_kind = collections.Counter(f"{STATES[row.state]} {TYPES[row.key[0]]}" for row in rows if row.valid)
    deleted = collections.Counter(TYPES[row.key[0]] for row in rows if not row.valid)
    changed = {key: held for key, held in spans.items() if len(holders(held)) > 1}
    as_of = rows[-1].cltt
    active = collections.Counter(row.subnet for row in final_leases(rows).values()
                                 if row.state == ASSIGNED and row.expire > as_of)
    return {
        "source": name,
        "rows": len(rows),
        "rows_by_state_and_type": dict(sorted(by_kind.items())),
        "deletions_by_type": dict(sorted(deleted.items())),
        "deletions": sum(deleted.values()),
        "distinct_keys": len({row.key for row in rows}),
        "distinct_keys_by_type": dict(sorted(collections.Counter(
            TYPES[kind] for kind, _, _ in {row.key for row in rows}).items())),
        "distinct_duids": len({row.duid for row in rows if row.duid != "00"}),
        "spans": sum(map(len, spans.values())),
        "spans_by_end": dict(sorted(collections.Counter(
            how_it_ended(span, as_of) for held in spans.values() for span in held).items())),
        "keys_that_changed_hands": dict(sorted(collections.Counter(TYPES[key[0]] for key in changed).items())),
        "handovers": sum(before["duid"] != after["duid"]
                         for held in spans.values() for before, after in zip(held, held[1:])),
        "first_cltt": utc(min(row.cltt for row in rows)),
        "last_cltt": utc(max(row.cltt for row in rows)),
        "active_at_end": {"as_of": utc(as_of), "total": sum(active.values()),
                          "by_subnet": {str(subnet): active[subnet] for subnet in sorted(active)}},
        "addresses": [described(key, spans[key], as_of) for key in chosen(changed, 0, CHOSEN_ADDRESSES)],
        "prefixes": [described(key, spans[key], as_of) for key in chosen(changed, 2, CHOSEN_PREFIXES)],
    }


def how_it_ended(span, as_of):
    return "running" if span["ended_by"] == "expired" and span["until"] > as_of else span["ended_by"]


def chosen(changed, kind, count):
    """First one key for each way a hold ended that the earlier ones lack, then the liveliest keys."""
    keys = sorted((key for key in changed if key[0] == kind),
                  key=lambda key: (-len(holders(changed[key])), ipaddress.ip_address(key[1])))
    keys = [key for key in keys if 3 <= len(changed[key]) <= 6] or keys
    picked, seen = [], set()
    for key in keys:
        ways = {(span["ended_by"], span["subnet"]) for span in changed[key]}
        if not ways <= seen and len(picked) < count:
            picked.append(key)
            seen |= ways
    picked += [key for key in keys if key not in picked][:count - len(picked)]
    return picked


def described(key, spans, as_of):
    kind, address, prefix_len = key
    fact = {"address": address}
    if kind == 2:
        inside = ipaddress.ip_address(address) + (0x17 << 64) + 0xC0FFEE
        fact = {"prefix": f"{address}/{prefix_len}", "address_inside": str(inside)}
    fact["subnet_id"] = spans[0]["subnet"]
    fact["spans"] = []
    for span in spans:
        told = {"duid": span["duid"], "iaid": span["iaid"], "from": utc(span["from"]), "until": utc(span["until"])}
        if "until_latest" in span:
            told["until_latest"] = utc(span["until_latest"])
        told["ended_by"] = how_it_ended(span, as_of)
        fact["spans"].append(told)
    return fact


# -- the two checks ---------------------------------------------------------------------------------------------


def compare(rows, path):
    """Kea's lease6-get-all against the last row of each key. Returns the differences."""
    with open(path) as file:
        answer = json.load(file)
    ours = {}
    for (kind, address, prefix_len), row in final_leases(rows).items():
        ours[(kind, address, prefix_len)] = {
            "duid": row.duid, "iaid": row.iaid, "cltt": row.cltt, "valid-lft": row.valid,
            "preferred-lft": row.preferred, "subnet-id": row.subnet, "state": row.state, "hostname": row.hostname,
            "hw-address": row.hwaddr, "user-context": json.loads(row.context) if row.context else None}
    theirs = {}
    for lease in answer["arguments"]["leases"]:
        kind = 2 if lease["type"] == "IA_PD" else 0
        key = (kind, lease["ip-address"], lease.get("prefix-len", 128))
        theirs[key] = {"duid": lease["duid"], "hw-address": lease.get("hw-address", ""),
                       "user-context": lease.get("user-context")}
        theirs[key].update({name: lease[name] for name in
                            ("iaid", "cltt", "valid-lft", "preferred-lft", "subnet-id", "state", "hostname")})
    differences = [f"{key}: csv {ours.get(key)}, Kea {theirs.get(key)}"
                   for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    return len(theirs), differences


def check_journal(rows, path):
    """Every release the clients noted must end a span of that DUID, at the noted second within the bounds."""
    spans, found, differences = spans_by_key(rows), 0, []
    with open(path, newline="") as file:
        for second, actor, what, _, address, prefix_len, duid, _ in csv.reader(file):
            if what not in ("released", "lease6-del=0") or address not in {key[1] for key in spans}:
                continue
            noted = float(second)
            kind = 0 if prefix_len == "128" else 2
            ended = [span for span in spans[(kind, address, int(prefix_len))] if span["ended_by"] == "deleted"
                     and (not duid or actor == "operator" or span["duid"] == duid)
                     and span["until"] - 1 <= noted <= span.get("until_latest", noted) + 1]
            found += bool(ended)
            if not ended:
                differences.append(f"{what} {address} by {actor} at {second}: no span ends there")
    return found, differences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("leases")
    parser.add_argument("--compare", metavar="LEASE6-GET-ALL.json")
    parser.add_argument("--journal", metavar="JOURNAL.csv")
    options = parser.parse_args()
    rows = list(read_rows(options.leases))
    if options.compare or options.journal:
        count, differences = compare(rows, options.compare) if options.compare else check_journal(rows, options.journal)
        print("\n".join(differences + [f"{count} compared, {len(differences)} differ"]))
        sys.exit(1 if differences else 0)
    print(json.dumps(summary(rows, options.leases.rsplit("/", 1)[-1]), indent=1))


if __name__ == "__main__":
    main()
