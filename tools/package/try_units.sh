#!/usr/bin/env bash
# Boots a minimal Debian 12 with systemd, installs the package and tries the units with all that they take away from the daemon:
# start, reload, wrong configuration, kill, watchdog, socket activation, upgrade, purge.
# usage: tools/package/try_units.sh [DEB]      needs root, debootstrap, systemd-nspawn and a Debian mirror; leaves with 77 without
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
for each in debootstrap systemd-nspawn nsenter; do
  command -v "$each" >/dev/null || skip "$each is not installed"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/leaseledger-units.XXXXXX")
root=$work/root
container=
clean_up() {
  if [ -n "$container" ]; then
    kill -TERM "$container" 2>/dev/null || true
    wait "$container" 2>/dev/null || true
  fi
  if ! grep >/dev/null " $work" /proc/self/mounts; then rm -rf "$work"; fi
}
trap clean_up EXIT

step() { printf '== %s\n' "$*"; }
inside() { nsenter -t "$leader" -m -u -i -n -p -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
fail() {
  echo "FAILED: $1" >&2
  inside journalctl -u leaseledgerd.service --no-pager -o short-precise 2>/dev/null | tail -20 | sed 's/^/  | /' >&2 || true
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
active() { inside systemctl is-active --quiet leaseledgerd.service; }
ready() { active && inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/8549; printf "GET /readyz HTTP/1.1\r\nHost: l\r\n\r\n" >&3; grep >/dev/null "200 OK" <&3'; }
messages() { inside journalctl -u leaseledgerd.service --no-pager -o cat; }
said() { messages | grep >/dev/null -- "$1"; }
configure() { printf '%b' "$1" >"$root/etc/leaseledger/leaseledgerd.toml"; }
main_pid() { inside systemctl show --value -p MainPID leaseledgerd.service; }

step "a minimal Debian 12 with systemd"
mkdir "$root"
if [ -n "$cache" ] && [ -f "$cache/bookworm.tar" ]; then
  tar -C "$root" -xf "$cache/bookworm.tar"
else
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || skip "debootstrap could not make a system from $mirror"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" \
  sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus' >"$work/apt.log" 2>&1 ||
  skip "apt-get does not reach $mirror"
cp "$deb" "$root/root/leaseledger.deb"
systemd-nspawn --quiet --directory="$root" --boot --register=no --keep-unit --console=pipe >"$work/boot.log" 2>&1 </dev/null &
container=$!
leader=
booted() {
  leader=$(pgrep -P "$container" | head -1)
  [ -n "$leader" ] && inside systemctl is-system-running 2>/dev/null | grep >/dev/null -E 'running|degraded'
}
until_true 60 booted || skip "a container with systemd does not boot here: $(tail -1 "$work/boot.log")"
leader=$(pgrep -P "$container" | head -1)

step "the package starts the daemon"
inside apt-get install -y -qq --no-install-recommends /root/leaseledger.deb >"$work/install.log" 2>&1 || fail "install"
until_true 30 ready || fail "the daemon is not ready"
inside systemctl is-enabled --quiet leaseledgerd.service || fail "the service is not enabled"
[ "$(inside ps -o user= -p "$(main_pid)" 2>/dev/null || inside stat -c %U "/proc/$(main_pid)")" = leaseledger ] || fail "the daemon's user"
inside journalctl -u leaseledgerd.service -o json --no-pager | grep daemon.ready | grep >/dev/null '"PRIORITY":"6"' || fail "the priority in the journal"
said '^daemon.ready ' || fail "messages have time stamps of their own"

step "reload"
configure '[log]\nlevel = "debug"\n[limits]\nbatch = 9\n'
inside systemctl reload leaseledgerd.service || fail "reload"
until_true 5 said 'config.needs_restart key=limits.batch' || fail "reload says nothing of what needs a restart"
configure '[log]\nlevel = "loud"\n'
inside systemctl reload leaseledgerd.service || fail "reload of a wrong configuration"
until_true 5 said 'leaseledgerd.toml:2:9: log.level' || fail "reload says nothing of what is wrong"
ready || fail "a wrong configuration stops a daemon that runs"

step "a wrong configuration: not started, not tried again"
if inside systemctl restart leaseledgerd.service 2>/dev/null; then fail "started with a wrong configuration"; fi
[ "$(inside systemctl is-active leaseledgerd.service)" = failed ] || fail "tried again"
configure ''
inside systemctl reset-failed leaseledgerd.service
inside systemctl start leaseledgerd.service || fail "start"
until_true 10 ready || fail "not ready"

step "killed and hung: started again"
before=$(main_pid)
inside systemctl kill -s KILL leaseledgerd.service
another() { [ "$(main_pid)" != "$before" ] && ready; }
until_true 20 another || fail "not started after a kill"
mkdir -p "$root/etc/systemd/system/leaseledgerd.service.d"
printf '[Service]\nWatchdogSec=1s\n' >"$root/etc/systemd/system/leaseledgerd.service.d/quick.conf"
inside systemctl daemon-reload
inside systemctl restart leaseledgerd.service
until_true 10 ready || fail "not ready"
sleep 3
said 'Watchdog timeout' && fail "a daemon that works is taken for a hung one"
before=$(main_pid)
inside systemctl kill -s STOP leaseledgerd.service
until_true 30 another || fail "not started after it hung"
said 'Watchdog timeout' || fail "the watchdog said nothing"
rm -r "$root/etc/systemd/system/leaseledgerd.service.d"
inside systemctl daemon-reload

step "socket activation"
inside systemctl stop leaseledgerd.service
inside systemctl start leaseledgerd.socket || fail "the socket unit"
inside systemctl restart leaseledgerd.service || fail "restart with the socket"
inside systemctl stop leaseledgerd.service 2>/dev/null
inside test -S /run/leaseledger/leaseledgerd.sock || fail "the socket is gone with the service"
inside leaseledger --server unix:/run/leaseledger/leaseledgerd.sock ping >/dev/null || fail "nobody is started by a connection"
active || fail "nobody is started by a connection"

step "upgrade, purge"
inside dpkg --force-confold -i /root/leaseledger.deb >/dev/null 2>&1 || fail "upgrade"
until_true 20 ready || fail "not ready after an upgrade"
inside dpkg --purge leaseledger >/dev/null 2>&1 || fail "purge"
for unit in leaseledgerd.service leaseledgerd.socket; do
  if inside systemctl is-active --quiet "$unit"; then fail "$unit goes on after a purge"; fi
done
if inside test -e /run/leaseledger; then fail "/run/leaseledger remains"; fi

echo "== all of it works: $(basename "$deb")"
