@0xd3a4e2f1b7c85e60;
# The ledger as a service: what leaseledgerd answers on its Unix socket and on TLS. Cap'n Proto two-party RPC, level 1.
#
# A connection begins with Ledger, the bootstrap capability. greet() says who one is; commands() gives the capability to change
# the ledger to administrators, queries() and history() give the ones to ask to users too, upkeep() to administrators. A capability
# is the permission: whoever holds it was allowed to have it, for as long as the connection lives.
#
# Conventions. Every result has an `error`, null when all went well; a call fails as RPC only when the connection or the
# daemon itself is at fault. Times are ns since 1970 UTC, 0x7FFFFFFFFFFFFFFF is never, 0x8000000000000000 is "not given".
# Addresses are two numbers, the first octet is the highest of `high` (as in DHCP_IPV6_ADDRESS). Lifetimes are seconds, 0xFFFFFFFF is
# infinity (RFC 9915 section 7.7). Codes are those of the Windows API, docs/messages.md. Positions count records from 1; 0 is none.
# Fields are only ever added at the end; numbers are never used again.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("leaseledger::rpc::schema");

const unset :Int64 = -0x8000000000000000;

interface Ledger {
  # The bootstrap.

  greet @0 (tool :Text, atMost :Role = administrator) -> (info :Info, error :Error);
  # Once, before anything else: the name of the program (letters, digits and '-', at most 32), which becomes part of the door
  # that is recorded with every command, and the role to act with at most. Without it the tool is "api".

  commands @1 () -> (commands :Commands, error :Error);   # ERROR_ACCESS_DENIED 5 unless administrator
  queries @2 () -> (queries :Queries, error :Error);      # ERROR_ACCESS_DENIED 5 without a role
  history @3 () -> (history :History, error :Error);      # the same
  upkeep @4 () -> (upkeep :Upkeep, error :Error);         # ERROR_ACCESS_DENIED 5 unless administrator

  attempt @5 (commands :List(Command)) -> (answers :List(Answer), error :Error);
  # For callers who got no Commands: each command is refused with ERROR_ACCESS_DENIED, and the refusal is in the audit trail with
  # the caller's name and what he wanted. An administrator's are refused too, unrecorded: he has Commands.

  ping @6 () -> ();
  # Does nothing, for measuring and for keeping a connection.
}

enum Role { none @0; user @1; administrator @2; }

struct Info {
  principal @0 :Text;        # "unix:alice", "tls:dhcp1"
  role @1 :Role;
  version @2 :Text;
  ledgerId @3 :Data;         # 16 octets
  partition @4 :Text;
  createdAt @5 :Int64;
  ownerHigh @6 :UInt64;      # OwnerHost.IpAddress for records made for dhcpsapi; 0 when not configured
  ownerLow @7 :UInt64;
  ownerName @8 :Text;
  startedAt @9 :Int64;
  tail @10 :UInt64;
  maxBatch @11 :UInt32;      # commands in one submission
}

struct Error {
  code @0 :UInt32;           # Win32
  kind @1 :Kind;
  field @2 :Text;
  value @3 :Text;
  expected @4 :Text;
  retryAfterMs @5 :UInt32;   # with kind busy: worth asking again after so long

  enum Kind {
    # What the caller does next.
    invalid @0;   # mend the request
    denied @1;    # ask somebody with the role
    refused @2;   # the rules say no in the present state
    notFound @3;
    conflict @4;  # read again, decide again
    busy @5;      # nothing was done: ask again later
    corrupt @6;   # stored bytes are damaged
    io @7;        # the outcome is unknown: send the same id again
  }
}

# ---- commands --------------------------------------------------------------------------------------------------------

interface Commands {
  submit @0 (commands :List(Command), chain :Bool) -> (answers :List(Answer), error :Error);
  # One or many, one answer for each, in order, when all are durable. `chain`: all are accepted or none is done. The `error` is
  # about the submission: busy, too many, disk full; then nothing was done. Calls are decided in the order in which they arrive.

  preview @1 (commands :List(Command), chain :Bool) -> (previews :List(Preview), error :Error);
  # What submit() would answer and record, without doing it.

