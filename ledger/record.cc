#include "ledger/record.h"

#include "ledger/check.h"
#include "ledger/lease_record_codec.h"
#include "ledger/schema/record.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>

namespace leaseledger {
namespace {

std::int64_t to_ns(Instant instant) { return instant.time_since_epoch().count(); }
Instant from_ns(std::int64_t ns) { return Instant{std::chrono::nanoseconds{ns}}; }

capnp::Data::Reader as_data(std::span<const std::uint8_t> bytes) {
  return {bytes.data(), bytes.size()};
}
capnp::Data::Reader as_data(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
capnp::Text::Reader as_text(const std::string& text) { return {text.c_str(), text.size()}; }
void assign(std::string& out, capnp::Text::Reader text) { out.assign(text.begin(), text.size()); }
void assign(std::string& out, capnp::Data::Reader data) {
  out.assign(reinterpret_cast<const char*>(data.begin()), data.size());
}

// ---- writing: pointers are set in the order of their declaration, which makes the message canonical --------------

void write(schema::Subnet::Builder out, const Subnet& in) {
  out.setPrefixHigh(in.prefix.address.high);
  out.setPrefixLow(in.prefix.address.low);
  out.setValidLifetime(in.valid_lifetime.count());
  out.setPreferredLifetime(in.preferred_lifetime.count());
  out.setId(in.id);
  out.setPreference(in.preference);
  out.setPrefixLength(in.prefix.length);
  out.setState(static_cast<std::uint8_t>(in.state));
  if (!in.comment.empty()) out.setComment(as_text(in.comment));
  out.setName(as_text(in.name));
}

void write(schema::Reservation::Builder out, const Reservation& in) {
  out.setAddressHigh(in.key.address.high);
  out.setAddressLow(in.key.address.low);
  out.setIaid(static_cast<std::uint32_t>(in.iaid));
  out.setSubnetId(in.subnet_id);
  out.setPrefixLength(in.key.length);
  out.setType(static_cast<std::uint8_t>(in.type));
  out.setDuid(as_data(in.duid.bytes()));
}

void write(schema::Exclusion::Builder out, const Exclusion& in) {
  out.setFirstHigh(in.first.high);
  out.setFirstLow(in.first.low);
  out.setLastHigh(in.last.high);
  out.setLastLow(in.last.low);
  out.setSubnetId(in.subnet_id);
}

void write(schema::DelegationPool::Builder out, const DelegationPool& in) {
  out.setPrefixHigh(in.prefix.address.high);
  out.setPrefixLow(in.prefix.address.low);
  out.setSubnetId(in.subnet_id);
  out.setPrefixLength(in.prefix.length);
  out.setDelegatedLength(in.delegated_length);
}

void write(schema::Description::Builder out, const Description& in) {
  out.setOwnerHigh(in.owner.high);
  out.setOwnerLow(in.owner.low);
  out.setServerSubnetId(in.server_subnet_id);
  out.setHardwareType(in.hardware_type);
  out.setHardwareSource(in.hardware_source);
  out.setFqdnForward(in.fqdn_forward);
  out.setFqdnReverse(in.fqdn_reverse);
  if (!in.owner_name.empty()) out.setOwnerName(as_text(in.owner_name));
  if (!in.hardware_address.empty()) out.setHardwareAddress(as_data(in.hardware_address));
  if (!in.context.empty()) out.setContext(as_text(in.context));
  if (!in.comment.empty()) out.setComment(as_text(in.comment));
  out.setName(as_text(in.name));
}

void write(schema::LeaseFact::Builder out, const LeaseFact& in, Position own) {
  out.setReason(static_cast<std::uint16_t>(in.reason));
  if (in.description) write(out.initDescription(), *in.description);
  auto lease = out.initLease();
  lease.setAddressHigh(in.lease.key.address.high);
  lease.setAddressLow(in.lease.key.address.low);
  lease.setValidUntil(to_ns(in.lease.valid_until));
  lease.setPreferredUntil(to_ns(in.lease.preferred_until));
  lease.setTenure(in.lease.tenure == 0 ? own : in.lease.tenure);
  lease.setDescribed(in.lease.described == 0 ? own : in.lease.described);
  lease.setIaid(static_cast<std::uint32_t>(in.lease.iaid));
  lease.setSubnetId(in.lease.subnet_id);
  lease.setPrefixLength(in.lease.key.length);
  lease.setType(static_cast<std::uint8_t>(in.lease.type));
  lease.setState(static_cast<std::uint8_t>(in.lease.state));
  lease.setDuid(as_data(in.lease.duid.bytes()));
}

template <typename Builder>
void write_arguments(Builder out, const Arguments& arguments) {
  if (arguments.empty()) return;
  auto list = out.initArguments(static_cast<unsigned>(arguments.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setName(as_text(arguments[i].first));
    list[i].setValue(as_text(arguments[i].second));
  }
}

void write(schema::Refusal::Builder out, const CommandRefused& in) {
  out.setCode(static_cast<std::uint32_t>(in.code));
  out.setSuppressed(in.suppressed);
  if (!in.field.empty()) out.setField(as_text(in.field));
  if (!in.value.empty()) out.setValue(as_text(in.value));
  if (!in.expected.empty()) out.setExpected(as_text(in.expected));
  write_arguments(out, in.arguments);
  out.setCommand(as_text(in.command));
}

void write(schema::NoEffect::Builder out, const NothingChanged& in) {
  write_arguments(out, in.arguments);
  out.setCommand(as_text(in.command));
}

struct EventWriter {
  schema::Record::Event::Builder out;
  Position own;
  void operator()(const UnknownEvent&) const {
    LEASELEDGER_CHECK(!"an unknown event is never written");
  }
  void operator()(const SubnetCreated& e) { write(out.initSubnetCreated(), e.subnet); }
  void operator()(const SubnetChanged& e) { write(out.initSubnetChanged(), e.subnet); }
  void operator()(const SubnetDeleted& e) { write(out.initSubnetDeleted(), e.subnet); }
  void operator()(const ReservationAdded& e) { write(out.initReservationAdded(), e.reservation); }
  void operator()(const ReservationRemoved& e) {
    write(out.initReservationRemoved(), e.reservation);
  }
  void operator()(const ExclusionAdded& e) { write(out.initExclusionAdded(), e.exclusion); }
  void operator()(const ExclusionRemoved& e) { write(out.initExclusionRemoved(), e.exclusion); }
  void operator()(const DelegationPoolAdded& e) { write(out.initDelegationPoolAdded(), e.pool); }
  void operator()(const DelegationPoolRemoved& e) {
    write(out.initDelegationPoolRemoved(), e.pool);
  }
  void operator()(const ClientCreated& e) { write(out.initClientCreated(), e, own); }
  void operator()(const ClientChanged& e) { write(out.initClientChanged(), e, own); }
  void operator()(const LeaseRenewed& e) { write(out.initLeaseRenewed(), e, own); }
  void operator()(const LeaseReleased& e) { write(out.initLeaseReleased(), e, own); }
  void operator()(const LeaseDeclined& e) { write(out.initLeaseDeclined(), e, own); }
  void operator()(const LeaseExpired& e) { write(out.initLeaseExpired(), e, own); }
  void operator()(const ClientDeleted& e) { write(out.initClientDeleted(), e, own); }
  void operator()(const CommandRefused& e) { write(out.initCommandRefused(), e); }
  void operator()(const NothingChanged& e) { write(out.initNothingChanged(), e); }
};

void write(schema::Record::Builder out, const RecordView& in) {
  out.setPosition(in.position);
  out.setRecordedAt(to_ns(in.recorded_at));
  out.setEffectiveAt(to_ns(in.effective_at));
  out.setActor(as_text(in.actor));
  if (!in.door.empty()) out.setDoor(as_text(in.door));
  if (in.command_id != nullptr) out.setCommandId(as_data(*in.command_id));
  if (!in.fingerprint.empty()) out.setFingerprint(as_data(in.fingerprint));
  if (!in.cause.empty()) out.setCause(as_text(in.cause));
  std::visit(EventWriter{out.getEvent(), in.position}, in.event);
}

// ---- reading --------------------------------------------------------------------------------------------------

Status bad(std::string what) {
  return corrupt(
      "record", std::move(what),
      "bytes written by leaseledger; run 'leaseledger verify' and restore from a backup");
}

Result<Duid> read_duid(capnp::Data::Reader data) {
  auto duid = Duid::from_bytes({data.begin(), data.size()});
  if (!duid)
    return corrupt("record", "duid of " + std::to_string(data.size()) + " octets",
                   "0 to 130 octets");
  return duid;
}

Status read(schema::Subnet::Reader in, Subnet& out) {
  if (in.getPrefixLength() > 128) return bad("prefix length over 128");
  out.prefix = {{in.getPrefixHigh(), in.getPrefixLow()}, in.getPrefixLength()};
  out.valid_lifetime = Lifetime{in.getValidLifetime()};
  out.preferred_lifetime = Lifetime{in.getPreferredLifetime()};
  out.id = in.getId();
  out.preference = in.getPreference();
  out.state = static_cast<SubnetState>(in.getState());
  assign(out.comment, in.getComment());
  assign(out.name, in.getName());
  return {};
}

Status read(schema::Reservation::Reader in, Reservation& out) {
  if (in.getPrefixLength() > 128) return bad("prefix length over 128");
  out.key = {{in.getAddressHigh(), in.getAddressLow()}, in.getPrefixLength()};
  out.iaid = Iaid{in.getIaid()};
  out.subnet_id = in.getSubnetId();
  out.type = static_cast<LeaseType>(in.getType());
  LEASELEDGER_ASSIGN(out.duid, read_duid(in.getDuid()));
  return {};
}

Status read(schema::Exclusion::Reader in, Exclusion& out) {
  out = {
      {in.getFirstHigh(), in.getFirstLow()}, {in.getLastHigh(), in.getLastLow()}, in.getSubnetId()};
  return {};
}

Status read(schema::DelegationPool::Reader in, DelegationPool& out) {
  if (in.getPrefixLength() > 128) return bad("prefix length over 128");
  out.prefix = {{in.getPrefixHigh(), in.getPrefixLow()}, in.getPrefixLength()};
  out.delegated_length = in.getDelegatedLength();
  out.subnet_id = in.getSubnetId();
  return {};
}

void read(schema::Description::Reader in, Description& out) {
  out.owner = {in.getOwnerHigh(), in.getOwnerLow()};
  out.server_subnet_id = in.getServerSubnetId();
  out.hardware_type = in.getHardwareType();
  out.hardware_source = in.getHardwareSource();
  out.fqdn_forward = in.getFqdnForward();
  out.fqdn_reverse = in.getFqdnReverse();
  assign(out.owner_name, in.getOwnerName());
  assign(out.hardware_address, in.getHardwareAddress());
  assign(out.context, in.getContext());
  assign(out.comment, in.getComment());
  assign(out.name, in.getName());
}

Status read(schema::LeaseFact::Reader in, LeaseFact& out) {
  out.reason = static_cast<Reason>(in.getReason());
  if (in.hasDescription()) {
    read(in.getDescription(), out.description ? *out.description : out.description.emplace());
  } else {
    out.description.reset();
  }
  const auto lease = in.getLease();
  if (lease.getPrefixLength() > 128) return bad("prefix length over 128");
  out.lease.key = {{lease.getAddressHigh(), lease.getAddressLow()}, lease.getPrefixLength()};
  out.lease.valid_until = from_ns(lease.getValidUntil());
  out.lease.preferred_until = from_ns(lease.getPreferredUntil());
  out.lease.tenure = lease.getTenure();
  out.lease.described = lease.getDescribed();
  out.lease.iaid = Iaid{lease.getIaid()};
  out.lease.subnet_id = lease.getSubnetId();
  out.lease.type = static_cast<LeaseType>(lease.getType());
  out.lease.state = static_cast<LeaseState>(lease.getState());
  LEASELEDGER_ASSIGN(out.lease.duid, read_duid(lease.getDuid()));
  return {};
}

void read_arguments(capnp::List<schema::Argument>::Reader in, Arguments& out) {
  out.clear();
  for (const auto argument : in) {
    auto& pair = out.emplace_back();
    assign(pair.first, argument.getName());
    assign(pair.second, argument.getValue());
  }
}

Status read(schema::Refusal::Reader in, CommandRefused& out) {
  out.code = static_cast<Win32>(in.getCode());
  out.suppressed = in.getSuppressed();
  assign(out.field, in.getField());
  assign(out.value, in.getValue());
  assign(out.expected, in.getExpected());
  read_arguments(in.getArguments(), out.arguments);
  assign(out.command, in.getCommand());
  return {};
}

Status read(schema::NoEffect::Reader in, NothingChanged& out) {
  read_arguments(in.getArguments(), out.arguments);
  assign(out.command, in.getCommand());
  return {};
}

/// The alternative T of `event`, kept with its memory when it is there already.
template <typename T>
T& as(Event& event) {
  if (auto* held = std::get_if<T>(&event)) return *held;
  return event.emplace<T>();
}

Status read_event(schema::Record::Event::Reader in, Event& out) {
  using Tag = schema::Record::Event;
  switch (in.which()) {
    case Tag::UNSET:
      return bad("no event");
    case Tag::SUBNET_CREATED:
      return read(in.getSubnetCreated(), as<SubnetCreated>(out).subnet);
    case Tag::SUBNET_CHANGED:
      return read(in.getSubnetChanged(), as<SubnetChanged>(out).subnet);
    case Tag::SUBNET_DELETED:
      return read(in.getSubnetDeleted(), as<SubnetDeleted>(out).subnet);
    case Tag::RESERVATION_ADDED:
      return read(in.getReservationAdded(), as<ReservationAdded>(out).reservation);
    case Tag::RESERVATION_REMOVED:
      return read(in.getReservationRemoved(), as<ReservationRemoved>(out).reservation);
    case Tag::EXCLUSION_ADDED:
      return read(in.getExclusionAdded(), as<ExclusionAdded>(out).exclusion);
    case Tag::EXCLUSION_REMOVED:
      return read(in.getExclusionRemoved(), as<ExclusionRemoved>(out).exclusion);
    case Tag::DELEGATION_POOL_ADDED:
      return read(in.getDelegationPoolAdded(), as<DelegationPoolAdded>(out).pool);
    case Tag::DELEGATION_POOL_REMOVED:
      return read(in.getDelegationPoolRemoved(), as<DelegationPoolRemoved>(out).pool);
    case Tag::CLIENT_CREATED:
      return read(in.getClientCreated(), as<ClientCreated>(out));
    case Tag::CLIENT_CHANGED:
      return read(in.getClientChanged(), as<ClientChanged>(out));
    case Tag::LEASE_RENEWED:
      return read(in.getLeaseRenewed(), as<LeaseRenewed>(out));
    case Tag::LEASE_RELEASED:
      return read(in.getLeaseReleased(), as<LeaseReleased>(out));
    case Tag::LEASE_DECLINED:
      return read(in.getLeaseDeclined(), as<LeaseDeclined>(out));
    case Tag::LEASE_EXPIRED:
      return read(in.getLeaseExpired(), as<LeaseExpired>(out));
    case Tag::CLIENT_DELETED:
      return read(in.getClientDeleted(), as<ClientDeleted>(out));
    case Tag::COMMAND_REFUSED:
      return read(in.getCommandRefused(), as<CommandRefused>(out));
    case Tag::NOTHING_CHANGED:
      return read(in.getNothingChanged(), as<NothingChanged>(out));
  }
  as<UnknownEvent>(out).tag = static_cast<std::uint16_t>(in.which());
  return {};
}

/// Runs `body` on a message reader over `bytes`. Cap'n Proto reports malformed messages by exception; here they end.
template <typename Body>
Status with_reader(std::span<const std::uint8_t> bytes, Body body) {
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0)
    return bad(std::to_string(bytes.size()) + " bytes");
  LEASELEDGER_CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(capnp::word) == 0);
  try {
    const kj::ArrayPtr<const capnp::word> segment(
        reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word));
    const kj::ArrayPtr<const capnp::word> segments[] = {segment};
    // A record may be large (many arguments), its bytes are hashed anyway: the limit only stops amplification.
    capnp::ReaderOptions options;
    options.traversalLimitInWords = std::max<std::uint64_t>(64 * 1024, 8 * segment.size());
    capnp::SegmentArrayMessageReader reader(segments, options);
    return body(reader.getRoot<schema::Record>());
  } catch (const kj::Exception& e) {
    return bad(std::string(e.getDescription().cStr()));
  }
}

}  // namespace

