#include "adapters/rpc/wire_values.h"

#include <algorithm>
#include <cstring>

namespace leaseledger::rpc {
namespace {

/// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
bool is_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = p + text.size();
  while (p < end) {
    if (*p < 0x80) {
      ++p;
      continue;
    }
    const int more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
    if (*p < 0xC2 || *p > 0xF4 || end - p <= more) return false;
    const unsigned char second = p[1];
    if ((*p == 0xE0 && second < 0xA0) || (*p == 0xED && second > 0x9F) ||
        (*p == 0xF0 && second < 0x90) || (*p == 0xF4 && second > 0x8F))
      return false;
    for (int i = 1; i <= more; ++i) {
      if ((p[i] & 0xC0) != 0x80) return false;
    }
    p += more + 1;
  }
  return true;
}

}  // namespace

// ---- small things ----------------------------------------------------------------------------------------------------

Status read_text(capnp::Text::Reader in, const char* field, std::string& out) {
  out.assign(in.begin(), in.size());
  if (is_utf8(out)) return {};
  return invalid(field,
                 to_hex(std::span(reinterpret_cast<const std::uint8_t*>(out.data()),
                                  std::min<std::size_t>(out.size(), 32))),
                 "text in UTF-8");
}

Status read_duid(capnp::Data::Reader in, Duid& out) {
  if (out.assign({in.begin(), in.size()})) return {};
  return invalid("duid", std::to_string(in.size()) + " octets", "1 to 130 octets");
}

void write_prefix(const Ipv6Prefix& prefix, schema::Prefix::Builder out) {
  out.setHigh(prefix.address.high);
  out.setLow(prefix.address.low);
  out.setLength(prefix.length);
}

Status make_prefix(std::uint64_t high, std::uint64_t low, std::uint8_t length, const char* field,
                   Ipv6Prefix& out) {
  if (length > 128) return invalid(field, "/" + std::to_string(length), "a length of 0 to 128");
  out = {{high, low}, length};
  if (out.address.masked(length) != out.address) {
    return invalid(field, out.to_string(),
                   Ipv6Prefix{out.address.masked(length), length}.to_string() +
                       ": all bits behind the prefix are zero");
  }
  return {};
}

Status read_prefix(schema::Prefix::Reader in, const char* field, Ipv6Prefix& out) {
  return make_prefix(in.getHigh(), in.getLow(), in.getLength(), field, out);
}

Ipv6Prefix plain_prefix(schema::Prefix::Reader in) {
  return {{in.getHigh(), in.getLow()}, in.getLength()};
}

// ---- questions -------------------------------------------------------------------------------------------------------

void write_when(const When& when, schema::When::Builder out) {
  if (when.position) out.getKnown().setPosition(*when.position);
  if (when.known_at) out.getKnown().setRecordedAt(wire_time(*when.known_at));
  if (when.effective) out.setEffective(wire_time(*when.effective));
  if (when.judged_at) out.setJudgedAt(wire_time(*when.judged_at));
  out.setAtLeast(when.at_least);
}

When read_when(schema::When::Reader in) {
  When out;
  if (in.getKnown().isPosition()) out.position = in.getKnown().getPosition();
  if (in.getKnown().isRecordedAt()) out.known_at = read_time(in.getKnown().getRecordedAt());
  if (in.getEffective() != kUnsetTime) out.effective = read_time(in.getEffective());
  if (in.getJudgedAt() != kUnsetTime) out.judged_at = read_time(in.getJudgedAt());
  out.at_least = in.getAtLeast();
  return out;
}

void write_as_of(const AsOf& as_of, schema::AsOf::Builder out) {
  out.setKnown(as_of.known);
  if (as_of.effective) out.setEffective(wire_time(*as_of.effective));
  out.setJudgedAt(wire_time(as_of.judged_at));
}

AsOf read_as_of(schema::AsOf::Reader in) {
  AsOf out;
  out.known = in.getKnown();
  if (in.getEffective() != kUnsetTime) out.effective = read_time(in.getEffective());
  out.judged_at = read_time(in.getJudgedAt());
  return out;
}

