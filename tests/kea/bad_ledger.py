#!/usr/bin/env python3
"""Something at the ledger's address that is none: each connection is treated in another of the ways below.

usage: bad_ledger.py ADDRESS PORT
"""
import itertools
import socket
import sys
import threading
import time


def close(connection):
    pass


def nonsense(connection):
    connection.sendall(b"220 mail.example ESMTP\r\n")


def no_answer(connection):
    time.sleep(30)


def wrong_json(connection):
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n[ { \"result\": \"fine\" } ] ")


def half(connection):
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[ { ")


def endless(connection):
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            connection.sendall(b"[" * 65536)
    except OSError:
        pass


def failing(connection):
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")


def busy(connection):
    body = b'[ { "result": 1, "text": "ERROR_BUSY" } ]'
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def main():
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
    for way in itertools.cycle((close, nonsense, wrong_json, half, endless, failing, busy, no_answer)):
        connection, _ = listener.accept()

        def treat(way=way, connection=connection):
            try:
                way(connection)
            except OSError:
                pass
            connection.close()
        threading.Thread(target=treat, daemon=True).start()


main()
