#!/bin/bash
# Runs the rest of the command line with a daemon over a new ledger: with_daemon.sh LEASELEDGERD COMMAND...
set -u
daemon=$1
shift
work=$(mktemp -d)
export LEASELEDGER_SERVER=unix:$work/sock
"$daemon" --ledger "$work/ledger" --set listen.unix="$work/sock" --set listen.http= --set expiry.enabled=false \
  --set owner.address=2001:db8:ffff::547 > "$work/log" 2>&1 &
pid=$!
for _ in $(seq 200); do
  [ -S "$work/sock" ] && break
  sleep 0.05
done
timeout 120 "$@"
code=$?
kill "$pid"
wait "$pid" || { cat "$work/log"; code=1; }
rm -rf "$work"
exit $code
