"""DHCPv6 messages on the wire, as much of RFC 8415 as a scripted client and its relay need.

A Link sends one message and returns the one reply that carries its transaction id. `link_address` None
means that the client is on the link itself; otherwise the message travels inside a RELAY-FORW, as the
relay of that link would send it. Python 3.9 or later, standard library only.
"""
import socket
import struct
import time

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = range(1, 10)
RELAY_FORW, RELAY_REPL = 12, 13
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDR, ELAPSED, RELAY_MSG, STATUS, RAPID_COMMIT = 1, 2, 3, 5, 8, 9, 13, 14
INTERFACE_ID, IA_PD, IA_PREFIX, REMOTE_ID, SUBSCRIBER_ID, FQDN, LINK_LAYER = 18, 25, 26, 37, 38, 39, 79
CLIENT_PORT, SERVER_PORT = 546, 547
ALL_SERVERS = "ff02::1:2"
REPLY_WAIT_S = 1.0


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def options(data):
    """{code: [value, ...]} of an option list; what is left of a cut-off option is dropped."""
    found, at = {}, 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("!HH", data, at)
        found.setdefault(code, []).append(data[at + 4:at + 4 + length])
        at += 4 + length
    return found


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def text(octets):
    return socket.inet_ntop(socket.AF_INET6, octets)


def fqdn_option(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return option(FQDN, b"\x01" + labels + b"\0")


def ia_option(kind, iaid, held):
    """One IA. `held` is None (no wish) or (address, prefix_len); lifetimes are 0, the server decides."""
    inside = b""
    if held:
        address, prefix_len = held
        if kind == IA_NA:
            inside = option(IA_ADDR, packed(address) + bytes(8))
        else:
            inside = option(IA_PREFIX, bytes(8) + bytes([prefix_len]) + packed(address))
    times = b"" if kind not in (IA_NA, IA_PD) else bytes(8)
    return option(kind, struct.pack("!I", iaid) + times + inside)


def granted(reply):
    """[(kind, iaid, address, prefix_len, valid_lifetime)] of a reply; refused IAs are left out."""
    leases = []
    for kind, inner in ((IA_NA, IA_ADDR), (IA_PD, IA_PREFIX)):
        for ia in reply.get(kind, []):
            iaid = struct.unpack_from("!I", ia)[0]
            for item in options(ia[12:]).get(inner, []):
                if kind == IA_NA:
                    address, prefix_len = text(item[:16]), 128
                    valid = struct.unpack_from("!I", item, 20)[0]
                else:
                    prefix_len, address = item[8], text(item[9:25])
                    valid = struct.unpack_from("!I", item, 4)[0]
                if valid:
                    leases.append((kind, iaid, address, prefix_len, valid))
    return leases


class Link:
    """The sockets of one interface: port 546 as client, port 547 as relay agent."""

    def __init__(self, interface):
        self.index = socket.if_nametoindex(interface)
        self.client, self.relay = self._open(CLIENT_PORT), self._open(SERVER_PORT)
        self.transaction = 0

    @staticmethod
    def _open(port):
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("::", port))
        return opened

    def exchange(self, kind, body, link_address=None, relay_options=b""):
        """(reply type, reply options), or None when no reply came within REPLY_WAIT_S."""
        self.transaction = (self.transaction + 1) & 0xFFFFFF
        ident = struct.pack("!I", self.transaction)[1:]
        message = bytes([kind]) + ident + option(ELAPSED, b"\0\0") + body
        sender = self.client
        if link_address:
            sender = self.relay
            message = (bytes([RELAY_FORW, 0]) + packed(link_address) + packed("fe80::1")
                       + relay_options + option(RELAY_MSG, message))
        sender.sendto(message, (ALL_SERVERS, SERVER_PORT, 0, self.index))
        deadline = time.monotonic() + REPLY_WAIT_S
        while (left := deadline - time.monotonic()) > 0:
            sender.settimeout(left)
            try:
                answer = sender.recv(4096)
            except socket.timeout:
                return None
            if answer and answer[0] == RELAY_REPL:
                answer = options(answer[34:])[RELAY_MSG][0]
            if answer[1:4] == ident and answer[0] in (ADVERTISE, REPLY):
                return answer[0], options(answer[4:])
        return None