struct RecordBatch::Scratch {
  /// Most records fit; larger ones continue in a heap segment and are copied together when canonicalised.
  alignas(8) capnp::word first_segment[256]{};
};

RecordBatch::RecordBatch() : scratch_(std::make_unique<Scratch>()) {}
RecordBatch::~RecordBatch() = default;
RecordBatch::RecordBatch(RecordBatch&&) noexcept = default;
RecordBatch& RecordBatch::operator=(RecordBatch&&) noexcept = default;

void RecordBatch::add(const Record& record) {
  add(RecordView{record.position, record.recorded_at, record.effective_at, record.actor,
                 record.door, record.command_id ? &*record.command_id : nullptr, record.fingerprint,
                 record.cause, record.event});
}

void RecordBatch::add(const RecordView& record) {
  if (const LeaseFact* fact = lease_fact_of(record.event)) {
    encode_lease_record(record, kind_of(record.event), *fact, words_);
    note(record.position, record.recorded_at);
    return;
  }
  capnp::MallocMessageBuilder message(
      kj::arrayPtr(scratch_->first_segment, std::size(scratch_->first_segment)));
  auto root = message.initRoot<schema::Record>();
  write(root, record);
  auto segments = message.getSegmentsForOutput();
  if (segments.size() == 1 && message.isCanonical()) {
    add_encoded(record.position, record.recorded_at,
                {reinterpret_cast<const std::uint8_t*>(segments[0].begin()),
                 segments[0].size() * sizeof(capnp::word)});
  } else {
    auto words = capnp::canonicalize(root.asReader());
    add_encoded(
        record.position, record.recorded_at,
        {reinterpret_cast<const std::uint8_t*>(words.begin()), words.size() * sizeof(capnp::word)});
  }
  // ~MallocMessageBuilder zeroes what it used of the scratch segment, as its next user needs
}

