#!/usr/bin/env bash
# Installs the package into a minimal Debian 12, starts the daemon in it, asks it things, stops it and purges the package.
# usage: tools/package/try_package.sh [DEB]      needs root, debootstrap and a Debian mirror; leaves with 77 when it cannot be tried
# LEASELEDGER_TRY_CACHE: a folder in which the minimal system is kept for the next time.
# LEASELEDGER_TRY_MIRROR: http://deb.debian.org/debian when not given.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "SKIPPED: $1" >&2
  exit 77
}
deb=${1:-$(ls -t build/package/leaseledger_*.deb 2>/dev/null | head -1)}
mirror=${LEASELEDGER_TRY_MIRROR:-http://deb.debian.org/debian}
[ -f "$deb" ] || skip "there is no package; tools/package/build.sh makes it"
[ "$(id -u)" -eq 0 ] || skip "needs root, for debootstrap and chroot"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"

work=$(mktemp -d "${TMPDIR:-/tmp}/leaseledger-try.XXXXXX")
root=$work/root
daemon=
clean_up() {
  [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
  for each in proc dev/pts dev/shm; do
    mountpoint -q "$root/$each" && umount "$root/$each"
  done
  # Never through a mount that would not go away.
  if ! grep >/dev/null " $work" /proc/self/mounts; then rm -rf "$work"; fi
}
trap clean_up EXIT

step() { printf '== %s\n' "$*"; }
fail() {
  echo "FAILED: $1" >&2
  [ ! -f "$work/daemon.log" ] || sed 's/^/  | /' "$work/daemon.log" >&2
  exit 1
}
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
as_user() { # a user of the system inside, with his groups
  local user=$1
  shift
  inside setpriv --reuid "$user" --regid "$user" --init-groups "$@"
}
until_true() { # seconds, command
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

step "a minimal Debian 12"
cache=${LEASELEDGER_TRY_CACHE:-}
if [ -n "$cache" ] && [ -f "$cache/bookworm.tar" ]; then
  mkdir "$root"
  tar -C "$root" -xf "$cache/bookworm.tar"
else
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || {
    tail -3 "$work/debootstrap.log" >&2
    skip "debootstrap could not make a system from $mirror"
  }
  if [ -n "$cache" ]; then
    mkdir -p "$cache"
    tar -C "$root" -cf "$cache/bookworm.tar.new" .
    mv "$cache/bookworm.tar.new" "$cache/bookworm.tar"
  fi
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
echo '127.0.0.1 localhost' >"$root/etc/hosts"  # an installed system has one
# A mirror behind a proxy is this machine's affair.
apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https)::Proxy|^Acquire::.*(Timeout|Retries)' >"$root/etc/apt/apt.conf.d/99machine" || true
mount -t proc proc "$root/proc" 2>/dev/null || true
find "$root" -xdev \( -path "$root/proc" -o -path "$root/var/cache" -o -path "$root/var/lib/apt" -o -path "$root/var/lib/dpkg" -o -path "$root/var/log" -o -path "$root/tmp" \) -prune -o -print |
  sort >"$work/before"
accounts() { inside sh -c 'getent passwd; getent group' | cut -d: -f1 | sort; }
accounts >"$work/accounts-before"

step "apt install ./$(basename "$deb")"
cp "$deb" "$root/tmp/leaseledger.deb"
inside apt-get update -qq || skip "apt-get update does not reach $mirror"
inside apt-get install -y -qq --no-install-recommends /tmp/leaseledger.deb >"$work/apt.log" 2>&1 || {
  tail -20 "$work/apt.log" >&2
  fail "the package does not install"
}
inside dpkg --verify leaseledger || fail "installed files are not those of the package"
inside getent passwd leaseledger >/dev/null || fail "there is no user leaseledger"
for group in dhcp-administrators dhcp-users; do
  inside getent group "$group" >/dev/null || fail "there is no group $group"
done
[ "$(inside stat -c '%U:%G %a' /var/lib/leaseledger)" = "leaseledger:leaseledger 750" ] || fail "owner or mode of /var/lib/leaseledger"

step "leaseledgerd --check-config; the example is the defaults"
inside leaseledgerd --check-config | grep >/dev/null '^directory = "/var/lib/leaseledger"' || fail "--check-config"
inside sh -c 'leaseledgerd --print-config | cmp - /etc/leaseledger/leaseledgerd.toml' || fail "the configuration is not the example"
echo 'level = "loud"' | inside sh -c '{ echo "[log]"; cat; } > /tmp/bad.toml; ! leaseledgerd --config /tmp/bad.toml --check-config' 2>&1 |
  grep >/dev/null '^/tmp/bad.toml:2:9: log.level' || fail "a wrong configuration is not reported"

step "leaseledgerd as user leaseledger"
socket=/run/leaseledger/leaseledgerd.sock
port=$((20000 + RANDOM % 10000))
start() {
  env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 LEASELEDGERD_LISTEN_HTTP="127.0.0.1:$port" chroot "$root" \
    setpriv --reuid leaseledger --regid leaseledger --init-groups leaseledgerd 2>>"$work/daemon.log" &
  daemon=$!
  until_true 20 test -S "$root$socket" && until_true 20 fetch_good /readyz || fail "the daemon does not answer"
  client ping >/dev/null || fail "the daemon does not answer over its socket"
}
stop() {
  kill -TERM "$daemon"
  local code=0
  wait "$daemon" || code=$?
  daemon=
  [ "$code" -eq 0 ] || fail "the daemon left with $code"
}
client() { inside leaseledger --server "unix:$socket" "$@"; }
fetch() {
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$1" >&3
  cat <&3
  exec 3<&-
}
fetch_good() { fetch "$1" | grep >/dev/null '200 OK'; }
start

step "commands and questions over the socket"
client subnet create 2001:db8:1::/64 || fail "subnet create as root"
client client create 2001:db8:1::42 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 --valid 12h || fail "client create as root"
client who 2001:db8:1::42 | grep >/dev/null 'IAID 7' || fail "who"
inside useradd --system --user-group --no-create-home nosy
inside useradd --system --user-group --no-create-home --groups dhcp-users asker
if as_user nosy leaseledger --server "unix:$socket" who 2001:db8:1::42 >/dev/null 2>&1; then fail "anybody may ask"; fi
as_user asker leaseledger --server "unix:$socket" who 2001:db8:1::42 | grep >/dev/null 'IAID 7' || fail "a member of dhcp-users may not ask"
if as_user asker leaseledger --server "unix:$socket" client delete 2001:db8:1::42 >/dev/null 2>&1; then fail "a member of dhcp-users may write"; fi
fetch /metrics | grep >/dev/null '^leaseledger_leases 1' || fail "/metrics"
fetch_good /readyz || fail "/readyz"

step "SIGHUP, SIGTERM, start again: the lease is there"
kill -HUP "$daemon"
client ping >/dev/null || fail "no answer after SIGHUP"
stop
[ ! -S "$root$socket" ] || echo "   (the socket's file stays)"
start
client who 2001:db8:1::42 | grep >/dev/null 'IAID 7' || fail "the lease is gone after a restart"
client verify >/dev/null || fail "verify"
stop

step "remove keeps configuration and ledger; purge keeps the ledger, and says so"
inside userdel nosy
inside userdel asker
inside apt-get remove -y -qq leaseledger >/dev/null 2>&1 || fail "remove"
[ -f "$root/etc/leaseledger/leaseledgerd.toml" ] && [ -f "$root/var/lib/leaseledger/LEDGER" ] || fail "remove took too much"
inside dpkg --purge leaseledger >"$work/purge.log" 2>&1 || fail "purge"
grep >/dev/null 'holds a ledger and is kept' "$work/purge.log" || fail "purge says nothing of the ledger"
[ -f "$root/var/lib/leaseledger/LEDGER" ] || fail "purge deleted a ledger"

step "install and purge without a ledger: nothing remains"
rm -rf "$root/var/lib/leaseledger"
inside apt-get install -y -qq --no-install-recommends /tmp/leaseledger.deb >/dev/null 2>&1 || fail "install again"
inside dpkg --purge leaseledger >/dev/null 2>&1 || fail "purge again"
inside apt-get autoremove -y -qq --purge >/dev/null 2>&1 || fail "autoremove"
find "$root" -xdev \( -path "$root/proc" -o -path "$root/var/cache" -o -path "$root/var/lib/apt" -o -path "$root/var/lib/dpkg" -o -path "$root/var/log" -o -path "$root/tmp" \) -prune -o -print |
  sort >"$work/after"
# What the system's own tools leave beside the files that they change.
left=$(comm -13 "$work/before" "$work/after" | sed "s|^$root||" | grep -Ev '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^/etc/\.pwd\.lock$|/__pycache__|^/etc/ld\.so\.cache|^/var/lib/systemd' || true)
[ -z "$left" ] || fail "these remain: $left"
left=$(accounts | comm -13 "$work/accounts-before" -)
[ -z "$left" ] || fail "these users or groups remain: $left"

step "the tour of docs/operating.md"
inside apt-get install -y -qq --no-install-recommends /tmp/leaseledger.deb openssl gcc libc6-dev pkgconf >"$work/apt.log" 2>&1 || {
  tail -20 "$work/apt.log" >&2
  fail "what the tour needs does not install"
}
inside sh -c 'gunzip -k /usr/share/doc/leaseledger/examples/*.gz 2>/dev/null; true'
inside bash /usr/share/doc/leaseledger/examples/tour.sh /usr/share/doc/leaseledger/examples || fail "the tour"

echo "== all of it works: $(basename "$deb")"