void write_filter(const LogFilter& filter, schema::LogFilter::Builder out) {
  out.setFrom(filter.from);
  out.setTo(filter.to);
  if (filter.key) write_prefix(*filter.key, out.initKey());
  if (filter.duid) out.setDuid(wire_bytes(*filter.duid));
  write_text(filter.actor, [&](auto text) { out.setActor(text); });
  if (filter.kind) out.setKind(static_cast<std::uint16_t>(*filter.kind));
  out.setBackward(filter.direction == Direction::kBackward);
}

Status read_filter(schema::LogFilter::Reader in, LogFilter& out) {
  out.from = in.getFrom();
  out.to = in.getTo();
  if (in.hasKey()) LEASELEDGER_TRY(read_prefix(in.getKey(), "key", out.key.emplace()));
  if (in.hasDuid()) LEASELEDGER_TRY(read_duid(in.getDuid(), out.duid.emplace()));
  LEASELEDGER_TRY(read_text(in.getActor(), "actor", out.actor));
  if (in.getKind() != 0xFFFF) out.kind = static_cast<EventKind>(in.getKind());
  out.direction = in.getBackward() ? Direction::kBackward : Direction::kForward;
  return {};
}

// ---- answers ---------------------------------------------------------------------------------------------------------

void write(const ServiceInfo& in, schema::Info::Builder out) {
  out.setPrincipal(wire_text(in.principal));
  out.setRole(static_cast<schema::Role>(in.role));
  out.setVersion(wire_text(in.version));
  out.setLedgerId(wire_octets(in.identity.ledger_id));
  out.setPartition(wire_text(in.identity.partition));
  out.setCreatedAt(wire_time(in.identity.created_at));
  out.setOwnerHigh(in.owner.high);
  out.setOwnerLow(in.owner.low);
  out.setOwnerName(wire_text(in.owner_name));
  out.setStartedAt(wire_time(in.started_at));
  out.setTail(in.tail);
  out.setMaxBatch(static_cast<std::uint32_t>(in.max_batch));
}

ServiceInfo read(schema::Info::Reader in) {
  ServiceInfo out;
  out.principal = plain_text(in.getPrincipal());
  out.role = static_cast<Role>(in.getRole());
  out.version = plain_text(in.getVersion());
  read_octets(in.getLedgerId(), out.identity.ledger_id);
  out.identity.partition = plain_text(in.getPartition());
  out.identity.created_at = read_time(in.getCreatedAt());
  out.owner = {in.getOwnerHigh(), in.getOwnerLow()};
  out.owner_name = plain_text(in.getOwnerName());
  out.started_at = read_time(in.getStartedAt());
  out.tail = in.getTail();
  out.max_batch = in.getMaxBatch();
  return out;
}

void write(const Lease& in, schema::Lease::Builder out) {
  out.setAddressHigh(in.key.address.high);
  out.setAddressLow(in.key.address.low);
  out.setLength(in.key.length);
  out.setType(static_cast<std::uint8_t>(in.type));
  out.setState(static_cast<std::uint8_t>(in.state));
  out.setIaid(static_cast<std::uint32_t>(in.iaid));
  out.setSubnetId(in.subnet_id);
  out.setDuid(wire_bytes(in.duid));
  out.setValidUntil(wire_time(in.valid_until));
  out.setPreferredUntil(wire_time(in.preferred_until));
  out.setTenure(in.tenure);
  out.setDescribed(in.described);
}

Lease read(schema::Lease::Reader in) {
  Lease out;
  out.key = {{in.getAddressHigh(), in.getAddressLow()}, in.getLength()};
  out.type = static_cast<LeaseType>(in.getType());
  out.state = static_cast<LeaseState>(in.getState());
  out.iaid = Iaid{in.getIaid()};
  out.subnet_id = in.getSubnetId();
  const auto duid = in.getDuid();
  out.duid.assign({duid.begin(), duid.size()});
  out.valid_until = read_time(in.getValidUntil());
  out.preferred_until = read_time(in.getPreferredUntil());
  out.tenure = in.getTenure();
  out.described = in.getDescribed();
  return out;
}

void write(const BookLease& in, schema::BookLease::Builder out) {
  write(in.lease, out.initLease());
  out.setLast(in.last);
  out.setLastEffectiveAt(wire_time(in.effective_at));
}

