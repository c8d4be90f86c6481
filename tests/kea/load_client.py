#!/usr/bin/env python3
"""New clients one after the other, each with a SOLICIT, ADVERTISE, REQUEST, REPLY exchange, for so many seconds.

usage: load_client.py INTERFACE SECONDS FIRST-NUMBER JOURNAL

JOURNAL gets a line for each lease that a REPLY gave: UTC seconds, address, DUID, IAID. What is not answered within 0.6 s is
given up, as when a server is away.
"""
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools", "kea"))
import dhcp6_wire as wire  # noqa: E402
from dhcp6_wire import IA_NA  # noqa: E402


def main():
    interface, seconds, number, journal = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), open(sys.argv[4], "w")
    wire.REPLY_WAIT_S = 0.6
    link = wire.Link(interface)
    answered = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        number += 1
        duid = struct.pack("!HH", 3, 1) + bytes([2, 0, 0x5E]) + struct.pack("!I", number)[1:]
        me = wire.option(wire.CLIENT_ID, duid)
        answer = link.exchange(wire.SOLICIT, me + wire.ia_option(IA_NA, number, None), None, b"")
        if answer is None or answer[0] != wire.ADVERTISE:
            continue
        offered = [(address, length) for _, _, address, length, _ in wire.granted(answer[1])]
        if not offered:
            continue
        server = wire.option(wire.SERVER_ID, answer[1][wire.SERVER_ID][0])
        answer = link.exchange(wire.REQUEST, me + server + wire.ia_option(IA_NA, number, offered[0]), None, b"")
        if answer is None:
            continue
        for _, iaid, address, _, _ in wire.granted(answer[1]):
            answered += 1
            print("%.3f,%s,%s,%d" % (time.time(), address, duid.hex(":"), iaid), file=journal, flush=True)
    print(answered, "clients were answered")


main()
