#!/bin/bash
# Records tests/data/kea/kea-leases6.csv: a real kea-dhcp6 in a network namespace of its own, driven by
# real DHCPv6 and by its control channel. Needs root and the Debian packages kea-dhcp6-server, kea-admin
# (perfdhcp), iproute2, python3.
#
# usage: record_sample.sh OUT-DIR [SECONDS [SEED]]        (default 270 seconds, seed 1; plus about 25 s)
#
# OUT-DIR gets kea-leases6.csv as Kea wrote it, lease6-get-all.json (Kea's own last word, for the check in
# summarise_leases.py), journal.csv (what the clients saw), counts.json and kea-dhcp6.log.
# The configuration is tests/data/kea/kea-dhcp6.conf with its two directories moved to a temporary one.
# Nothing outside the namespaces is touched; they, Kea and the directory are gone at the end.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 3 ]; then sed -n '2,12p' "$0"; exit 2; fi
mkdir -p "$1"
out=$(realpath "$1")
seconds=${2:-270}
seed=${3:-1}
here=$(dirname "$(realpath "$0")")
config=$here/../../tests/data/kea/kea-dhcp6.conf
server_ns=leaseledger-kea-server-$$
client_ns=leaseledger-kea-client-$$
dir=$(mktemp -d /tmp/leaseledger-kea.XXXXXX)
socket=$dir/kea6-ctrl-socket
kea_pid=

clean_up() {
  if [ -n "$kea_pid" ]; then stop_kea; fi
  ip netns del "$client_ns" 2>/dev/null || true
  ip netns del "$server_ns" 2>/dev/null || true
  rm -rf "$dir"
}

stop_kea() {
  kill "$kea_pid" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$kea_pid" 2>/dev/null || break; sleep 0.1; done
  if kill -0 "$kea_pid" 2>/dev/null; then kill -9 "$kea_pid"; fi
  wait "$kea_pid" 2>/dev/null || true
  kea_pid=
}

join_namespaces() {
  ip netns add "$server_ns"
  ip netns add "$client_ns"
  for ns in "$server_ns" "$client_ns"; do
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip -n "$ns" link set lo up
  done
  ip link add eth1 netns "$server_ns" type veth peer name eth1 netns "$client_ns"
  for ns in "$server_ns" "$client_ns"; do ip -n "$ns" link set eth1 up; done
  for ns in "$server_ns" "$client_ns"; do
    for _ in $(seq 50); do
      if ip -n "$ns" -6 addr show dev eth1 scope link -tentative | grep -q inet6; then break; fi
      sleep 0.1
    done
  done
}

start_kea() {
  sed -e "s|/var/lib/kea|$dir|; s|/run/kea|$dir|" "$config" > "$dir/kea-dhcp6.conf"
  KEA_PIDFILE_DIR=$dir KEA_LOCKFILE_DIR=$dir \
    ip netns exec "$server_ns" kea-dhcp6 -c "$dir/kea-dhcp6.conf" > "$dir/stdout" 2>&1 &
  kea_pid=$!
  for _ in $(seq 100); do
    if [ -S "$socket" ]; then return; fi
    if ! kill -0 "$kea_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "kea-dhcp6 did not start" >&2
  cat "$dir/stdout" "$dir"/kea-dhcp6.log >&2
  exit 1
}

# Kea's leases and its file at one moment: the file must be the same before and after the question. The
# last row is an operator's lease of that moment, so its cltt is the end of the recording.
take_final_state() {
  python3 "$here/control_channel.py" "$socket" lease6-add \
    '{"ip-address": "2001:db8:10::5:ffff", "duid": "00:03:00:01:02:00:5e:ff:ff:ff", "iaid": 1, "valid-lft": 3600, "preferred-lft": 1800}' > /dev/null
  for _ in $(seq 20); do
    python3 "$here/control_channel.py" "$socket" lease6-update \
      '{"ip-address": "2001:db8:10::5:ffff", "duid": "00:03:00:01:02:00:5e:ff:ff:ff", "iaid": 1, "valid-lft": 3600, "preferred-lft": 1800, "hostname": "end-of-recording"}' > /dev/null
    cp "$dir/kea-leases6.csv" "$out/kea-leases6.csv"
    python3 "$here/control_channel.py" "$socket" lease6-get-all > "$out/lease6-get-all.json"
    if cmp -s "$dir/kea-leases6.csv" "$out/kea-leases6.csv"; then return; fi
  done
  echo "the lease file never stood still" >&2
  exit 1
}

trap clean_up EXIT
trap 'exit 130' INT TERM
join_namespaces
start_kea
# perfdhcp first, because it wants port 546 for itself: new clients at 8/s, some renew, some release.
ip netns exec "$client_ns" perfdhcp -6 -l eth1 -r 8 -f 3 -F 1 -R 100 -p 12 -s "$seed" > "$dir/perfdhcp.txt" 2>&1 || true
(cd "$dir" && PYTHONDONTWRITEBYTECODE=1 ip netns exec "$client_ns" python3 "$here/scripted_clients.py" eth1 "$socket" \
  --seconds "$seconds" --seed "$seed" --journal "$out/journal.csv" > "$out/counts.json")
take_final_state
stop_kea
cp "$dir/kea-dhcp6.log" "$dir/perfdhcp.txt" "$out/" 2>/dev/null || true
echo "recorded $(($(wc -l < "$out/kea-leases6.csv") - 1)) rows in $out"
