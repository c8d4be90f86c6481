#!/usr/bin/env python3
"""Sends each request of a file to a Kea control socket and prints the reply.

usage: record_replies.py REQUESTS SOCKET > REPLIES

One request a line, lines with # are left out; one reply a line, empty when Kea gave none. Times are
replaced by T, since they differ from run to run.
"""
import re
import socket
import sys


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(5)
        channel.connect(path)
        channel.sendall(request.encode())
        channel.shutdown(socket.SHUT_WR)
        reply = b""
        while piece := channel.recv(1 << 16):
            reply += piece
        return reply.decode()


for line in open(sys.argv[1]):
    if not line.startswith("#"):
        reply = ask(sys.argv[2], line.rstrip("\n"))
        print(re.sub(r'"(cltt|expire)": \d+', r'"\1": T', reply))
