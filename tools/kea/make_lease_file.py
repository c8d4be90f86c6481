#!/usr/bin/env python3
"""Writes a lease file in Kea's memfile format, for measuring imports of any size.
usage: make_lease_file.py CLIENTS RENEWALS > kea-leases6.csv
Every client gets an address of 2001:db8:10::/64 or 2001:db8:30::/64 in turn and renews it RENEWALS times; one in ten gives it back.
The subnets are those of tests/data/kea/kea-dhcp6.conf."""
import sys

clients, renewals = int(sys.argv[1]), int(sys.argv[2])
out = sys.stdout.write
out("address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
    "hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n")
start, valid = 1_790_000_000, 7200


def row(client, cltt, lifetime):
    subnet = 10 if client % 2 else 30
    mac = f"02:00:5e:{client >> 16 & 255:02x}:{client >> 8 & 255:02x}:{client & 255:02x}"
    out(f"2001:db8:{subnet}::1:{client >> 16:x}:{client & 65535:x},00:01:00:01:2c:08:93:fa:{mac},{lifetime},{cltt + lifetime},"
        f"{subnet},{lifetime * 3 // 4},0,{client % 7 + 1},128,0,0,host-{client:06d}.example.net.,{mac},0,,1,2\n")


for turn in range(renewals + 1):
    for client in range(clients):
        row(client, start + turn * 3600 + client * 3000 // clients, valid)
for client in range(0, clients, 10):
    row(client, start + renewals * 3600 + client * 3000 // clients, 0)