BookLease read(schema::BookLease::Reader in) {
  return {read(in.getLease()), in.getLast(), read_time(in.getLastEffectiveAt())};
}

void write(const Description& in, schema::Description::Builder out) {
  write_text(in.name, [&](auto text) { out.setName(text); });
  write_text(in.comment, [&](auto text) { out.setComment(text); });
  out.setOwnerHigh(in.owner.high);
  out.setOwnerLow(in.owner.low);
  write_text(in.owner_name, [&](auto text) { out.setOwnerName(text); });
  out.setServerSubnetId(in.server_subnet_id);
  if (!in.hardware_address.empty()) out.setHardwareAddress(wire_octets(in.hardware_address));
  out.setHardwareType(in.hardware_type);
  out.setHardwareSource(in.hardware_source);
  out.setFqdnForward(in.fqdn_forward);
  out.setFqdnReverse(in.fqdn_reverse);
  write_text(in.context, [&](auto text) { out.setContext(text); });
}

Description read(schema::Description::Reader in) {
  Description out;
  out.name = plain_text(in.getName());
  out.comment = plain_text(in.getComment());
  out.owner = {in.getOwnerHigh(), in.getOwnerLow()};
  out.owner_name = plain_text(in.getOwnerName());
  out.server_subnet_id = in.getServerSubnetId();
  const auto hardware = in.getHardwareAddress();
  out.hardware_address.assign(reinterpret_cast<const char*>(hardware.begin()), hardware.size());
  out.hardware_type = in.getHardwareType();
  out.hardware_source = in.getHardwareSource();
  out.fqdn_forward = in.getFqdnForward();
  out.fqdn_reverse = in.getFqdnReverse();
  out.context = plain_text(in.getContext());
  return out;
}

void write(const LeaseRow& in, schema::LeaseRow::Builder out) {
  write(in.lease, out.initLease());
  write(in.description, out.initDescription());
  write_prefix(in.subnet, out.initSubnet());
  write_text(in.subnet_name, [&](auto text) { out.setSubnetName(text); });
  out.setSince(wire_time(in.since));
  out.setFirst(in.first);
  out.setLast(in.last);
  out.setRecordedAt(wire_time(in.recorded_at));
  out.setEffectiveAt(wire_time(in.effective_at));
  write_text(in.actor, [&](auto text) { out.setActor(text); });
}

LeaseRow read(schema::LeaseRow::Reader in) {
  LeaseRow out;
  out.lease = read(in.getLease());
  out.description = read(in.getDescription());
  out.subnet = plain_prefix(in.getSubnet());
  out.subnet_name = plain_text(in.getSubnetName());
  out.since = read_time(in.getSince());
  out.first = in.getFirst();
  out.last = in.getLast();
  out.recorded_at = read_time(in.getRecordedAt());
  out.effective_at = read_time(in.getEffectiveAt());
  out.actor = plain_text(in.getActor());
  return out;
}

void write(const LeasePage& in, schema::LeasePage::Builder out) {
  write_as_of(in.as_of, out.initAsOf());
  write_list(in.leases, out.initLeases(static_cast<unsigned>(in.leases.size())));
  if (in.next) write_prefix(*in.next, out.initNext());
}

LeasePage read(schema::LeasePage::Reader in) {
  LeasePage out;
  out.as_of = read_as_of(in.getAsOf());
  out.leases = read_list<LeaseRow>(in.getLeases());
  if (in.hasNext()) out.next = plain_prefix(in.getNext());
  return out;
}

void write(const HeldSpan& in, schema::HeldSpan::Builder out) {
  auto span = out.initSpan();
  write_prefix(in.span.key, span.initKey());
  span.setSubnetId(in.span.subnet_id);
  span.setFrom(wire_time(in.span.from));
  span.setUntil(wire_time(in.span.until));
  span.setTenure(in.span.tenure);
  span.setFirst(in.span.first);
  span.setLast(in.span.last);
  span.setLastRenewal(in.span.last_renewal);
  span.setEnd(in.span.end);
  span.setEndedBy(static_cast<std::uint16_t>(in.span.ended_by));
  span.setRenewals(in.span.renewals);
  out.setDuid(wire_bytes(in.duid));
  out.setIaid(static_cast<std::uint32_t>(in.iaid));
  out.setType(static_cast<std::uint8_t>(in.type));
  write(in.description, out.initDescription());
  write_prefix(in.subnet, out.initSubnet());
}

