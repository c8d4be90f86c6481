#!/usr/bin/env bash
# From an empty machine to "who had this address, and when": installs what is missing, builds, and does the main job on the
# lease file that a real Kea server wrote (tests/data/kea). usage: tools/quickstart.sh [DIR]   (keeps the ledger in DIR)
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install_dependencies.sh
echo "building (a few minutes the first time) ..."
cmake --preset release -DBUILD_TESTING=OFF >/dev/null
cmake --build --preset release --target leaseledger >/dev/null

if [ $# -ge 1 ]; then
  work=$1
  mkdir -p "$work"
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
unset LEASELEDGER_SERVER
export LEASELEDGER_DIR=$work/ledger
export PATH=$PWD/build/release/tools:$PATH

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() {
  printf '$ leaseledger'
  printf ' %q' "$@"
  printf '\n'
  leaseledger "$@"
}
# A command that must be refused with the code of that name.
refused() {
  local name=$1 output
  shift
  printf '$ leaseledger'
  printf ' %q' "$@"
  printf '\n'
  if output=$(leaseledger "$@" 2>&1); then
    echo "this should have been refused with $name" >&2
    exit 1
  fi
  echo "$output"
  grep -q "$name" <<<"$output"
}

step "1. A new ledger, and five minutes of a real Kea server's leases as its history"
run init
run import kea tests/data/kea/kea-leases6.csv --config tests/data/kea/kea-dhcp6.conf
run subnet list

step "2. A lease by hand: the seed's call, DhcpV6CreateClientInfo"
run client create 2001:db8:10::cafe --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 --name printer --valid 12h

step "3. Refused four times, once for each documented error; each refusal is in the audit trail"
refused ERROR_INVALID_PARAMETER client create 2001:db8:10::beef --iaid 7
refused ERROR_ACCESS_DENIED --role user client create 2001:db8:10::beef --duid 00:03:00:01:02:00:5e:10:00:02
refused ERROR_DHCP_SUBNET_NOT_PRESENT client create 2001:db8:77::1 --duid 00:03:00:01:02:00:5e:10:00:02
refused ERROR_DHCP_CLIENT_EXISTS client create 2001:db8:10::cafe --duid 00:03:00:01:02:00:5e:10:00:02

step "4. Who held 2001:db8:20::103, before and after it changed hands?"
run who 2001:db8:20::103 --at 2026-11-23T06:15:00Z
echo
run who 2001:db8:20::103 --at 2026-11-23T06:17:30Z
echo
echo "... and an address inside a delegated prefix, before and after the prefix changed hands:"
run who 2001:db8:8000:217::c0:ffee --at 2026-11-23T06:15:00Z
echo
run who 2001:db8:8000:217::c0:ffee --at 2026-11-23T06:17:00Z

step "5. The whole history of that address, and the events behind it"
run history 2001:db8:20::103
echo
run log --address 2001:db8:20::103 --limit 8

step "6. What changed between two moments: the records 2931 to 2950"
run diff 2930 2950 || [ $? -eq 1 ]  # 1: they differ

step "7. Is all of it as it was written?"
run verify
run replay
run root

step "Summary"
leaseledger -o json stats | grep -E '"(records|subnets|leases|active|created|renewed|released|expired|diskBytes)"'
echo "One ledger, every change in it with who, what and when; each answer names the records that prove it."
