#!/usr/bin/env python3
"""The ledger with a real Kea.

usage: scenarios.py DAEMON CLIENT HOOK-LIBRARY SCENARIO ROAD [SEED]

SCENARIO  smoke             a few scripted clients
          everything        10,000 clients by perfdhcp, then a minute of scripted ones: renew, rebind, release, decline,
                            prefixes, rapid commit, expiry, an operator's commands; histories as the clients saw them
          kea-killed        Kea is killed and started again while clients come
          ledger-killed     the ledger is
          both-killed       both are
          cut               the network between them is cut and mended
          bad-ledger        something else is at the ledger's address, slow, dead or talking nonsense; then the ledger
          hot-standby       two Keas; the primary is killed and its partner takes over
ROAD      ha, ha-wait       Kea's stock HA hook, passive-backup, without and with wait-backup-ack
          hook, hook-async  our hook library: before-reply and refuse, async and carry-on
"""
import csv
import datetime
import os
import random
import subprocess
import sys
import time

import compare
import world
from world import World, HERE, ROOT

SCRIPTED = os.path.join(ROOT, "tools", "kea", "scripted_clients.py")
LOAD = os.path.join(HERE, "load_client.py")


def seconds_of(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")[:19] + "+00:00").timestamp()


class Play:
    def __init__(self, here, road, seed):
        self.here, self.road, self.seed = here, road, seed
        self.ledger = here.ledger
        self.journals = 0

    def begin(self, compare_too=True, interval="0s"):
        """One Kea attached to the ledger, both running."""
        self.kea = self.here.kea()
        self.kea.attach(self.road, self.ledger.url)
        self.ledger.write_config([self.kea], compare=False)
        # The ledger reads the server's subnets from its file, which is written when Kea starts.
        self.ledger.start()
        self.kea.start()
        if compare_too:
            self.ledger.kill(15)
            self.ledger.write_config([self.kea], compare=True, interval=interval)
            self.ledger.start()

    def scripted(self, seconds):
        journal = os.path.join(self.here.dir, "journal.csv")
        played = self.here.in_clients(sys.executable, SCRIPTED, "eth1", self.kea.control, "--seconds", str(seconds),
                                      "--seed", str(self.seed), "--journal", journal)
        assert played.wait() == 0
        with open(journal) as file:
            return list(csv.reader(file))

    def load(self, seconds):
        """Clients in the background; call the result for what they were given."""
        self.journals += 1
        journal = os.path.join(self.here.dir, "load-%d.csv" % self.journals)
        process = self.here.in_clients(sys.executable, LOAD, "eth1", str(seconds), str(self.journals << 16), journal)

        def given():
            assert process.wait() == 0
            with open(journal) as file:
                return list(csv.reader(file))
        return given

    def finish(self):
        """After a comparison: equal, and nothing twice."""
        status = self.ledger.compare_now()
        leases = compare.assert_equal_leases([self.kea], self.ledger)
        compare.assert_nothing_doubled(self.ledger)
        again = self.ledger.compare_now()
        assert all(each["missing"] == each["changed"] == each["absent"] == 0 for each in again), again
        print("%d leases are equal; recorded by comparison: %s" % (leases, [each["recordedInAll"] for each in status]))


def check_histories(ledger, journal):
    """Each thing that a client saw is in the history of that address or prefix."""
    known, seen = {}, 0
    for stamp, actor, what, _, address, length, duid, iaid in journal:
        if not actor.startswith("client"):
            continue
        at, key = float(stamp), (address, int(length))
        if key not in known:
            known[key] = ledger.history(*key)
        # Kea's times are whole seconds, and the client notes it a little later.
        mine = [span for span in known[key] if span["duid"] == duid and span["iaid"] == int(iaid)]
        if what in ("released", "declined"):
            fits = [span for span in mine if span["ended"] == what and abs(seconds_of(span["until"]) - at) <= 1.5]
        else:
            fits = [span for span in mine if seconds_of(span["from"]) <= at + 1 and at <= seconds_of(span["until"]) + 1]
        assert fits, "%s %s %s/%s by %s at %.3f: the ledger has %s" % (actor, what, *key, duid, at, known[key])
        seen += 1
    compare.assert_each_span_once(ledger, known)
    return seen, len(known)


def smoke(play):
    play.begin()
    journal = play.scripted(12)
    play.ledger.compare_now()
    print("%d things that clients saw, about %d addresses and prefixes" % check_histories(play.ledger, journal))
    play.finish()


def everything(play):
    play.begin()
    offered = play.here.perfdhcp(400, clients=10_000, seed=play.seed)
    print("perfdhcp:", offered)
    journal = play.scripted(75)
    by_hand(play)
    play.ledger.compare_now()
    print("%d things that clients saw, about %d addresses and prefixes" % check_histories(play.ledger, journal))
    play.finish()
    lines = [span for address in {row[4] for row in journal if row[3] == "20" and row[1].startswith("client")}
             for span in play.ledger.history(address)]
    if play.road.startswith("hook"):
        assert any(span.get("packet", {}).get("relays", [{}])[0].get("remote-id") for span in lines)


def by_hand(play):
    """Each of the commands once, with the outcome that the ledger must have after a comparison at the latest."""
    kea, ledger = play.kea, play.ledger
    one = {"ip-address": "2001:db8:20::7:1", "duid": "00:03:00:01:02:00:5e:00:00:01", "iaid": 9, "valid-lft": 3000,
           "preferred-lft": 2000, "hostname": "by-hand"}
    assert kea.ask("lease6-add", one)["result"] == 0
    assert kea.ask("lease6-update", dict(one, hostname="changed", **{"valid-lft": 4000}))["result"] == 0
    two = dict(one, **{"ip-address": "2001:db8:20::7:2", "iaid": 10})
    assert kea.ask("lease6-add", two)["result"] == 0
    assert kea.ask("lease6-del", {"ip-address": two["ip-address"]})["result"] == 0
    ledger.compare_now()
    assert ledger.leases()["2001:db8:20::7:1", 128]["valid-lft"] == 4000
    assert ("2001:db8:20::7:2", 128) not in ledger.leases()
    assert kea.ask("lease6-wipe", {"subnet-id": 40})["result"] in (0, 3)


def chaos(play, during):
    """Clients come while `during` goes on. On roads that hold the reply, all that clients have is known before any comparison."""
    play.begin(compare_too=False)
    given = play.load(14)
    time.sleep(3)
    during(play)
    got = given()
    assert len(got) > 200, "only %d clients were answered" % len(got)
    assert play.kea.alive() and play.ledger.alive()
    if play.road in ("hook", "ha-wait"):
        for stamp, address, duid, iaid in got:
            spans = [span for span in play.ledger.history(address) if span["duid"] == duid and span["iaid"] == int(iaid)]
            assert spans, "%s has %s since %s, and the ledger does not know" % (duid, address, stamp)
        print("%d clients were answered, all of them known" % len(got))
    if play.road == "hook-async":
        wait_until_caught_up(play)
    play.ledger.kill(15)
    play.ledger.write_config([play.kea], compare=True)
    play.ledger.start()
    play.finish()
    assert len(got) <= sum(1 for _ in play.ledger.leases())


def counters(kea, *names):
    """Of the hook library, as statistic-get has them."""
    answers = {name: kea.ask("statistic-get", {"name": "leaseledger." + name})["arguments"] for name in names}
    return {name: list(answer.values())[0][0][0] for name, answer in answers.items()}


def wait_until_caught_up(play):
    for _ in range(200):
        # Counters are set when something happens; a command is something.
        now = counters(play.kea, "queue", "spool-bytes", "connected")
        if now == {"queue": 0, "spool-bytes": 0, "connected": 1}:
            return
        time.sleep(0.1)
    raise AssertionError("the hook library did not catch up: %s" % now)


def kill_kea(play):
    play.kea.kill()
    time.sleep(1.5)
    play.kea.start()


def kill_ledger(play):
    play.ledger.kill()
    time.sleep(2)
    play.ledger.start()


def kill_both(play):
    play.kea.kill()
    play.ledger.kill()
    time.sleep(1)
    play.ledger.start()
    play.kea.start()


def cut_network(play):
    play.here.cut()
    time.sleep(3)
    play.here.mend()


def bad_ledger(play):
    """Kea lives with anything, answers its clients as it was told to, and nothing of what it did is lost."""
    kea, ledger = play.here.kea(), play.ledger
    play.kea = kea
    kea.attach(play.road, ledger.url)
    bad = subprocess.Popen(["ip", "netns", "exec", play.here.ledger_space, sys.executable, os.path.join(HERE, "bad_ledger.py"),
                            play.here.ledger_address, "8548"])
    try:
        time.sleep(0.5)
        kea.start()
        given = play.load(10)()
        assert kea.alive()
        before = counters(kea, "requests-failed", "connected")
        assert before["requests-failed"] > 3 and before["connected"] == 0, before
        if play.road == "hook":
            assert not given, "a client was answered although the ledger was away: %s" % given[:3]
        else:
            assert len(given) > 500, "only %d clients were answered" % len(given)
        assert kea.rss_mib() < 200, "Kea takes %.0f MiB" % kea.rss_mib()
    finally:
        bad.kill()
        bad.wait()
    ledger.write_config([kea], compare=False)
    ledger.start()
    more = play.load(4)()
    assert len(more) > 100, "only %d clients were answered once the ledger was there" % len(more)
    wait_until_caught_up(play)
    # Without any comparison: what was put aside has come.
    known = ledger.leases()
    for _, address, duid, iaid in given + more:
        assert known[address, 128]["duid"] == duid and known[address, 128]["iaid"] == int(iaid)
    ledger.kill(15)
    ledger.write_config([kea], compare=True)
    ledger.start()
    play.finish()


def hot_standby(play):
    """Two Keas of which one serves; both tell the ledger what they do."""
    here, ledger = play.here, play.ledger
    pair = [here.kea("kea1"), here.kea("kea2")]
    ports = {"kea1": 8001, "kea2": 8002}
    peers = [{"name": kea.name, "url": "http://127.0.0.1:%d/" % ports[kea.name],
              "role": "primary" if kea.name == "kea1" else "standby"} for kea in pair]
    for kea in pair:
        own = [dict(peer) for peer in peers]
        if play.road.startswith("ha"):
            own.append({"name": "ledger", "url": ledger.url, "role": "backup", "basic-auth-user": kea.name,
                        "basic-auth-password": world.PASSWORD})
        # Before the HA library: it holds packets too.
        if play.road.startswith("hook"):
            kea.attach(play.road, ledger.url)
        # Only a multi-threaded Kea listens to its partner by itself.
        kea.multi_threaded()
        kea.add_hook(world.HOOKS + "/libdhcp_ha.so", {"high-availability": [{
            "this-server-name": kea.name, "mode": "hot-standby",
            "multi-threading": {"enable-multi-threading": True, "http-dedicated-listener": True,
                                "http-listener-threads": 2, "http-client-threads": 2},
            "heartbeat-delay": 1000, "max-response-delay": 3000,
            "max-ack-delay": 1000, "max-unacked-clients": 0, "peers": own}]})
    # They share a link; only one may have the port, so the standby listens on a second interface.
    here.ip("link", "add", "eth2", "netns", here.server, "type", "veth", "peer", "name", "eth2", "netns", here.clients)
    for space in (here.server, here.clients):
        here.ip("-n", space, "link", "set", "eth2", "up")
    pair[1].config["interfaces-config"]["interfaces"] = ["eth2"]
    pair[1].config["subnet6"][0]["interface"] = "eth2"
    time.sleep(2)
    ledger.write_config(pair, compare=False)
    ledger.start()
    for kea in pair:
        kea.start()
    wait_for_state(pair[0], "hot-standby")
    wait_for_state(pair[1], "hot-standby")
    play.kea = pair[0]
    got = play.load(6)()
    assert len(got) > 100, "only %d clients were answered" % len(got)
    time.sleep(1.5)
    once = {}
    for record in ledger.records():
        if record["kind"] in ("ClientCreated", "LeaseRenewed"):
            key = record["lease"]["address"], record["lease"]["duid"], record["lease"]["iaid"]
            once[key] = once.get(key, 0) + 1
    for _, address, duid, iaid in got:
        assert once.get((address, duid, int(iaid))) == 1, "%s: %s" % (address, once.get((address, duid, int(iaid))))
    ledger.kill(15)
    ledger.write_config(pair, compare=True)
    ledger.start()
    status = ledger.compare_now()
    assert all(each["changed"] == each["absent"] == 0 for each in status), status
    compare.assert_equal_leases([pair[0]], ledger)
    compare.assert_equal_leases([pair[1]], ledger)
    compare.assert_nothing_doubled(ledger)
    pair[0].kill()
    wait_for_state(pair[1], "partner-down", 40)
    given = here.in_clients(sys.executable, LOAD, "eth2", "4", str(9 << 16), os.path.join(here.dir, "after.csv"))
    assert given.wait() == 0
    with open(os.path.join(here.dir, "after.csv")) as file:
        after = list(csv.reader(file))
    assert len(after) > 50, "the standby answered %d clients" % len(after)
    time.sleep(2)
    for _, address, duid, iaid in after:
        spans = [span for span in ledger.history(address) if span["duid"] == duid and span["iaid"] == int(iaid)]
        assert len(spans) == 1, "%s: %s" % (address, spans)
    compare.assert_equal_leases([pair[1]], ledger)
    print("%d clients of the primary and %d of the standby, each once" % (len(got), len(after)))


def wait_for_state(kea, state, patience=30):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        status = kea.ask("status-get")["arguments"]["high-availability"][0]["ha-servers"]["local"]["state"]
        if status == state:
            return
        time.sleep(0.2)
    raise AssertionError("%s is in state %s, not %s" % (kea.name, status, state))


SCENARIOS = {
    "smoke": smoke,
    "everything": everything,
    "kea-killed": lambda play: chaos(play, kill_kea),
    "ledger-killed": lambda play: chaos(play, kill_ledger),
    "both-killed": lambda play: chaos(play, kill_both),
    "cut": lambda play: chaos(play, cut_network),
    "bad-ledger": bad_ledger,
    "hot-standby": hot_standby,
}


def main():
    if len(sys.argv) not in (6, 7) or sys.argv[4] not in SCENARIOS or sys.argv[5] not in world.ROADS:
        sys.exit(__doc__)
    daemon, client, hook, scenario, road = sys.argv[1:6]
    seed = int(sys.argv[6]) if len(sys.argv) == 7 else int(os.environ.get("LEASELEDGER_SEED", random.randrange(1, 10_000)))
    print("LEASELEDGER_SEED=%d" % seed, flush=True)
    world.require(hook if road.startswith("hook") else None)
    with World(daemon, client, hook) as here:
        SCENARIOS[scenario](Play(here, road, seed))


main()