HeldSpan read(schema::HeldSpan::Reader in) {
  HeldSpan out;
  const auto span = in.getSpan();
  out.span.key = plain_prefix(span.getKey());
  out.span.subnet_id = span.getSubnetId();
  out.span.from = read_time(span.getFrom());
  out.span.until = read_time(span.getUntil());
  out.span.tenure = span.getTenure();
  out.span.first = span.getFirst();
  out.span.last = span.getLast();
  out.span.last_renewal = span.getLastRenewal();
  out.span.end = span.getEnd();
  out.span.ended_by = static_cast<EventKind>(span.getEndedBy());
  out.span.renewals = span.getRenewals();
  const auto duid = in.getDuid();
  out.duid.assign({duid.begin(), duid.size()});
  out.iaid = Iaid{in.getIaid()};
  out.type = static_cast<LeaseType>(in.getType());
  out.description = read(in.getDescription());
  out.subnet = plain_prefix(in.getSubnet());
  return out;
}

void write(const Holders& in, schema::Holders::Builder out) {
  write_as_of(in.as_of, out.initAsOf());
  write_list(in.holders, out.initHolders(static_cast<unsigned>(in.holders.size())));
  if (in.before) write(*in.before, out.initBefore());
  if (in.after) write(*in.after, out.initAfter());
}

Holders read(schema::Holders::Reader in) {
  Holders out;
  out.as_of = read_as_of(in.getAsOf());
  out.holders = read_list<HeldSpan>(in.getHolders());
  if (in.hasBefore()) out.before = read(in.getBefore());
  if (in.hasAfter()) out.after = read(in.getAfter());
  return out;
}

void write(const Subnet& in, schema::Subnet::Builder out) {
  write_prefix(in.prefix, out.initPrefix());
  out.setId(in.id);
  write_text(in.name, [&](auto text) { out.setName(text); });
  write_text(in.comment, [&](auto text) { out.setComment(text); });
  out.setPreference(in.preference);
  out.setDisabled(in.state == SubnetState::kDisabled);
  out.setPreferredLifetime(in.preferred_lifetime.count());
  out.setValidLifetime(in.valid_lifetime.count());
}

Subnet read(schema::Subnet::Reader in) {
  Subnet out;
  out.prefix = plain_prefix(in.getPrefix());
  out.id = in.getId();
  out.name = plain_text(in.getName());
  out.comment = plain_text(in.getComment());
  out.preference = in.getPreference();
  out.state = in.getDisabled() ? SubnetState::kDisabled : SubnetState::kEnabled;
  out.preferred_lifetime = Lifetime{in.getPreferredLifetime()};
  out.valid_lifetime = Lifetime{in.getValidLifetime()};
  return out;
}

void write(const SubnetUsage& in, schema::Usage::Builder out) {
  out.setActive(in.active);
  out.setDeclined(in.declined);
  out.setReserved(in.reserved);
  out.setCreated(in.created);
  out.setRenewed(in.renewed);
  out.setReleased(in.released);
  out.setExpired(in.expired);
  out.setDeleted(in.deleted);
}

SubnetUsage read(schema::Usage::Reader in) {
  return {in.getActive(),  in.getDeclined(), in.getReserved(), in.getCreated(),
          in.getRenewed(), in.getReleased(), in.getExpired(),  in.getDeleted()};
}

void write(const SubnetRow& in, schema::SubnetRow::Builder out) {
  write(in.subnet, out.initSubnet());
  write(in.usage, out.initUsage());
  out.setReservations(in.reservations);
  out.setExclusions(in.exclusions);
  out.setPools(in.pools);
}

SubnetRow read(schema::SubnetRow::Reader in) {
  return {read(in.getSubnet()), read(in.getUsage()), in.getReservations(), in.getExclusions(),
          in.getPools()};
}