void RecordBatch::add_encoded(Position position, Instant recorded_at,
                              std::span<const std::uint8_t> bytes) {
  LEASELEDGER_CHECK(!bytes.empty() && bytes.size() % 8 == 0);
  const std::size_t at = words_.size();
  words_.resize(at + bytes.size() / 8);
  std::memcpy(words_.data() + at, bytes.data(), bytes.size());
  note(position, recorded_at);
}

/// The record that was just put at the end of words_.
void RecordBatch::note(Position position, Instant recorded_at) {
  LEASELEDGER_CHECK(empty() || position == last_position() + 1);
  LEASELEDGER_CHECK(empty() || recorded_at > last_recorded_at_);
  if (empty()) first_ = position;
  LEASELEDGER_CHECK(words_.size() * 8 <= UINT32_MAX);
  ends_.push_back(static_cast<std::uint32_t>(words_.size() * 8));
  last_recorded_at_ = recorded_at;
}

void RecordBatch::truncate(std::size_t size, Instant last_recorded_at) {
  LEASELEDGER_CHECK(size <= ends_.size());
  ends_.resize(size);
  words_.resize(size == 0 ? 0 : ends_.back() / 8);
  last_recorded_at_ = last_recorded_at;
  if (size == 0) clear();
}

void RecordBatch::clear() {
  words_.clear();
  ends_.clear();
  first_ = 0;
  last_recorded_at_ = kUnset;
}

