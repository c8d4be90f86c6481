#!/usr/bin/env python3
"""4-way exchanges a second that a real Kea reaches on each road, beside Kea alone, in one run.

usage: rates.py DAEMON CLIENT HOOK-LIBRARY [SECONDS [RATE,RATE,... [PART-OF-NAME]]]   (default 5 seconds, 2000,3000,4000,5000,6500, all)

One fresh Kea and one fresh ledger for each row; perfdhcp offers the rate for so many seconds from the other end of a veth pair. "kept" is
what was answered a second where at most 1 % went unanswered; "behind" is how many leases the ledger lacked a second after the last
exchange; MiB is what Kea takes then, which grows when it has more to tell than the ledger takes. "at once" is a partner that does nothing
but answer.
"""
import os
import selectors
import socket
import sys
import threading
import time

import world
from world import World

BODY = b'[ { "result": 0, "text": "Bulk apply of 1 IPv6 leases completed." } ]'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n" % len(BODY) + BODY


def answer_at_once(address, port):
    """A partner that answers each POST without looking at it, in one piece."""
    listener = socket.create_server((address, port))
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, bytearray())
                continue
            octets = key.fileobj.recv(1 << 16)
            if not octets:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                continue
            key.data.extend(octets)
            while (head := key.data.find(b"\r\n\r\n")) >= 0:
                length = int(key.data[:head].lower().split(b"content-length:")[1].split(b"\r\n")[0])
                if len(key.data) < head + 4 + length:
                    break
                del key.data[:head + 4 + length]
                key.fileobj.sendall(REPLY)


# name: (road, wait threads of HA's own pool or 0 for a single-threaded Kea, partner, kea.answer)
CONFIGURATIONS = {
    "Kea alone": ("none", 0, None, "durable"),
    "Kea alone, multi-threaded": ("none", 2, None, "durable"),
    "HA to a partner at once": ("ha", 0, "at once", "durable"),
    "HA to the ledger, answer received": ("ha", 0, "ledger", "received"),
    "HA to the ledger, answer durable": ("ha", 0, "ledger", "durable"),
    "HA waits, partner at once": ("ha-wait", 0, "at once", "durable"),
    "HA waits, ledger, answer durable": ("ha-wait", 0, "ledger", "durable"),
    "HA multi-threaded waits, at once": ("ha-wait", 8, "at once", "durable"),
    "HA multi-threaded waits, ledger, durable": ("ha-wait", 8, "ledger", "durable"),
    "hook async": ("hook-async", 0, "ledger", "durable"),
    "hook before-reply": ("hook", 0, "ledger", "durable"),
    "hook before-reply, multi-threaded": ("hook", 2, "ledger", "durable"),
}


def measure(here, configuration, rate, seconds, seed):
    road, threads, partner, answer = configuration
    for each in here.keas:
        each.kill()
    here.keas.clear()
    for left in os.listdir(here.dir):
        os.system("rm -rf '%s'" % os.path.join(here.dir, left))
    os.mkdir(here.ledger.dir)
    kea = here.kea()
    if threads:
        kea.multi_threaded()
    url = here.ledger.url if partner == "ledger" else "http://127.0.0.1:8009/"
    kea.attach(road, url, wait_threads=threads if road.startswith("ha") else 0)
    # Durable is with the reply that waits; the hook's own parameters are in attach().
    here.ledger.answer = answer
    here.ledger.write_config([kea], compare=False)
    if partner == "ledger":
        here.ledger.start()
    kea.start()
    time.sleep(1)
    if partner == "ledger":
        here.ledger.ask("lease6-bulk-apply", {"leases": []})  # its subnets, once
    report = here.perfdhcp(rate, seconds=seconds, seed=seed)
    mib = kea.rss_mib()
    time.sleep(1)
    behind = ""
    if partner == "ledger":
        behind = len(kea.leases()) - len(here.ledger.leases())
        here.ledger.kill(15)
    kea.kill()
    here.keas.clear()
    return report["answered"] / seconds, 100 * (1 - report["answered"] / max(1, rate * seconds)), report["delays"][-1], mib, behind


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    daemon, client, hook = sys.argv[1:4]
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    rates = [int(rate) for rate in (sys.argv[5] if len(sys.argv) > 5 else "2000,3000,4000,5000,6500").split(",")]
    part = sys.argv[6] if len(sys.argv) > 6 else ""
    world.require(hook)
    print("%-42s %8s %9s %9s %9s %8s %8s" % ("configuration", "offered", "answered", "unanswered", "delay ms", "Kea MiB", "behind"))
    kept, seed = {}, 1
    with World(daemon, client, hook) as here:
        space = os.open("/run/netns/" + here.server, os.O_RDONLY)

        def partner():
            os.setns(space, 0) if hasattr(os, "setns") else enter(space)
            answer_at_once("127.0.0.1", 8009)
        threading.Thread(target=partner, daemon=True).start()
        for name, configuration in CONFIGURATIONS.items():
            if part not in name:
                continue
            for rate in rates:
                seed += 1
                answered, lost, delay, mib, behind = measure(here, configuration, rate, seconds, seed)
                print("%-42s %8d %9.0f %8.1f %% %9s %8.0f %8s" % (name, rate, answered, lost, delay, mib, behind), flush=True)
                if lost <= 1:
                    kept[name] = max(kept.get(name, 0), answered)
    print()
    for name, configuration in CONFIGURATIONS.items():
        if name not in kept:
            continue
        base = {"ha": "HA to a partner at once", "ha-wait": "HA waits, partner at once"}.get(configuration[0], "Kea alone")
        if configuration[0] == "ha-wait" and configuration[1]:
            base = "HA multi-threaded waits, at once"
        if not configuration[0].startswith("ha") and configuration[1]:
            base = "Kea alone, multi-threaded"
        print("%-42s kept %6.0f/s, %.2f of %s" % (name, kept[name], kept[name] / kept[base] if base in kept else 0, base))


def enter(space):
    """setns(2) for Pythons that do not have it."""
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(space, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


main()