void write(const SubnetPage& in, schema::SubnetPage::Builder out) {
  out.setAsOf(in.as_of);
  write_list(in.subnets, out.initSubnets(static_cast<unsigned>(in.subnets.size())));
  if (in.next) write_prefix(*in.next, out.initNext());
  out.setTotal(in.total);
}

SubnetPage read(schema::SubnetPage::Reader in) {
  SubnetPage out;
  out.as_of = in.getAsOf();
  out.subnets = read_list<SubnetRow>(in.getSubnets());
  if (in.hasNext()) out.next = plain_prefix(in.getNext());
  out.total = in.getTotal();
  return out;
}

void write(const SubnetAnswer& in, schema::SubnetAnswer::Builder out) {
  out.setAsOf(in.as_of);
  if (in.row) write(*in.row, out.initRow());
  if (in.lapsed) out.getLapsed().setCount(*in.lapsed);
  if (in.free) out.getFree().setCount(*in.free);
}

SubnetAnswer read(schema::SubnetAnswer::Reader in) {
  SubnetAnswer out;
  out.as_of = in.getAsOf();
  if (in.hasRow()) out.row = read(in.getRow());
  if (in.getLapsed().isCount()) out.lapsed = in.getLapsed().getCount();
  if (in.getFree().isCount()) out.free = in.getFree().getCount();
  return out;
}

void write(const SubnetElement& in, schema::Element::Builder out) {
  write_prefix(in.subnet, out.initSubnet());
  if (in.reservation) {
    auto to = out.initReservation();
    write_prefix(in.reservation->key, to.initKey());
    to.setType(static_cast<std::uint8_t>(in.reservation->type));
    to.setDuid(wire_bytes(in.reservation->duid));
    to.setIaid(static_cast<std::uint32_t>(in.reservation->iaid));
    to.setSubnetId(in.reservation->subnet_id);
  } else if (in.exclusion) {
    auto to = out.initExclusion();
    write_prefix({in.exclusion->first, 128}, to.initFirst());
    write_prefix({in.exclusion->last, 128}, to.initLast());
    to.setSubnetId(in.exclusion->subnet_id);
  } else if (in.pool) {
    auto to = out.initPool();
    write_prefix(in.pool->prefix, to.initPrefix());
    to.setDelegatedLength(in.pool->delegated_length);
    to.setSubnetId(in.pool->subnet_id);
  }
}

SubnetElement read(schema::Element::Reader in) {
  SubnetElement out;
  out.subnet = plain_prefix(in.getSubnet());
  if (in.isReservation()) {
    const auto from = in.getReservation();
    Reservation& to = out.reservation.emplace();
    to.key = plain_prefix(from.getKey());
    to.type = static_cast<LeaseType>(from.getType());
    const auto duid = from.getDuid();
    to.duid.assign({duid.begin(), duid.size()});
    to.iaid = Iaid{from.getIaid()};
    to.subnet_id = from.getSubnetId();
  } else if (in.isExclusion()) {
    const auto from = in.getExclusion();
    out.exclusion = {plain_prefix(from.getFirst()).address, plain_prefix(from.getLast()).address,
                     from.getSubnetId()};
  } else if (in.isPool()) {
    const auto from = in.getPool();
    out.pool = {plain_prefix(from.getPrefix()), from.getDelegatedLength(), from.getSubnetId()};
  }
  return out;
}

void write(const ElementPage& in, schema::ElementPage::Builder out) {
  out.setAsOf(in.as_of);
  write_list(in.elements, out.initElements(static_cast<unsigned>(in.elements.size())));
  out.setTotal(in.total);
}

ElementPage read(schema::ElementPage::Reader in) {
  return {in.getAsOf(), read_list<SubnetElement>(in.getElements()), in.getTotal()};
}

void write(const Stats& in, schema::Stats::Builder out) {
  out.setLedgerId(wire_octets(in.identity.ledger_id));
  out.setPartition(wire_text(in.identity.partition));
  out.setCreatedAt(wire_time(in.identity.created_at));
  out.setDirectory(wire_text(in.directory));
  out.setRecords(in.records);
  out.setFirstRecordedAt(wire_time(in.first_recorded_at));
  out.setLastRecordedAt(wire_time(in.last_recorded_at));
  out.setSubnets(in.subnets);
  out.setLeases(in.leases);
  write(in.usage, out.initUsage());
  out.setBookBytes(in.book_bytes);
  out.setRoot(wire_octets(in.root));
  out.setViewsAt(in.views_at);
  out.setViewsLag(in.views_lag);
  out.setViewsStored(in.views_stored);
  out.setDiskBytes(in.disk_bytes);
}