  stream @2 (answers :Answers) -> (stream :Stream);
  # Commands without end: write as fast as write() takes them, answers come in order.

  interface Stream {
    write @0 (commands :List(Command)) -> stream;
    # Returns when there is room for more. Each command is for itself.
    end @1 () -> (commands :UInt64, error :Error);
    # When everything written has been answered. `error`: why the stream ended early.
  }
  interface Answers {
    answers @0 (answers :List(Answer)) -> stream;
  }
}

struct Preview {
  answer @0 :Answer;
  records @1 :Records;
}

struct Answer {
  first @0 :UInt64;          # records of the command: its facts, or its refusal; 0 when there are none
  last @1 :UInt64;
  asOf @2 :UInt64;           # the state that the decision was made against
  repeated @3 :Bool;         # the id was seen before and this is the first answer again
  error @4 :Error;           # null: accepted
}

struct Command {
  # With what accompanies it. The rules of each command: docs/ARCHITECTURE.md.
  id @0 :Data;               # 16 octets, a UUID: the same caller's command with the same id is done once; or absent
  cause @1 :Text;            # free reference, at most 200 characters
  effectiveAt @2 :Int64 = -0x8000000000000000;
  ifLastEvent :union {
    any @3 :Void;
    position @4 :UInt64;     # only if the last event of the lease is this one; 0: only if there is no live record
  }
  body :union {
    none @5 :Void;
    createSubnet @6 :CreateSubnet;
    setSubnet @7 :SetSubnet;
    deleteSubnet @8 :DeleteSubnet;
    addReservation @9 :AddReservation;
    removeReservation @10 :RemoveReservation;
    addExclusion @11 :Exclusion;
    removeExclusion @12 :Exclusion;
    addDelegationPool @13 :DelegationPool;
    removeDelegationPool @14 :DelegationPool;
    createClient @15 :CreateClient;
    setClient @16 :SetClient;
    deleteClient @17 :DeleteClient;
    renewLease @18 :LeaseCommand;
    releaseLease @19 :LeaseCommand;
    declineLease @20 :LeaseCommand;
    expireLeases @21 :ExpireLeases;
    reportLease @22 :ReportLease;
  }
}

enum LeaseType { byKey @0; na @1; ta @2; pd @3; }   # byKey: IA_NA for an address, IA_PD for a prefix

struct Prefix {
  high @0 :UInt64;
  low @1 :UInt64;
  length @2 :UInt8;
}

struct CreateSubnet {
  prefix @0 :Prefix;
  name @1 :Text;
  comment @2 :Text;
  preference @3 :UInt16;
  disabled @4 :Bool;
  preferredLifetime @5 :UInt32 = 691200;
  validLifetime @6 :UInt32 = 1036800;
}

struct SetSubnet {
  # What is not given stays.
  prefix @0 :Prefix;
  name :union { keep @1 :Void; to @2 :Text; }
  comment :union { keep @3 :Void; to @4 :Text; }
  preference :union { keep @5 :Void; to @6 :UInt16; }
  disabled :union { keep @7 :Void; to @8 :Bool; }
  preferredLifetime :union { keep @9 :Void; to @10 :UInt32; }
  validLifetime :union { keep @11 :Void; to @12 :UInt32; }
}

struct DeleteSubnet {
  prefix @0 :Prefix;
  force @1 :Bool;
}

struct AddReservation {
  subnet @0 :Prefix;
  key @1 :Prefix;
  duid @2 :Data;
  iaid @3 :UInt32;
  type @4 :LeaseType;
  name @5 :Text;
  comment @6 :Text;
}

struct RemoveReservation {
  subnet @0 :Prefix;
  key @1 :Prefix;
}

struct Exclusion {
  subnet @0 :Prefix;
  firstHigh @1 :UInt64;
  firstLow @2 :UInt64;
  lastHigh @3 :UInt64;
  lastLow @4 :UInt64;
}

struct DelegationPool {
  subnet @0 :Prefix;
  prefix @1 :Prefix;
  delegatedLength @2 :UInt8 = 64;   # not used for removing
}

