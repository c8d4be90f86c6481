@0xb9f6c1d25a3e7a11;
# One record of the ledger: what happened, when, who caused it. The bytes of a record are one canonical Cap'n Proto
# segment (no segment table) and are what is hashed and proven, so nothing outside of them counts.
# Worked example and evolution rules: docs/formats/event_log.md.
#
# Order of fields matters: the last data word of Record and of Lease is never zero and the last pointer is never null,
# so that a message built field by field in order is canonical already.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("leaseledger::schema");

struct Record {
  position @0 :UInt64;      # 1 for the first record of a log, no gaps
  recordedAt @1 :Int64;     # ns since 1970 UTC; greater than that of the record before, even when the clock goes back
  effectiveAt @2 :Int64;    # ns since 1970 UTC: when it took effect where it happened; recordedAt when nobody said
  actor @3 :Text;           # the principal, e.g. "unix:alice"
  door @4 :Text;            # where the command came in, e.g. "cli", "kea-import"
  commandId @5 :Data;       # 16 octets chosen by the caller, or absent
  fingerprint @6 :Data;     # with a commandId: 8 octets over the whole command, then 2 octets for each field
  cause @7 :Text;           # free reference: ticket, transaction id; may be absent
  event :union {
    unset @8 :Void;         # never written: keeps the tag of every real event above zero
    subnetCreated @9 :Subnet;
    subnetChanged @10 :Subnet;
    subnetDeleted @11 :Subnet;
    reservationAdded @12 :Reservation;
    reservationRemoved @13 :Reservation;
    exclusionAdded @14 :Exclusion;
    exclusionRemoved @15 :Exclusion;
    delegationPoolAdded @16 :DelegationPool;
    delegationPoolRemoved @17 :DelegationPool;
    clientCreated @18 :LeaseFact;
    clientChanged @19 :LeaseFact;
    leaseRenewed @20 :LeaseFact;
    leaseReleased @21 :LeaseFact;
    leaseDeclined @22 :LeaseFact;
    leaseExpired @23 :LeaseFact;
    clientDeleted @24 :LeaseFact;
    commandRefused @25 :Refusal;
    nothingChanged @26 :NoEffect;   # accepted, and the state was so already
  }
}

struct Subnet {
  # The subnet after the change; for subnetDeleted, as it was.
  prefixHigh @0 :UInt64;
  prefixLow @1 :UInt64;
  validLifetime @2 :UInt32;      # seconds; default for leases created without one; 0xFFFFFFFF is infinity
  preferredLifetime @3 :UInt32;  # seconds
  id @4 :UInt32;                 # given by the ledger, from 1, never used again
  preference @5 :UInt16;         # 0 to 255 (RFC 9915 section 21.8)
  prefixLength @6 :UInt8;        # 1 to 128
  state @7 :UInt8;               # 0 enabled, 1 disabled (DHCP_SUBNET_STATE)
  comment @8 :Text;
  name @9 :Text;                 # always written, may be ""
}

struct Reservation {
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  iaid @2 :UInt32;
  subnetId @3 :UInt32;           # never 0
  prefixLength @4 :UInt8;        # 128 for an address
  type @5 :UInt8;                # 0 IA_NA, 1 IA_TA, 2 IA_PD
  duid @6 :Data;
}

struct Exclusion {
  # Both ends inclusive. first > last is legal and excludes nothing (MS-DHCPM 3.2.4.60).
  firstHigh @0 :UInt64;
  firstLow @1 :UInt64;
  lastHigh @2 :UInt64;
  lastLow @3 :UInt64;
  subnetId @4 :UInt32;           # never 0
}

struct DelegationPool {
  # Prefixes of delegatedLength out of prefix are delegated to clients of the subnet (RFC 9915 section 6.3).
  prefixHigh @0 :UInt64;
  prefixLow @1 :UInt64;
  subnetId @2 :UInt32;           # never 0
  prefixLength @3 :UInt8;
  delegatedLength @4 :UInt8;     # prefixLength to 127
}

struct Lease {
  # The lease after the event; for an event that ends it, as it was.
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  validUntil @2 :Int64;          # ns since 1970 UTC; 0x7FFFFFFFFFFFFFFF is never
  preferredUntil @3 :Int64;      # the same
  tenure @4 :UInt64;             # position of the record that began this holding; renewals keep it
  described @5 :UInt64;          # position of the newest record whose description holds for this lease
  iaid @6 :UInt32;
  subnetId @7 :UInt32;           # never 0
  prefixLength @8 :UInt8;        # 128 for an address
  type @9 :UInt8;                # 0 IA_NA, 1 IA_TA, 2 IA_PD
  state @10 :UInt8;              # 1 active, 2 declined, 3 reserved (no lease yet); the state ended, for an event that ends it
  duid @11 :Data;                # empty when the client is unknown (a decline reported without it)
}

struct Description {
  # What is known of a client beyond its identity.
  ownerHigh @0 :UInt64;          # OwnerHost.IpAddress (MS-DHCPM 2.2.1.2.63): the server that gave the lease
  ownerLow @1 :UInt64;
  serverSubnetId @2 :UInt32;     # the reporting server's own number of the subnet
  hardwareType @3 :UInt16;       # RFC 826 numbers
  hardwareSource @4 :UInt16;     # Kea's number for where the hardware address was taken from
  fqdnForward @5 :Bool;          # the server updated AAAA
  fqdnReverse @6 :Bool;          # the server updated PTR
  ownerName @7 :Text;            # OwnerHost.HostName
  hardwareAddress @8 :Data;
  context @9 :Text;              # JSON object of the reporting server (Kea's user-context)
  comment @10 :Text;
  name @11 :Text;                # client or host name; always written, may be ""
}

struct LeaseFact {
  reason @0 :UInt16;             # 1 asked for, 2 reported by a server, 3 lifetime over, 4 replaced by another client,
                                 # 5 reservation, 6 subnet deleted
  description @1 :Description;   # present when this record describes the lease anew
  lease @2 :Lease;
}

struct Argument {
  name @0 :Text;
  value @1 :Text;
}

struct Refusal {
  # Who tried is the record's actor.
  code @0 :UInt32;               # Win32 number, never 0
  suppressed @1 :UInt32;         # further refusals of this principal since its last recorded one, not recorded themselves
  field @2 :Text;
  value @3 :Text;
  expected @4 :Text;
  arguments @5 :List(Argument);  # the command's fields as text
  command @6 :Text;              # "CreateClient"; "" when only suppressed ones are counted
}

struct NoEffect {
  arguments @0 :List(Argument);
  command @1 :Text;
}
