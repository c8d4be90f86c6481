"""What Kea has against what the ledger says."""
import collections
import time

MARGIN_S = 3  # leases that end about now may be over for one and not yet for the other


def named(lease):
    """What makes two leases the same: the client, when, and for how long. Nobody's are those that were declined."""
    who = ("declined",) if lease["state"] == 1 else (lease["duid"], lease["iaid"])
    return (*who, lease["type"], lease["cltt"], lease["valid-lft"], lease["subnet-id"], lease["hostname"])


def held(leases, now):
    """Those that are active or declined and stay so for a while."""
    return {key: named(lease) for key, lease in leases.items()
            if lease["state"] in (0, 1) and lease["cltt"] + lease["valid-lft"] > now + MARGIN_S}


def assert_equal_leases(keas, ledger):
    theirs = {}
    for kea in keas:
        theirs.update(kea.leases())
    ours, now = ledger.leases(), time.time()
    # Once over, a lease may be missing on either side.
    a, b = held(theirs, now), held(ours, now)
    only_kea = {key: value for key, value in a.items() if key not in b}
    only_ledger = {key: value for key, value in b.items() if key not in a}
    other = {key: (a[key], b[key]) for key in a.keys() & b.keys() if a[key] != b[key]}
    assert not only_kea, "Kea has %d leases that the ledger has not, such as %s" % (len(only_kea), list(only_kea.items())[:3])
    assert not only_ledger, "the ledger has %d leases that Kea has not, such as %s" % (len(only_ledger), list(only_ledger.items())[:3])
    assert not other, "%d leases differ, such as %s" % (len(other), list(other.items())[:3])
    return len(a)


def assert_nothing_doubled(ledger):
    """No lease begins twice at one moment, and no record of a command comes twice."""
    begun, ids = collections.Counter(), collections.Counter()
    for record in ledger.records():
        if record["kind"] == "ClientCreated":
            lease = record["lease"]
            begun[lease["address"], lease["duid"], lease["iaid"], lease["tenure"]] += 1
        if "id" in record and "lease" in record:
            ids[record["id"], record["kind"], record["lease"]["address"]] += 1
    assert not [key for key, count in begun.items() if count > 1]
    assert not [key for key, count in ids.items() if count > 1]
    spans = collections.defaultdict(list)
    return len(begun), spans


def assert_each_span_once(ledger, keys):
    """Spans of one key do not overlap."""
    for address, length in keys:
        last = ""
        for span in ledger.history(address, length):
            assert span["from"] >= last, "%s/%d: %s" % (address, length, ledger.history(address, length))
            last = span["until"] if span["ended"] else span["from"]