struct CreateClient {
  # The key of the lease stands in the struct itself, here and below: it is what most messages carry.
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  length @2 :UInt8 = 128;           # less for a delegated prefix
  type @3 :LeaseType;
  iaid @4 :UInt32;
  duid @5 :Data;
  validUntil @6 :Int64 = -0x8000000000000000;
  preferredUntil @7 :Int64 = -0x8000000000000000;
  name @8 :Text;
  comment @9 :Text;
  ownerHigh @10 :UInt64;
  ownerLow @11 :UInt64;
  ownerName @12 :Text;
}

struct SetClient {
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  length @2 :UInt8 = 128;
  iaid @3 :UInt32;
  duid @4 :Data;
  name @5 :Text;
  comment @6 :Text;
}

struct DeleteClient {
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  length @2 :UInt8 = 128;
}

struct LeaseCommand {
  # RenewLease, ReleaseLease, DeclineLease.
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  length @2 :UInt8 = 128;
  iaid @3 :UInt32;
  duid @4 :Data;
  type @5 :LeaseType;
  validLifetime :union { subnets @6 :Void; seconds @7 :UInt32; }      # RenewLease
  preferredLifetime :union { subnets @8 :Void; seconds @9 :UInt32; }  # RenewLease
  probation @10 :UInt32 = 86400;                                      # DeclineLease
}

struct ExpireLeases {
  grace @0 :UInt32;
  limit @1 :UInt32 = 10000;
}

struct ReportLease {
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  length @2 :UInt8 = 128;
  type @3 :LeaseType;
  state @4 :State;
  iaid @5 :UInt32;
  duid @6 :Data;
  validLifetime @7 :UInt32;
  preferredLifetime :union { asValid @8 :Void; seconds @9 :UInt32; }
  name @10 :Text;
  comment @11 :Text;
  ownerHigh @12 :UInt64;
  ownerLow @13 :UInt64;
  ownerName @14 :Text;
  serverSubnetId @15 :UInt32;
  hardwareAddress @16 :Text;   # hexadecimal
  hardwareType @17 :UInt16;
  hardwareSource @18 :UInt16;
  fqdnForward @19 :Bool;
  fqdnReverse @20 :Bool;
  context @21 :Text;

  enum State { active @0; released @1; declined @2; expired @3; }
}

# ---- questions -------------------------------------------------------------------------------------------------------

struct When {
  # The moment that a question is about. Nothing given: now.
  known :union {
    now @0 :Void;
    position @1 :UInt64;       # the state after this record, judged when it was recorded
    recordedAt @2 :Int64;      # what was known at this time
  }
  effective @3 :Int64 = -0x8000000000000000;   # what was the case then, as far as was known
  judgedAt @4 :Int64 = -0x8000000000000000;    # instead of the time that the others imply
  atLeast @5 :UInt64;          # "now" must have this record: a position that an answer gave
}

struct AsOf {
  # The moment in terms of the log: give it back as When.position, .effective and .judgedAt for the next page.
  known @0 :UInt64;
  effective @1 :Int64 = -0x8000000000000000;
  judgedAt @2 :Int64;
}

interface Queries {
  resolve @0 (when :When) -> (asOf :AsOf, error :Error);
  lease @1 (key :Prefix, when :When) -> (asOf :AsOf, lease :LeaseRow, error :Error);      # lease null: nobody's
  leasesOf @2 (duid :Data, iaid :UInt32, anyIaid :Bool, when :When) -> (page :LeasePage, error :Error);
  leasesIn @3 (prefix :Prefix, when :When, after :Prefix, limit :UInt32) -> (page :LeasePage, error :Error);
  # Leases with keys inside `prefix`, and, when that is a subnet, those of its delegation pools. `after` null: from the first.
  expiring @4 (from :Int64, to :Int64, when :When, limit :UInt32) -> (page :LeasePage, error :Error);
  who @5 (high :UInt64, low :UInt64, when :When) -> (holders :Holders, error :Error);
  # Who held the address at When.effective, or at the time that `when` is judged at.
  history @6 (key :Prefix, covering :Bool, when :When) -> (known :UInt64, spans :List(HeldSpan), error :Error);
  heldBy @7 (duid :Data, from :Int64, to :Int64, when :When) -> (known :UInt64, spans :List(HeldSpan), error :Error);
  subnets @8 (when :When, after :Prefix, limit :UInt32) -> (page :SubnetPage, error :Error);
  subnet @9 (prefix :Prefix, when :When) -> (answer :SubnetAnswer, error :Error);
  elements @10 (subnet :Prefix, kind :ElementKind, when :When, skip :UInt64, limit :UInt32) -> (page :ElementPage, error :Error);
  # Reservations, exclusions or delegation pools; of all subnets when `subnet` is null.
  freeAddresses @11 (subnet :Prefix, start :Prefix, end :Prefix, count :UInt32) -> (addresses :List(Prefix), reachedEnd :Bool, error :Error);
  stats @12 () -> (stats :Stats, error :Error);
  keaServers @13 () -> (servers :List(KeaServerStatus), error :Error);
  # The Kea servers that the daemon compares its ledger with.
}

