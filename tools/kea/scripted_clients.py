#!/usr/bin/env python3
"""Plays the clients, relays and operator of four small networks against a real Kea, in real time.

usage: scripted_clients.py INTERFACE CONTROL-SOCKET [--seconds 270] [--seed 1] [--journal FILE]

  office       subnet 10, on the link: desks that renew; who leaves frees a desk for the next one
  guests       subnet 20, relayed: short stays that end in silence, a release or a decline
  subscribers  subnet 30, relayed: an address and a /56, rapid commit, lines that change hands
  trials       subnet 40, relayed: sixteen /56 that go round
  operator     lease6-add, -update, -del and -bulk-apply on the control channel

The seed fixes who does what; the times are the wall clock's. FILE gets one CSV line per thing the
clients saw (UTC seconds, actor, what, subnet, address, prefix length, DUID, IAID). Ends with one JSON
line of counts on stdout.
"""
import argparse
import collections
import heapq
import itertools
import json
import random
import struct
import sys
import time
import uuid

import dhcp6_wire as wire
from control_channel import ask
from dhcp6_wire import IA_NA, IA_PD

LINKS = {10: None, 20: "2001:db8:20::1", 30: "2001:db8:30::1", 40: "2001:db8:40::1"}
RENEW_AFTER_S = {10: 22, 20: 20, 30: 30, 40: 16}
# Mean seconds between arrivals, for the subnets whose clients come and go.
ARRIVAL_S = {20: 1.0, 40: 2.6}
RESIDENTS = {10: 45, 30: 55}
ARRIVE_WITHIN_S = {10: 60, 30: 90}
OPERATOR_EVERY_S = 3.0
GIVE_UP_AFTER = 3  # attempts to get a lease


def make_duid(kind, number, rng):
    """The four DUID types of RFC 8415 section 11, with link-layer addresses from a private range."""
    mac = bytes([0x02, 0x00, 0x5E]) + struct.pack("!I", number)[1:]
    if kind == "LLT":
        return struct.pack("!HHI", 1, 1, 0x2C000000 + rng.randrange(1 << 20)) + mac
    if kind == "EN":
        return struct.pack("!HI", 2, 32473) + b"ser-%06d" % number  # 32473: RFC 5612, for examples
    if kind == "LL":
        return struct.pack("!HH", 3, 1) + mac
    return struct.pack("!H", 4) + uuid.UUID(int=rng.getrandbits(128), version=4).bytes


class Client:
    """One host or router: its DUID, its IAs and what it holds now."""

    def __init__(self, number, subnet, kinds, rng, wishes=None):
        self.number, self.subnet = number, subnet
        duid_kind = rng.choices(("LLT", "LL", "EN", "UUID"), (45, 20, 10, 25))[0]
        self.duid = make_duid(duid_kind, number, rng)
        first = rng.choice((1, 1, 7, rng.randrange(1 << 32)))
        self.ias = [(kind, (first + at) & 0xFFFFFFFF) for at, kind in enumerate(kinds)]
        self.wishes = wishes or {}  # {kind: (address, prefix_len)}
        self.held = {}              # {(kind, iaid): (address, prefix_len)}
        self.server = None
        self.renewals_left = None   # None: stays for good
        self.ending = "silence"
        self.hostname = f"host-{number:04d}.example.net" if rng.random() < 0.5 else None

    def colon_duid(self):
        return self.duid.hex(":")