void write(const KeaServerStatus& in, schema::KeaServerStatus::Builder out) {
  out.setServer(wire_text(in.server));
  out.setControl(wire_text(in.control));
  out.setReachable(in.reachable);
  out.setRunning(in.running);
  out.setRuns(in.runs);
  out.setFailures(in.failures);
  out.setLastError(wire_text(in.error));
  out.setFinishedAt(wire_time(in.finished_at));
  out.setSeconds(in.seconds);
  out.setCompared(in.compared);
  out.setMissing(in.missing);
  out.setChanged(in.changed);
  out.setAbsent(in.absent);
  out.setUnreadable(in.unreadable);
  out.setRefused(in.refused);
  out.setRecordedInAll(in.recorded_in_all);
}
KeaServerStatus read(schema::KeaServerStatus::Reader in) {
  KeaServerStatus out;
  out.server = plain_text(in.getServer());
  out.control = plain_text(in.getControl());
  out.reachable = in.getReachable();
  out.running = in.getRunning();
  out.runs = in.getRuns();
  out.failures = in.getFailures();
  out.error = plain_text(in.getLastError());
  out.finished_at = read_time(in.getFinishedAt());
  out.seconds = in.getSeconds();
  out.compared = in.getCompared();
  out.missing = in.getMissing();
  out.changed = in.getChanged();
  out.absent = in.getAbsent();
  out.unreadable = in.getUnreadable();
  out.refused = in.getRefused();
  out.recorded_in_all = in.getRecordedInAll();
  return out;
}
Stats read(schema::Stats::Reader in) {
  Stats out;
  read_octets(in.getLedgerId(), out.identity.ledger_id);
  out.identity.partition = plain_text(in.getPartition());
  out.identity.created_at = read_time(in.getCreatedAt());
  out.directory = plain_text(in.getDirectory());
  out.records = in.getRecords();
  out.first_recorded_at = read_time(in.getFirstRecordedAt());
  out.last_recorded_at = read_time(in.getLastRecordedAt());
  out.subnets = in.getSubnets();
  out.leases = in.getLeases();
  out.usage = read(in.getUsage());
  out.book_bytes = in.getBookBytes();
  read_octets(in.getRoot(), out.root);
  out.views_at = in.getViewsAt();
  out.views_lag = in.getViewsLag();
  out.views_stored = in.getViewsStored();
  out.disk_bytes = in.getDiskBytes();
  return out;
}

void write(const LeaseDifference& in, schema::LeaseDifference::Builder out) {
  out.setChange(static_cast<schema::Change>(in.change));
  if (in.before) write(*in.before, out.initBefore());
  if (in.after) write(*in.after, out.initAfter());
  auto fields = out.initFields(static_cast<unsigned>(in.fields.size()));
  for (unsigned i = 0; i < fields.size(); ++i) fields.set(i, wire_text(in.fields[i]));
}

LeaseDifference read(schema::LeaseDifference::Reader in) {
  LeaseDifference out;
  out.change = static_cast<Change>(in.getChange());
  if (in.hasBefore()) out.before = read(in.getBefore());
  if (in.hasAfter()) out.after = read(in.getAfter());
  for (const auto field : in.getFields()) out.fields.push_back(plain_text(field));
  return out;
}

void write(const SubnetDifference& in, schema::SubnetDifference::Builder out) {
  write_prefix(in.prefix, out.initPrefix());
  out.setId(in.id);
  if (in.subnet) out.getSubnet().setChanged(static_cast<schema::Change>(*in.subnet));
  out.setCreated(in.created);
  out.setChanged(in.changed);
  out.setEnded(in.ended);
}