struct KeaServerStatus {
  server @0 :Text;
  control @1 :Text;            # "unix:/run/kea/kea6-ctrl-socket"
  reachable @2 :Bool;
  running @3 :Bool;            # a comparison goes on
  runs @4 :UInt64;             # that came to their end
  failures @5 :UInt64;         # that did not
  lastError @6 :Text;          # "" when the last was good
  finishedAt @7 :Int64 = -0x8000000000000000;
  seconds @8 :Float64;
  compared @9 :UInt64;         # leases, of the last good run, as the following
  missing @10 :UInt64;         # recorded because the ledger did not have them
  changed @11 :UInt64;         # because it had them otherwise
  absent @12 :UInt64;          # because the server has them no more
  unreadable @13 :UInt64;
  refused @14 :UInt64;
  recordedInAll @15 :UInt64;   # of all runs
}

struct Lease {
  addressHigh @0 :UInt64;
  addressLow @1 :UInt64;
  length @2 :UInt8 = 128;
  type @3 :UInt8;              # 0 IA_NA, 1 IA_TA, 2 IA_PD
  state @4 :UInt8;             # 1 active, 2 declined, 3 reserved, 4 ended
  iaid @5 :UInt32;
  subnetId @6 :UInt32;
  duid @7 :Data;
  validUntil @8 :Int64;
  preferredUntil @9 :Int64;
  tenure @10 :UInt64;          # record that began this holding
  described @11 :UInt64;       # record with the description in force
}

struct Description {
  name @0 :Text;
  comment @1 :Text;
  ownerHigh @2 :UInt64;
  ownerLow @3 :UInt64;
  ownerName @4 :Text;
  serverSubnetId @5 :UInt32;
  hardwareAddress @6 :Data;
  hardwareType @7 :UInt16;
  hardwareSource @8 :UInt16;
  fqdnForward @9 :Bool;
  fqdnReverse @10 :Bool;
  context @11 :Text;
}

struct LeaseRow {
  lease @0 :Lease;
  description @1 :Description;
  subnet @2 :Prefix;
  subnetName @3 :Text;
  since @4 :Int64;             # when this holding began
  first @5 :UInt64;            # the record with which it began
  last @6 :UInt64;             # the last record about it that counts here
  recordedAt @7 :Int64;        # of that record
  effectiveAt @8 :Int64;
  actor @9 :Text;
}

struct LeasePage {
  asOf @0 :AsOf;
  leases @1 :List(LeaseRow);   # in key order
  next @2 :Prefix;             # ask again with this `after`; null at the end
}

struct Span {
  # One unbroken hold of a key by one client, [from, until).
  key @0 :Prefix;
  subnetId @1 :UInt32;
  from @2 :Int64;
  until @3 :Int64;
  tenure @4 :UInt64;
  first @5 :UInt64;
  last @6 :UInt64;
  lastRenewal @7 :UInt64;
  end @8 :UInt64;              # the record that ended it; 0 when none did
  endedBy @9 :UInt16;          # kind of that record: the number of its tag in ledger/schema/record.capnp
  renewals @10 :UInt64;
}

struct HeldSpan {
  span @0 :Span;
  duid @1 :Data;
  iaid @2 :UInt32;
  type @3 :UInt8;
  description @4 :Description;
  subnet @5 :Prefix;
}

