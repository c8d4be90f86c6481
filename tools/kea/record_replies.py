#!/usr/bin/env python3
"""What a real kea-dhcp6 answers to each request of a file, one a line: tests/data/kea/replies.txt.

usage: record_replies.py [REQUESTS [SOCKET]] > REPLIES        (default: tests/data/kea/requests.txt and a Kea of its own)

Lines with # are left out; a line is empty when Kea gave no answer. Times are replaced by T, since they differ from run to run. Without SOCKET
Kea is started without interfaces, with lease_cmds and an empty lease database. Needs Debian's kea-dhcp6-server.
"""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
CONFIG = {
    "interfaces-config": {"interfaces": []},
    "lease-database": {"type": "memfile", "persist": False},
    "valid-lifetime": 4000, "preferred-lifetime": 3000,
    "hooks-libraries": [{"library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"}],
    "subnet6": [{"id": 1, "subnet": "2001:db8:1::/48", "pools": [{"pool": "2001:db8:1:1::/64"}],
                 "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56}]},
                {"id": 2, "subnet": "2001:db8:2::/48"}],
    "loggers": [{"name": "kea-dhcp6", "severity": "ERROR", "output_options": [{"output": "stderr"}]}],
}


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


def record(requests, path):
    for line in open(requests):
        if not line.startswith("#"):
            reply = ask(path, line.rstrip("\n"))
            print(re.sub(r'"(cltt|expire)": \d+', r'"\1": T', reply))


def main():
    requests = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../tests/data/kea/requests.txt")
    if len(sys.argv) > 2:
        return record(requests, sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ctrl")
        config = dict(CONFIG, **{"data-directory": folder,
                                 "control-socket": {"socket-type": "unix", "socket-name": path}})
        with open(os.path.join(folder, "kea.conf"), "w") as file:
            json.dump({"Dhcp6": config}, file)
        kea = subprocess.Popen(["kea-dhcp6", "-c", file.name],
                               env=dict(os.environ, KEA_PIDFILE_DIR=folder, KEA_LOCKFILE_DIR=folder),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not os.path.exists(path):
                assert kea.poll() is None, "kea-dhcp6 did not start"
                time.sleep(0.05)
            time.sleep(0.5)
            record(requests, path)
        finally:
            kea.kill()
            kea.wait()


main()
