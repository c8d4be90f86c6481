"""Kea's control channel: one JSON command per connection on its unix socket. Standard library only.

usage: control_channel.py SOCKET COMMAND [ARGUMENTS-AS-JSON]     prints the answer
e.g.   control_channel.py /run/kea/kea6-ctrl-socket lease6-get-all '{"subnets": [10]}'
"""
import json
import socket
import sys

WAIT_S = 20


def ask(path, command, arguments=None):
    """The answer as a dict with `result` (0 done, 1 refused, 2 unknown, 3 nothing there) and `text`."""
    request = {"command": command}
    if arguments is not None:
        request["arguments"] = arguments
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(WAIT_S)
        channel.connect(path)
        channel.sendall(json.dumps(request).encode())
        answer = b""
        while piece := channel.recv(65536):  # Kea closes after one answer
            answer += piece
    return json.loads(answer)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    reply = ask(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]) if len(sys.argv) == 4 else None)
    print(json.dumps(reply, indent=1))
    sys.exit(0 if reply["result"] in (0, 3) else 1)