struct Holders {
  asOf @0 :AsOf;
  holders @1 :List(HeldSpan);  # the most specific first; those behind it hold a delegated prefix around it
  before @2 :HeldSpan;         # when nobody did: who held it last before, and first after; null when there was nobody
  after @3 :HeldSpan;
}

struct Subnet {
  prefix @0 :Prefix;
  id @1 :UInt32;
  name @2 :Text;
  comment @3 :Text;
  preference @4 :UInt16;
  disabled @5 :Bool;
  preferredLifetime @6 :UInt32;
  validLifetime @7 :UInt32;
}

struct Usage {
  active @0 :UInt64;
  declined @1 :UInt64;
  reserved @2 :UInt64;
  created @3 :UInt64;          # from here on: since the subnet was created
  renewed @4 :UInt64;
  released @5 :UInt64;
  expired @6 :UInt64;
  deleted @7 :UInt64;
}

struct SubnetRow {
  subnet @0 :Subnet;
  usage @1 :Usage;
  reservations @2 :UInt32;
  exclusions @3 :UInt32;
  pools @4 :UInt32;
}

struct SubnetPage {
  asOf @0 :UInt64;
  subnets @1 :List(SubnetRow); # in address order
  next @2 :Prefix;             # null at the end
  total @3 :UInt64;
}

struct SubnetAnswer {
  asOf @0 :UInt64;
  row @1 :SubnetRow;           # null: no such subnet
  lapsed :union { unknown @2 :Void; count @3 :UInt64; }
  free :union { unknown @4 :Void; count @5 :UInt64; }
}

enum ElementKind { reservation @0; exclusion @1; pool @2; }

struct Element {
  subnet @0 :Prefix;
  union {
    none @1 :Void;
    reservation :group {
      key @2 :Prefix;
      type @3 :UInt8;
      duid @4 :Data;
      iaid @5 :UInt32;
      subnetId @6 :UInt32;
    }
    exclusion :group {
      first @7 :Prefix;        # length 128
      last @8 :Prefix;
      subnetId @9 :UInt32;
    }
    pool :group {
      prefix @10 :Prefix;
      delegatedLength @11 :UInt8;
      subnetId @12 :UInt32;
    }
  }
}

struct ElementPage {
  asOf @0 :UInt64;
  elements @1 :List(Element);
  total @2 :UInt64;            # before skip and limit
}

struct Stats {
  ledgerId @0 :Data;
  partition @1 :Text;
  createdAt @2 :Int64;
  directory @3 :Text;
  records @4 :UInt64;
  firstRecordedAt @5 :Int64 = -0x8000000000000000;
  lastRecordedAt @6 :Int64 = -0x8000000000000000;
  subnets @7 :UInt64;
  leases @8 :UInt64;
  usage @9 :Usage;
  bookBytes @10 :UInt64;
  root @11 :Data;
  viewsAt @12 :UInt64;
  viewsLag @13 :UInt64;
  viewsStored @14 :UInt64;
  diskBytes @15 :UInt64;
}

# ---- the audit log and the past --------------------------------------------------------------------------------------

struct Records {
  # Records as they are stored and hashed (ledger/schema/record.capnp), one after the other, each a whole number of words.
  bytes @0 :Data;
  ends @1 :List(UInt32);       # where each ends in `bytes`
  positions @2 :List(UInt64);  # of each; empty when they follow each other from `first` on
  first @3 :UInt64;
}

struct LogFilter {
  from @0 :UInt64 = 1;
  to @1 :UInt64 = 0xFFFFFFFFFFFFFFFF;
  key @2 :Prefix;              # about this key, one that covers it, or one inside of it; null: any
  duid @3 :Data;               # about this client; absent: any
  actor @4 :Text;              # "": any
  kind @5 :UInt16 = 0xFFFF;    # number of the event's tag; 0xFFFF: any
  backward @6 :Bool;
}

interface History {
  read @0 (first :UInt64, last :UInt64, backward :Bool) -> (records :Records, error :Error);
  # As many of first..last as fit into one answer, from first on, or from last on when backward.