SubnetDifference read(schema::SubnetDifference::Reader in) {
  SubnetDifference out;
  out.prefix = plain_prefix(in.getPrefix());
  out.id = in.getId();
  if (in.getSubnet().isChanged()) out.subnet = static_cast<Change>(in.getSubnet().getChanged());
  out.created = in.getCreated();
  out.changed = in.getChanged();
  out.ended = in.getEnded();
  return out;
}

void write(const VerifyReport& in, schema::VerifyReport::Builder out) {
  out.setTail(in.tail);
  out.setRoot(wire_octets(in.head.root));
  out.setSize(in.head.size);
  out.setBookDigest(wire_octets(in.book_digest));
  out.setLeases(in.leases);
  out.setSubnets(in.subnets);
  out.setViewEntries(in.view_entries);
  out.setSeconds(in.seconds);
  out.setViewSeconds(in.view_seconds);
  auto findings = out.initFindings(static_cast<unsigned>(in.findings.size()));
  for (unsigned i = 0; i < findings.size(); ++i) {
    findings[i].setCheck(wire_text(in.findings[i].check));
    findings[i].setPosition(in.findings[i].position);
    findings[i].setWhat(wire_text(in.findings[i].what));
  }
}

VerifyReport read(schema::VerifyReport::Reader in) {
  VerifyReport out;
  out.tail = in.getTail();
  out.head.size = in.getSize();
  read_octets(in.getRoot(), out.head.root);
  read_octets(in.getBookDigest(), out.book_digest);
  out.leases = in.getLeases();
  out.subnets = in.getSubnets();
  out.view_entries = in.getViewEntries();
  out.seconds = in.getSeconds();
  out.view_seconds = in.getViewSeconds();
  for (const auto finding : in.getFindings()) {
    out.findings.push_back(
        {plain_text(finding.getCheck()), finding.getPosition(), plain_text(finding.getWhat())});
  }
  return out;
}

void write(const ReplayReport& in, schema::ReplayReport::Builder out) {
  out.setTail(in.tail);
  out.setReplayed(wire_octets(in.replayed));
  out.setLive(wire_octets(in.live));
  out.setLeases(in.leases);
  out.setSeconds(in.seconds);
}

ReplayReport read(schema::ReplayReport::Reader in) {
  ReplayReport out;
  out.tail = in.getTail();
  read_octets(in.getReplayed(), out.replayed);
  read_octets(in.getLive(), out.live);
  out.leases = in.getLeases();
  out.seconds = in.getSeconds();
  return out;
}

// ---- records ---------------------------------------------------------------------------------------------------------

void RecordChunk::add(const StoredRecord& record) {
  bytes_.append(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size());
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  positions_.push_back(record.position);
}

void RecordChunk::write(schema::Records::Builder out) const {
  if (empty()) return;
  out.setBytes(wire_octets(bytes_));
  auto ends = out.initEnds(static_cast<unsigned>(ends_.size()));
  for (unsigned i = 0; i < ends.size(); ++i) ends.set(i, ends_[i]);
  out.setFirst(positions_.front());
  if (positions_.back() - positions_.front() + 1 != positions_.size()) {
    auto positions = out.initPositions(static_cast<unsigned>(positions_.size()));
    for (unsigned i = 0; i < positions.size(); ++i) positions.set(i, positions_[i]);
  }
}

Result<bool> visit_records(schema::Records::Reader in, const RecordVisitor& visit) {
  const auto bytes = in.getBytes();
  const auto ends = in.getEnds();
  const auto positions = in.getPositions();
  const auto contradiction = [] {
    return corrupt("records", "", "a message whose parts fit together");
  };
  if (positions.size() != 0 && positions.size() != ends.size()) return contradiction();
  if (reinterpret_cast<std::uintptr_t>(bytes.begin()) % 8 != 0) return contradiction();
  std::size_t begin = 0;
  for (unsigned i = 0; i < ends.size(); ++i) {
    const std::size_t end = ends[i];
    if (end <= begin || end > bytes.size() || end % 8 != 0) return contradiction();
    const Position position = positions.size() == 0 ? in.getFirst() + i : positions[i];
    if (!visit({position, {bytes.begin() + begin, end - begin}})) return false;
    begin = end;
  }
  return true;
}

}  // namespace leaseledger::rpc
