#!/bin/bash
# The three programs against the daemon that LEASELEDGER_SERVER names: programs_test.sh DIRECTORY-OF-PROGRAMS
set -u
bin=$1
failed=0
expect() {  # what, pattern, output
  grep -qE "$2" <<< "$3" || { echo "$1: no '$2' in: $3"; failed=1; }
}
out=$("$bin"/tests_dhcpsapi_create_client local 2001:db8:d0aa::1 00-03-00-01-02-00-5E-10-00-01 1)
expect "no scope yet" 'error 20005 \(0x00004E25\): ERROR_DHCP_SUBNET_NOT_PRESENT' "$out"
"$bin"/tests_dhcpsapi_create_scope 20010DB8D0AA0000 Zürich || failed=1
for i in $(seq 20); do
  "$bin"/tests_dhcpsapi_create_client local 2001:db8:d0aa::$i "00-03-00-01-02-00-5E-10-00-$(printf %02x "$i")" "$i" \
    "höst-$i.example.net" "" 24 > /dev/null || failed=1
done
out=$("$bin"/tests_dhcpsapi_create_client local 20010DB8D0AA0000,ffff 00-03-00-01-02-00-5E-10-00-FF 4294967295)
expect "two halves" 'Created 20010db8d0aa0000,ffff with IAID 4294967295' "$out"
out=$("$bin"/tests_dhcpsapi_show_leases)
expect "the list" '^21 leases' "$out"
expect "a lease" '2001:0db8:d0aa:0000:0000:0000:0000:0020  DUID 00-03-00-01-02-00-5E-10-00-14  IAID 20 .* höst-20.example.net' "$out"
expect "one that never ends" ':ffff  DUID .* until never  -' "$out"
out=$("$bin"/tests_dhcpsapi_scope_statistics)
expect "figures" '^requests  21$' "$out"
expect "a scope" '^20010db8d0aa0000  Zürich +enabled  in use 21, free 18446744073709551595$' "$out"
out=$("$bin"/tests_dhcpsapi_show_leases unix:/nonexistent/sock)
expect "no server" 'failed with error 1722' "$out"
exit $failed
