#!/usr/bin/env bash
# The tour of docs/operating.md, step by step, on a system where the package is installed: two people and two programs with
# different roles, over the Unix socket and over TLS, programs written for Windows, the followed log, and a backup made
# under load, restored and verified. Run as root on a system for trying things: it makes users, certificates and subnets.
# usage: tools/package/tour.sh [FOLDER-WITH-C-PROGRAMS]     with cc and pkg-config, they are compiled and run
set -euo pipefail
programs=${1:-}
here=$(mktemp -d)
daemon=
follower=
load=
end() {
  for pid in $follower $load $daemon; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$here"
}
trap end EXIT

run() { printf '\n$ %s\n' "$*"; "$@"; }
# A command that must be refused, with its exit code.
refused() {
  local code=0
  printf '\n$ %s\n' "${*:2}"
  "${@:2}" || code=$?
  echo "[exit code $code]"
  [ "$code" -eq "$1" ] || { echo "tour.sh: $code instead of $1" >&2; exit 1; }
}
as() { local user=$1; shift; setpriv --reuid "$user" --regid "$user" --init-groups env HOME="$here" "$@"; }

echo "== two people: alice administers, bob asks"
for each in alice bob; do getent passwd "$each" >/dev/null || useradd --user-group "$each"; done
run usermod -a -G dhcp-administrators alice
run usermod -a -G dhcp-users bob

echo
echo "== two programs elsewhere, known by their certificates: dhcp1 administers, auditor asks"
tls=/etc/leaseledger/tls
mkdir -p $tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=ledger authority" \
  -keyout $tls/ca.key -out $tls/ca.pem 2>/dev/null
for each in localhost dhcp1 auditor; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$each" \
    -keyout $tls/$each.key -out $tls/$each.csr 2>/dev/null
  printf 'subjectAltName=DNS:%s\n' "$each" >$tls/$each.ext
  openssl x509 -req -in $tls/$each.csr -CA $tls/ca.pem -CAkey $tls/ca.key -CAcreateserial -days 365 \
    -extfile $tls/$each.ext -out $tls/$each.pem 2>/dev/null
done
chown leaseledger $tls/localhost.key
chmod 0755 $tls
chmod 0644 $tls/*.pem
chmod 0644 $tls/dhcp1.key $tls/auditor.key # they belong to programs on other machines; here everybody plays them
install -d -o leaseledger -g leaseledger -m 0750 /var/backups/leaseledger
cat >/etc/leaseledger/leaseledgerd.toml <<TOML
[listen]
tls = "127.0.0.1:8547"

[tls]
certificate = "$tls/localhost.pem"
key = "$tls/localhost.key"
client_ca = "$tls/ca.pem"

[[tls.principal]]
common_name = "dhcp1"
role = "administrator"

[[tls.principal]]
common_name = "auditor"
role = "user"

[backup]
directory = "/var/backups/leaseledger"
TOML
run leaseledgerd --check-config | grep -v '# default' | grep -v '^$'

echo
echo "== the daemon, as a user of its own"
if [ -d /run/systemd/system ]; then
  mkdir -p /etc/systemd/system/leaseledgerd.service.d
  printf '[Service]\nReadWritePaths=/var/backups/leaseledger\n' >/etc/systemd/system/leaseledgerd.service.d/backup.conf
  run systemctl daemon-reload
  run systemctl restart leaseledgerd
else
  install -d -o leaseledger -g leaseledger /run/leaseledger
  setpriv --reuid leaseledger --regid leaseledger --init-groups leaseledgerd 2>"$here/daemon.log" &
  daemon=$!
fi
for _ in $(seq 100); do [ -S /run/leaseledger/leaseledgerd.sock ] && break; sleep 0.1; done
run leaseledger ping

echo
echo "== who does what is followed from here on"
leaseledger log --follow --from now >"$here/followed" &
follower=$!

echo
echo "== over the Unix socket"
run as alice leaseledger subnet create 2001:db8:77::/64 --name 'tour'
refused 4 as bob leaseledger client create 2001:db8:77::b0b --duid 00:03:00:01:02:00:5e:10:00:0b
run as bob leaseledger subnet list

echo
echo "== over TLS"
elsewhere() {
  local who=$1
  shift
  leaseledger --server tls:localhost --tls-ca $tls/ca.pem --tls-cert "$tls/$who.pem" --tls-key "$tls/$who.key" "$@"
}
run elsewhere dhcp1 client create 2001:db8:77::1 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 --name printer --valid 12h
run elsewhere auditor who 2001:db8:77::1
refused 4 elsewhere auditor client delete 2001:db8:77::1
refused 4 leaseledger --server tls:localhost --tls-ca $tls/ca.pem ping

if [ -n "$programs" ] && command -v cc >/dev/null && command -v pkg-config >/dev/null; then
  echo
  echo "== programs written for Windows"
  for each in create_client show_leases scope_statistics; do
    # shellcheck disable=SC2046
    run cc $(pkg-config --cflags dhcpsapi) -o "$here/$each" "$programs/$each.c" $(pkg-config --libs dhcpsapi)
  done
  chmod 0755 "$here" "$here"/*
  run as alice "$here/create_client" local 2001:db8:77::2 00-03-00-01-02-00-5E-10-00-02 1
  run as bob "$here/show_leases"
  run as bob "$here/scope_statistics"
fi

echo
echo "== a backup while commands come"
timeout 5 bash -c '
  for ((i = 1; ; i++)); do
    printf "{\"command\":\"CreateClient\",\"address\":\"2001:db8:77::f:%x\",\"duid\":\"0003000102005e%06x\",\"iaid\":1}\n" "$i" "$i"
    [ $((i % 1000)) -ne 0 ] || sleep 0.05
  done' | as alice leaseledger submit - --batch 100 >/dev/null &
load=$!
sleep 1
run as alice leaseledger backup /var/backups/leaseledger/one
wait $load
load=
run leaseledger --ledger "$here/restored" restore /var/backups/leaseledger/one
run leaseledger --ledger "$here/restored" verify
run leaseledger verify

echo
echo "== who did what: the followed log, the load left out"
sleep 1
kill $follower 2>/dev/null || true
wait $follower 2>/dev/null || true
follower=
grep -v '2001:db8:77::f:' "$here/followed"
if [ -n "$daemon" ]; then
  kill -TERM "$daemon"
  wait "$daemon"
  daemon=
fi
echo
echo "== the tour is over, everything as it should be"