  log @1 (filter :LogFilter, limit :UInt32) -> (records :Records, next :UInt64, error :Error);
  # The records that pass, as many as fit, at most `limit`. `next` is where to go on (as filter.from, or filter.to when
  # backward); 0 at the end. An answer may hold no record and still not be the end: a scan is given up after a while.

  wait @2 (known :UInt64, milliseconds :UInt32) -> (tail :UInt64);
  # Until there are more records than `known`, or the time is over (at most a minute).

  treeHead @3 (size :UInt64) -> (root :Data, error :Error);
  inclusionProof @4 (position :UInt64, size :UInt64) -> (hashes :List(Data), error :Error);
  consistencyProof @5 (oldSize :UInt64, newSize :UInt64) -> (hashes :List(Data), error :Error);

  subscribe @6 (from :UInt64, subscriber :Subscriber) -> (subscription :Subscription, error :Error);
  # Every record from `from` on: those that are there, then each when it is durable. At most a few chunks are on their
  # way unanswered, so a slow subscriber is waited for, loses nothing and holds up nobody else.

  stateAt @7 (position :UInt64, progress :Progress) -> (state :State, error :Error);
  # The whole state after a record, replayed. Costs memory at the daemon until the capability is dropped.
  diff @8 (from :UInt64, to :UInt64) -> (difference :Difference, error :Error);
  verify @9 (progress :Progress) -> (report :VerifyReport, error :Error);
  replay @10 (progress :Progress) -> (report :ReplayReport, error :Error);
}

interface Subscriber {
  records @0 (records :Records, tail :UInt64) -> ();
  # Return when the next chunk may come.
  ended @1 (error :Error) -> ();
}

interface Subscription {
  # Dropping it ends the subscription.
}

interface Progress {
  report @0 (done :UInt64, total :UInt64) -> ();
}

interface State {
  info @0 () -> (position :UInt64, recordedAt :Int64, subnets :UInt64, leases :UInt64, digest :Data);
  page @1 (after :Prefix, limit :UInt32) -> (rows :List(Row), next :Prefix, error :Error);
  struct Row {
    lease @0 :BookLease;
    subnet @1 :Prefix;
  }
}

struct BookLease {
  lease @0 :Lease;
  last @1 :UInt64;
  lastEffectiveAt @2 :Int64;
}

interface Difference {
  info @0 () -> (from :UInt64, to :UInt64, leases :UInt64, subnets :List(SubnetDifference));
  page @1 (skip :UInt64, limit :UInt32) -> (leases :List(LeaseDifference));
}

enum Change { created @0; changed @1; ended @2; }

struct LeaseDifference {
  change @0 :Change;
  before @1 :BookLease;        # null when created
  after @2 :BookLease;         # null when ended
  fields @3 :List(Text);
}

struct SubnetDifference {
  prefix @0 :Prefix;
  id @1 :UInt32;
  subnet :union { same @2 :Void; changed @3 :Change; }
  created @4 :UInt64;
  changed @5 :UInt64;
  ended @6 :UInt64;
}

struct VerifyReport {
  tail @0 :UInt64;
  root @1 :Data;
  size @2 :UInt64;
  bookDigest @3 :Data;
  leases @4 :UInt64;
  subnets @5 :UInt64;
  viewEntries @6 :UInt64;
  seconds @7 :Float64;
  viewSeconds @8 :Float64;
  findings @9 :List(Finding);
  struct Finding {
    check @0 :Text;
    position @1 :UInt64;
    what @2 :Text;
  }
}

struct ReplayReport {
  tail @0 :UInt64;
  replayed @1 :Data;
  live @2 :Data;
  leases @3 :UInt64;
  seconds @4 :Float64;
}

interface Upkeep {
  rebuildViews @0 () -> (differing :List(Text), error :Error);
  backup @1 (directory :Text, progress :Progress) -> (records :UInt64, root :Data, verified :Bool, error :Error);
  # A complete copy in a new directory below the one that the configuration allows, on the daemon's machine, verified.
  compareWithKea @2 (server :Text) -> (error :Error);
  # Soon, with the Kea server of that name or with all (""). ERROR_NOT_FOUND 1168: there is none.
}