class Stage:
    """Everything that happens, in the order of the clock."""

    def __init__(self, options):
        self.rng = random.Random(options.seed)
        self.link = wire.Link(options.interface)
        self.control = options.control_socket
        self.seconds = options.seconds
        self.journal = open(options.journal, "w") if options.journal else None
        self.numbers = itertools.count(1)
        self.order = itertools.count()
        self.agenda = []
        self.counts = collections.Counter()
        self.operator_leases = []

    # -- the agenda ---------------------------------------------------------------------------

    def at(self, second, action, *arguments):
        heapq.heappush(self.agenda, (second, next(self.order), action, arguments))

    def now(self):
        return time.monotonic() - self.started

    def play(self):
        self.started = time.monotonic()
        for subnet, residents in RESIDENTS.items():
            for place in range(residents):
                self.at(place * ARRIVE_WITHIN_S[subnet] / residents, self.arrive, self.resident(subnet))
        for subnet in ARRIVAL_S:
            self.at(1.0, self.visitor_arrives, subnet)
        self.at(2.0, self.operate)
        while self.agenda and self.agenda[0][0] < self.seconds:
            second, _, action, arguments = heapq.heappop(self.agenda)
            time.sleep(max(0.0, second - self.now()))
            action(*arguments)
        return self.counts

    # -- who comes -------------------------------------------------------------------------------

    def resident(self, subnet, wishes=None):
        kinds = [IA_NA, IA_PD] if subnet == 30 else [IA_NA]
        if self.rng.random() < 0.12:
            kinds.append(kinds[-1])  # a second IA of the same kind
        return Client(next(self.numbers), subnet, kinds, self.rng, wishes)

    def visitor_arrives(self, subnet):
        kinds = [IA_NA] if subnet == 20 else [IA_NA, IA_PD]
        visitor = Client(next(self.numbers), subnet, kinds, self.rng)
        visitor.renewals_left = self.rng.choice((0, 0, 1, 1, 2))
        visitor.ending = self.rng.choices(("silence", "release", "decline", "rebind"), (52, 32, 6, 10))[0]
        self.arrive(visitor)
        self.at(self.now() + self.rng.expovariate(1 / ARRIVAL_S[subnet]), self.visitor_arrives, subnet)

    def arrive(self, client, attempt=1):
        rapid = client.subnet in (30, 40) and self.rng.random() < 0.5
        if not self.acquire(client, rapid):
            if attempt < GIVE_UP_AFTER:
                self.at(self.now() + 5, self.arrive, client, attempt + 1)
            return
        if client.ending == "decline":
            self.at(self.now() + 1, self.decline, client)
        else:
            self.next_turn(client)

    def next_turn(self, client):
        wait = RENEW_AFTER_S[client.subnet] * self.rng.uniform(0.6, 1.0)
        self.at(self.now() + wait, self.turn, client)

    # -- what a client does when its T1 comes -----------------------------------------------------

    def turn(self, client):
        if client.renewals_left is None:
            self.resident_turn(client)
        elif client.renewals_left > 0:
            client.renewals_left -= 1
            self.extend(client, wire.RENEW)
            self.next_turn(client)
        elif client.ending == "release":
            self.let_go(client, wire.RELEASE, list(client.held))
        elif client.ending == "rebind":
            self.extend(client, wire.REBIND)

    def resident_turn(self, client):
        chance = self.rng.random()
        prefixes = [key for key in client.held if key[0] == IA_PD]
        if chance < 0.09:  # moves out; the next one asks for what was left
            wishes = {kind: held for (kind, _), held in client.held.items()}
            self.let_go(client, wire.RELEASE, list(client.held))
            newcomer = self.resident(client.subnet, wishes)
            self.at(self.now() + self.rng.uniform(2, 9), self.arrive, newcomer)
            return
        if chance < 0.11:  # falls silent for good
            return
        if chance < 0.15 and prefixes:  # gives a prefix back and asks again later
            self.let_go(client, wire.RELEASE, prefixes[:1])
            self.at(self.now() + 12, self.arrive, client)
            return
        self.extend(client, wire.REBIND if chance < 0.25 else wire.RENEW)
        self.next_turn(client)

    # -- the messages --------------------------------------------------------------------------------

    def send(self, client, kind, ias, extra=b""):
        body = wire.option(wire.CLIENT_ID, client.duid) + extra
        for ia_kind, iaid, held in ias:
            body += wire.ia_option(ia_kind, iaid, held)
        if client.hostname and kind not in (wire.RELEASE, wire.DECLINE):
            body += wire.fqdn_option(client.hostname)
        relay = b""
        if LINKS[client.subnet]:
            relay = (wire.option(wire.INTERFACE_ID, b"ge-0/0/%d.%d" % (client.number % 4, client.subnet))
                     + wire.option(wire.REMOTE_ID, struct.pack("!I", 32473) + b"line-%04d" % client.number))
            if client.number % 3 == 0:
                mac = bytes([2, 0, 0x5E]) + struct.pack("!I", client.number)[1:]
                relay += wire.option(wire.LINK_LAYER, struct.pack("!H", 1) + mac)
        self.counts[f"sent {kind}"] += 1
        reply = self.link.exchange(kind, body, LINKS[client.subnet], relay)
        if reply is None:
            self.counts["unanswered"] += 1
        return reply

    def acquire(self, client, rapid):
        wanted = [(kind, iaid, client.held.get((kind, iaid)) or client.wishes.get(kind))
                  for kind, iaid in client.ias]
        answer = self.send(client, wire.SOLICIT, wanted, wire.option(wire.RAPID_COMMIT, b"") if rapid else b"")
        if answer is None:
            return False
        kind, reply = answer
        what = "rapid"
        if kind == wire.ADVERTISE:
            what = "assigned"
            offered = [(ia, iaid, (address, length)) for ia, iaid, address, length, _ in wire.granted(reply)]
            if not offered:
                self.counts["nothing to offer"] += 1
                return False
            client.server = reply[wire.SERVER_ID][0]
            answer = self.send(client, wire.REQUEST, offered, wire.option(wire.SERVER_ID, client.server))
            if answer is None:
                return False
            reply = answer[1]
        client.server = reply[wire.SERVER_ID][0]
        return self.take_over(client, reply, what)

    def extend(self, client, kind):
        """RENEW or REBIND of everything held."""
        server = wire.option(wire.SERVER_ID, client.server) if kind == wire.RENEW else b""
        answer = self.send(client, kind, [(ia, iaid, held) for (ia, iaid), held in client.held.items()], server)
        if answer:
            self.take_over(client, answer[1], "renewed" if kind == wire.RENEW else "rebound")

    def let_go(self, client, kind, keys):
        """RELEASE or DECLINE of some of what is held."""
        ias = [(ia, iaid, client.held[(ia, iaid)]) for ia, iaid in keys]
        if not ias:
            return
        if self.send(client, kind, ias, wire.option(wire.SERVER_ID, client.server)):
            for ia, iaid, held in ias:
                self.note(client, "released" if kind == wire.RELEASE else "declined", ia, iaid, *held)
                del client.held[(ia, iaid)]

    def decline(self, client):
        self.let_go(client, wire.DECLINE, [key for key in client.held if key[0] == IA_NA])

    def take_over(self, client, reply, what):
        leases = wire.granted(reply)
        for kind, iaid, address, length, _ in leases:
            client.held[(kind, iaid)] = (address, length)
            self.note(client, what, kind, iaid, address, length)
        return bool(leases)

    def note(self, client, what, kind, iaid, address, length):
        self.counts[f"{what} {'NA' if kind == IA_NA else 'PD'}"] += 1
        self.write(f"client-{client.number}", what, client.subnet, address, length, client.colon_duid(), iaid)

    def write(self, *fields):
        if self.journal:
            print(f"{time.time():.3f}", *fields, sep=",", file=self.journal, flush=True)

    # -- the operator ------------------------------------------------------------------------------------

    def operate(self):
        """One change per turn: mostly adds at first, then updates, changes of holder and deletions."""
        self.at(self.now() + OPERATOR_EVERY_S, self.operate)
        number = next(self.numbers)
        chance = self.rng.random()
        if len(self.operator_leases) < 4 or chance < 0.40:
            lease = self.operator_lease(number)
            if self.command("lease6-add", lease):
                self.operator_leases.append(lease)
            if chance < 0.06:
                self.command("lease6-add", lease)  # a second time: refused
            return
        lease = self.rng.choice(self.operator_leases)
        if chance < 0.62:
            lease["hostname"] = f"moved-{number},rack {number % 7}"
            lease["valid-lft"] = self.rng.choice((120, 600, 7200))
            self.command("lease6-update", lease)
        elif chance < 0.80:  # hands the lease to another DUID
            lease["duid"] = make_duid("UUID", number, self.rng).hex(":")
            self.command("lease6-update", lease)
        elif chance < 0.92:
            self.operator_leases.remove(lease)
            asked = {"ip-address": lease["ip-address"]}
            if lease["type"] == "IA_PD":
                asked.update({"type": "IA_PD", "prefix-len": 56})
            self.command("lease6-del", asked)
        else:
            batch = [self.operator_lease(next(self.numbers)) for _ in range(3)]
            if self.command("lease6-bulk-apply", {"leases": batch}):
                self.operator_leases += batch

    def operator_lease(self, number):
        duid = make_duid(self.rng.choice(("LLT", "LL", "EN", "UUID")), number, self.rng)
        lease = {"duid": duid.hex(":"), "iaid": self.rng.randrange(1, 1 << 32), "type": "IA_NA",
                 "valid-lft": self.rng.choice((60, 600, 86400)), "preferred-lft": 50,
                 "hostname": f"printer-{number},floor {number % 5}",
                 "user-context": {"ticket": f"OPS-{1000 + number}", "note": "by hand, see ticket", "vip": number % 2 == 0}}
        if number % 3 == 0:
            lease.update({"type": "IA_PD", "ip-address": f"2001:db8:80ff:{(number & 0xFF) << 8:x}::",
                          "prefix-len": 56, "subnet-id": 30})
        else:
            lease["ip-address"] = f"2001:db8:{self.rng.choice((10, 20, 30))}::5:{number:x}"
        if number % 2:
            lease["hw-address"] = f"02:00:5e:10:{number >> 8:02x}:{number & 0xFF:02x}"
        return lease

    def command(self, name, arguments):
        answer = ask(self.control, name, arguments)
        self.counts[f"{name} result {answer['result']}"] += 1
        if "leases" not in arguments:
            self.write("operator", f"{name}={answer['result']}", arguments.get("subnet-id", ""),
                       arguments["ip-address"], arguments.get("prefix-len", 128),
                       arguments.get("duid", ""), arguments.get("iaid", ""))
        if answer["result"]:
            print(f"{name}: {answer['text']}", file=sys.stderr)
        return answer["result"] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interface")
    parser.add_argument("control_socket")
    parser.add_argument("--seconds", type=float, default=270)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--journal")
    print(json.dumps(Stage(parser.parse_args()).play(), sort_keys=True))


if __name__ == "__main__":
    main()
