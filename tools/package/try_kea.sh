#!/usr/bin/env bash
# Boots a minimal Debian 12 with systemd and a running Kea, then does what docs/kea.md says under "In five minutes", its very
# commands, and asks who has the address of a client that perfdhcp played. Says how long it took.
# usage: tools/package/try_kea.sh [DEB]      needs root, debootstrap, systemd-nspawn and a Debian mirror; leaves with 77 without
# LEASELEDGER_TRY_CACHE, LEASELEDGER_TRY_MIRROR: as for try_package.sh; the cache is shared.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "SKIPPED: $1" >&2
  exit 77
}
deb=${1:-$(ls -t build/package/leaseledger_*.deb 2>/dev/null | head -1)}
mirror=${LEASELEDGER_TRY_MIRROR:-http://deb.debian.org/debian}
cache=${LEASELEDGER_TRY_CACHE:-}
[ -f "$deb" ] || skip "there is no package; tools/package/build.sh makes it"
[ "$(id -u)" -eq 0 ] || skip "needs root, for a container"
for each in debootstrap systemd-nspawn nsenter ip python3; do
  command -v "$each" >/dev/null || skip "$each is not installed"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/leaseledger-kea.XXXXXX")
root=$work/root
clients=leaseledger-try-$$
container=
clean_up() {
  if [ -n "$container" ]; then
    kill -TERM "$container" 2>/dev/null || true
    wait "$container" 2>/dev/null || true
  fi
  ip netns del "$clients" 2>/dev/null || true
  if ! grep >/dev/null " $work" /proc/self/mounts; then rm -rf "$work"; fi
}
trap clean_up EXIT
step() { printf '== %s\n' "$*"; }
inside() { nsenter -t "$leader" -m -u -i -n -p -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
fail() {
  echo "FAILED: $1" >&2
  inside journalctl -u leaseledgerd -u kea-dhcp6-server --no-pager -o cat 2>/dev/null | tail -20 | sed 's/^/  | /' >&2 || true
  exit 1
}
until_true() { # seconds, command
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

step "a minimal Debian 12 with systemd and Kea"
mkdir "$root"
if [ -n "$cache" ] && [ -f "$cache/bookworm.tar" ]; then
  tar -C "$root" -xf "$cache/bookworm.tar"
else
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || skip "debootstrap could not make a system from $mirror"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" \
  sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus kea-dhcp6-server kea-admin openssl curl' >"$work/apt.log" 2>&1 ||
  skip "apt-get does not reach $mirror"
cp "$deb" "$root/root/$(basename "$deb")"
# A link with one client.
ip netns add "$clients"
ip link add lltry0 type veth peer name eth1 netns "$clients"
ip link set lltry0 up
ip -n "$clients" link set lo up
ip -n "$clients" link set eth1 up
cat >"$root/etc/kea/kea-dhcp6.conf" <<'END'
{ "Dhcp6": {
    "interfaces-config": { "interfaces": [ "lltry0" ] },
    "control-socket": { "socket-type": "unix", "socket-name": "/run/kea/kea6-ctrl-socket" },
    "lease-database": { "type": "memfile", "name": "/var/lib/kea/kea-leases6.csv" },
    "valid-lifetime": 3600, "preferred-lifetime": 1800,
    "subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "lltry0",
                   "pools": [ { "pool": "2001:db8:1::100-2001:db8:1::1ff" } ] } ] } }
END
until_true 10 sh -c "ip -6 addr show dev lltry0 scope link -tentative | grep inet6" || skip "no link-local address"
systemd-nspawn --quiet --directory="$root" --boot --register=no --keep-unit --console=pipe >"$work/boot.log" 2>&1 </dev/null &
container=$!
leader=
booted() {
  leader=$(pgrep -P "$container" | head -1)
  [ -n "$leader" ] && inside systemctl is-system-running 2>/dev/null | grep >/dev/null -E 'running|degraded'
}
until_true 60 booted || skip "a container with systemd does not boot here: $(tail -1 "$work/boot.log")"
leader=$(pgrep -P "$container" | head -1)
until_true 30 inside systemctl is-active --quiet kea-dhcp6-server || fail "Kea does not run"

play() { # SEED
  ip netns exec "$clients" perfdhcp -6 -l eth1 -r 10 -n 5 -R 5 -s "$1" -b "mac=02:00:5e:00:00:0$1" -W 300000 >"$work/perfdhcp.log" 2>&1 || true
}
command -v perfdhcp >/dev/null || skip "perfdhcp (kea-admin) is not installed"
play 1
grep -q ^2001 "$root/var/lib/kea/kea-leases6.csv" || fail "Kea gives no leases"

# The blocks of the guide, in order.
python3 - docs/kea.md "$work" <<'END'
import re, sys
text = open(sys.argv[1]).read()
part = text[text.index("## In five minutes"):text.index("## What the partner sees")]
blocks = re.findall(r"```(\w+)\n(.*?)```", part, re.S)
assert [kind for kind, _ in blocks] == ["sh", "json", "sh", "sh"], [kind for kind, _ in blocks]
for name, (_, body) in zip(("ledger.sh", "hooks.json", "kea.sh", "ask.sh"), blocks):
    open(sys.argv[2] + "/" + name, "w").write(body)
END
step "the guide: the ledger"
began=$SECONDS
inside sh -ec "cd /root; $(cat "$work/ledger.sh")" >"$work/guide.log" 2>&1 || { tail -5 "$work/guide.log"; fail "the first block"; }
step "the guide: Kea"
python3 - "$root" "$work/hooks.json" <<'END'
import sys
path = sys.argv[1] + "/etc/kea/kea-dhcp6.conf"
password = open(sys.argv[1] + "/etc/leaseledger/kea1.password").read().strip()
hooks = open(sys.argv[2]).read().replace("the password", password)
config = open(path).read().replace('"valid-lifetime"', '"hooks-libraries": [ ' + hooks + ' ],\n    "valid-lifetime"', 1)
open(path, "w").write(config)
END
inside sh -ec "$(cat "$work/kea.sh")" >>"$work/guide.log" 2>&1 || true # the status may not be there yet
compared() { inside leaseledger kea status | grep -w compared; }
until_true 30 compared || { inside leaseledger kea status; fail "the ledger was not compared with Kea"; }
inside leaseledger kea status
play 2
address=$(tail -1 "$root/var/lib/kea/kea-leases6.csv" | cut -d, -f1)
duid=$(tail -1 "$root/var/lib/kea/kea-leases6.csv" | cut -d, -f2)
sleep 1
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
step "leaseledger who $address --at $now"
inside leaseledger who "$address" --at "$now" | tee "$work/who.txt"
grep -q "held by   DUID $duid" "$work/who.txt" || fail "not who Kea says it is, $duid"
echo "took $((SECONDS - began)) s from the first command of the guide to the answer"
old=$(sed -n 2p "$root/var/lib/kea/kea-leases6.csv" | cut -d, -f1)
inside leaseledger who "$old" --at "$now" | grep -q "held by   DUID" || fail "a lease from before the ledger is not there"
grep -q "$address" <<<"$(inside sh -c 'curl -s -u kea1:"$(cat /etc/leaseledger/kea1.password)" -d "{\"command\":\"lease6-get-all\"}" http://127.0.0.1:8548/')" || fail "its door does not answer"
step "done"