std::span<const std::uint8_t> RecordBatch::bytes() const {
  return {reinterpret_cast<const std::uint8_t*>(words_.data()), words_.size() * 8};
}

std::span<const std::uint8_t> RecordBatch::record(std::size_t index) const {
  LEASELEDGER_CHECK(index < ends_.size());
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return bytes().subspan(begin, ends_[index] - begin);
}

std::string encode_record(const Record& record) {
  RecordBatch batch;
  batch.add(record);
  const auto bytes = batch.record(0);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status decode_record(std::span<const std::uint8_t> bytes, Record& out) {
  return with_reader(bytes, [&out](schema::Record::Reader in) -> Status {
    out.position = in.getPosition();
    out.recorded_at = from_ns(in.getRecordedAt());
    out.effective_at = from_ns(in.getEffectiveAt());
    assign(out.actor, in.getActor());
    assign(out.door, in.getDoor());
    const auto id = in.getCommandId();
    if (id.size() == 0) {
      out.command_id.reset();
    } else if (id.size() == CommandId{}.size()) {
      std::copy(id.begin(), id.end(), out.command_id.emplace().begin());
    } else {
      return bad("command id of " + std::to_string(id.size()) + " octets");
    }
    assign(out.fingerprint, in.getFingerprint());
    assign(out.cause, in.getCause());
    return read_event(in.getEvent(), out.event);
  });
}

Status decode_fact(std::span<const std::uint8_t> bytes, Record& out) {
  if (decode_lease_record(bytes, out)) return {};
  return decode_record(bytes, out);
}

Result<RecordHeader> decode_header(std::span<const std::uint8_t> bytes) {
  RecordHeader header;
  LEASELEDGER_TRY(with_reader(bytes, [&header](schema::Record::Reader in) -> Status {
    header.position = in.getPosition();
    header.recorded_at = from_ns(in.getRecordedAt());
    header.effective_at = from_ns(in.getEffectiveAt());
    const auto tag = static_cast<std::uint16_t>(in.getEvent().which());
    header.kind = tag < kEventKinds ? static_cast<EventKind>(tag) : EventKind::kUnknown;
    return {};
  }));
  return header;
}

std::string format_command_id(const CommandId& id) {
  const std::string hex = to_hex(id);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

Result<CommandId> parse_command_id(std::string_view text, std::string_view field) {
  std::string digits(text);
  std::erase(digits, '-');
  std::string bytes;
  if (digits.size() != 32 || !from_hex(digits, bytes)) {
    return invalid(std::string(field), std::string(text),
                   "16 octets as a UUID, such as 0190b5e6-7c00-7000-8000-000000000001");
  }
  CommandId id{};
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

}  // namespace leaseledger
