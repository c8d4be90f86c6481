#include "adapters/rpc/wire_commands.h"

#include "adapters/rpc/wire_values.h"

#include <algorithm>

namespace leaseledger::rpc {
namespace {

constexpr std::uint32_t kRetryAfterMs = 200;

// ---- optional fields -------------------------------------------------------------------------------------------------

schema::LeaseType wire_type(const std::optional<LeaseType>& type) {
  return type ? static_cast<schema::LeaseType>(static_cast<std::uint16_t>(*type) + 1)
              : schema::LeaseType::BY_KEY;
}

Status read_type(schema::LeaseType in, std::optional<LeaseType>& out) {
  if (in > schema::LeaseType::PD)
    return invalid("type", std::to_string(static_cast<int>(in)), "IA_NA, IA_TA or IA_PD");
  out.reset();
  if (in != schema::LeaseType::BY_KEY)
    out = static_cast<LeaseType>(static_cast<std::uint16_t>(in) - 1);
  return {};
}

std::int64_t wire_optional_time(const std::optional<Instant>& time) {
  return time ? wire_time(*time) : kUnsetTime;
}

std::optional<Instant> read_optional_time(std::int64_t in) {
  return in == kUnsetTime ? std::nullopt : std::optional(read_time(in));
}

template <typename Message>
void write_key(const LeaseKey& key, Message& out) {
  out.setAddressHigh(key.address.high);
  out.setAddressLow(key.address.low);
  out.setLength(key.length);
}

template <typename Message>
Status read_key(Message in, LeaseKey& out) {
  return make_prefix(in.getAddressHigh(), in.getAddressLow(), in.getLength(), "address", out);
}

/// Address, DUID and IAID: what commands about a client's lease have.
template <typename Command, typename Message>
void write_client(const Command& command, Message& out) {
  write_key(command.key, out);
  out.setDuid(wire_bytes(command.duid));
  out.setIaid(static_cast<std::uint32_t>(command.iaid));
}

template <typename Message, typename Command>
Status read_client(Message in, Command& out) {
  LEASELEDGER_TRY(read_key(in, out.key));
  LEASELEDGER_TRY(read_duid(in.getDuid(), out.duid));
  out.iaid = Iaid{in.getIaid()};
  return {};
}

template <typename Message, typename Command>
Status read_names(Message in, Command& out) {
  LEASELEDGER_TRY(read_text(in.getName(), "name", out.name));
  return read_text(in.getComment(), "comment", out.comment);
}

// ---- writing ---------------------------------------------------------------------------------------------------------

using Body = schema::Command::Body::Builder;

void write(const CreateSubnet& c, Body body) {
  auto out = body.initCreateSubnet();
  write_prefix(c.prefix, out.initPrefix());
  write_text(c.name, [&](auto text) { out.setName(text); });
  write_text(c.comment, [&](auto text) { out.setComment(text); });
  out.setPreference(c.preference);
  out.setDisabled(c.state == SubnetState::kDisabled);
  out.setPreferredLifetime(c.preferred_lifetime.count());
  out.setValidLifetime(c.valid_lifetime.count());
}
void write(const SetSubnet& c, Body body) {
  auto out = body.initSetSubnet();
  write_prefix(c.prefix, out.initPrefix());
  if (c.name) out.getName().setTo(wire_text(*c.name));
  if (c.comment) out.getComment().setTo(wire_text(*c.comment));
  if (c.preference) out.getPreference().setTo(*c.preference);
  if (c.state) out.getDisabled().setTo(*c.state == SubnetState::kDisabled);
  if (c.preferred_lifetime) out.getPreferredLifetime().setTo(c.preferred_lifetime->count());
  if (c.valid_lifetime) out.getValidLifetime().setTo(c.valid_lifetime->count());
}
void write(const DeleteSubnet& c, Body body) {
  auto out = body.initDeleteSubnet();
  write_prefix(c.prefix, out.initPrefix());
  out.setForce(c.force);
}
void write(const AddReservation& c, Body body) {
  auto out = body.initAddReservation();
  write_prefix(c.subnet, out.initSubnet());
  write_prefix(c.key, out.initKey());
  out.setDuid(wire_bytes(c.duid));
  out.setIaid(static_cast<std::uint32_t>(c.iaid));
  out.setType(wire_type(c.type));
  write_text(c.name, [&](auto text) { out.setName(text); });
  write_text(c.comment, [&](auto text) { out.setComment(text); });
}
void write(const RemoveReservation& c, Body body) {
  auto out = body.initRemoveReservation();
  write_prefix(c.subnet, out.initSubnet());
  write_prefix(c.key, out.initKey());
}
template <typename Range>
void write_range(const Range& c, schema::Exclusion::Builder out) {
  write_prefix(c.subnet, out.initSubnet());
  out.setFirstHigh(c.first.high);
  out.setFirstLow(c.first.low);
  out.setLastHigh(c.last.high);
  out.setLastLow(c.last.low);
}
void write(const AddExclusion& c, Body body) { write_range(c, body.initAddExclusion()); }
void write(const RemoveExclusion& c, Body body) { write_range(c, body.initRemoveExclusion()); }
void write(const AddDelegationPool& c, Body body) {
  auto out = body.initAddDelegationPool();
  write_prefix(c.subnet, out.initSubnet());
  write_prefix(c.prefix, out.initPrefix());
  out.setDelegatedLength(c.delegated_length);
}
void write(const RemoveDelegationPool& c, Body body) {
  auto out = body.initRemoveDelegationPool();
  write_prefix(c.subnet, out.initSubnet());
  write_prefix(c.prefix, out.initPrefix());
}
void write(const CreateClient& c, Body body) {
  auto out = body.initCreateClient();
  write_client(c, out);
  out.setType(wire_type(c.type));
  out.setValidUntil(wire_optional_time(c.valid_until));
  out.setPreferredUntil(wire_optional_time(c.preferred_until));
  write_text(c.name, [&](auto text) { out.setName(text); });
  write_text(c.comment, [&](auto text) { out.setComment(text); });
  out.setOwnerHigh(c.owner.high);
  out.setOwnerLow(c.owner.low);
  write_text(c.owner_name, [&](auto text) { out.setOwnerName(text); });
}
void write(const SetClient& c, Body body) {
  auto out = body.initSetClient();
  write_client(c, out);
  write_text(c.name, [&](auto text) { out.setName(text); });
  write_text(c.comment, [&](auto text) { out.setComment(text); });
}
void write(const DeleteClient& c, Body body) {
  auto out = body.initDeleteClient();
  write_key(c.key, out);
}
void write(const RenewLease& c, Body body) {
  auto out = body.initRenewLease();
  write_client(c, out);
  out.setType(wire_type(c.type));
  if (c.valid_lifetime) out.getValidLifetime().setSeconds(c.valid_lifetime->count());
  if (c.preferred_lifetime) out.getPreferredLifetime().setSeconds(c.preferred_lifetime->count());
}
void write(const ReleaseLease& c, Body body) {
  auto out = body.initReleaseLease();
  write_client(c, out);
  out.setType(wire_type(c.type));
}
void write(const DeclineLease& c, Body body) {
  auto out = body.initDeclineLease();
  write_client(c, out);
  out.setType(wire_type(c.type));
  out.setProbation(c.probation.count());
}
void write(const ExpireLeases& c, Body body) {
  auto out = body.initExpireLeases();
  out.setGrace(c.grace.count());
  out.setLimit(c.limit);
}
void write(const ReportLease& c, Body body) {
  auto out = body.initReportLease();
  write_client(c, out);
  out.setType(wire_type(c.type));
  out.setState(static_cast<schema::ReportLease::State>(c.state));
  out.setValidLifetime(c.valid_lifetime.count());
  if (c.preferred_lifetime) out.getPreferredLifetime().setSeconds(c.preferred_lifetime->count());
  write_text(c.name, [&](auto text) { out.setName(text); });
  write_text(c.comment, [&](auto text) { out.setComment(text); });
  out.setOwnerHigh(c.owner.high);
  out.setOwnerLow(c.owner.low);
  write_text(c.owner_name, [&](auto text) { out.setOwnerName(text); });
  out.setServerSubnetId(c.server_subnet_id);
  write_text(c.hardware_address, [&](auto text) { out.setHardwareAddress(text); });
  out.setHardwareType(c.hardware_type);
  out.setHardwareSource(c.hardware_source);
  out.setFqdnForward(c.fqdn_forward);
  out.setFqdnReverse(c.fqdn_reverse);
  write_text(c.context, [&](auto text) { out.setContext(text); });
}

// ---- reading ---------------------------------------------------------------------------------------------------------

Status read(schema::CreateSubnet::Reader in, CreateSubnet& c) {
  LEASELEDGER_TRY(read_prefix(in.getPrefix(), "prefix", c.prefix));
  LEASELEDGER_TRY(read_names(in, c));
  c.preference = in.getPreference();
  c.state = in.getDisabled() ? SubnetState::kDisabled : SubnetState::kEnabled;
  c.preferred_lifetime = Lifetime{in.getPreferredLifetime()};
  c.valid_lifetime = Lifetime{in.getValidLifetime()};
  return {};
}
Status read(schema::SetSubnet::Reader in, SetSubnet& c) {
  LEASELEDGER_TRY(read_prefix(in.getPrefix(), "prefix", c.prefix));
  if (in.getName().isTo())
    LEASELEDGER_TRY(read_text(in.getName().getTo(), "name", c.name.emplace()));
  if (in.getComment().isTo())
    LEASELEDGER_TRY(read_text(in.getComment().getTo(), "comment", c.comment.emplace()));
  if (in.getPreference().isTo()) c.preference = in.getPreference().getTo();
  if (in.getDisabled().isTo())
    c.state = in.getDisabled().getTo() ? SubnetState::kDisabled : SubnetState::kEnabled;
  if (in.getPreferredLifetime().isTo())
    c.preferred_lifetime = Lifetime{in.getPreferredLifetime().getTo()};
  if (in.getValidLifetime().isTo()) c.valid_lifetime = Lifetime{in.getValidLifetime().getTo()};
  return {};
}
Status read(schema::DeleteSubnet::Reader in, DeleteSubnet& c) {
  c.force = in.getForce();
  return read_prefix(in.getPrefix(), "prefix", c.prefix);
}
Status read(schema::AddReservation::Reader in, AddReservation& c) {
  LEASELEDGER_TRY(read_prefix(in.getSubnet(), "subnet", c.subnet));
  LEASELEDGER_TRY(read_prefix(in.getKey(), "address", c.key));
  LEASELEDGER_TRY(read_duid(in.getDuid(), c.duid));
  c.iaid = Iaid{in.getIaid()};
  LEASELEDGER_TRY(read_type(in.getType(), c.type));
  return read_names(in, c);
}
Status read(schema::RemoveReservation::Reader in, RemoveReservation& c) {
  LEASELEDGER_TRY(read_prefix(in.getSubnet(), "subnet", c.subnet));
  return read_prefix(in.getKey(), "address", c.key);
}
template <typename Range>
Status read_range(schema::Exclusion::Reader in, Range& c) {
  c.first = {in.getFirstHigh(), in.getFirstLow()};
  c.last = {in.getLastHigh(), in.getLastLow()};
  return read_prefix(in.getSubnet(), "subnet", c.subnet);
}
Status read(schema::Exclusion::Reader in, AddExclusion& c) { return read_range(in, c); }
Status read(schema::Exclusion::Reader in, RemoveExclusion& c) { return read_range(in, c); }
Status read(schema::DelegationPool::Reader in, AddDelegationPool& c) {
  LEASELEDGER_TRY(read_prefix(in.getSubnet(), "subnet", c.subnet));
  c.delegated_length = in.getDelegatedLength();
  return read_prefix(in.getPrefix(), "prefix", c.prefix);
}
Status read(schema::DelegationPool::Reader in, RemoveDelegationPool& c) {
  LEASELEDGER_TRY(read_prefix(in.getSubnet(), "subnet", c.subnet));
  return read_prefix(in.getPrefix(), "prefix", c.prefix);
}
Status read(schema::CreateClient::Reader in, CreateClient& c) {
  LEASELEDGER_TRY(read_client(in, c));
  LEASELEDGER_TRY(read_type(in.getType(), c.type));
  c.valid_until = read_optional_time(in.getValidUntil());
  c.preferred_until = read_optional_time(in.getPreferredUntil());
  LEASELEDGER_TRY(read_names(in, c));
  c.owner = {in.getOwnerHigh(), in.getOwnerLow()};
  return read_text(in.getOwnerName(), "owner_name", c.owner_name);
}
Status read(schema::SetClient::Reader in, SetClient& c) {
  LEASELEDGER_TRY(read_client(in, c));
  return read_names(in, c);
}
Status read(schema::DeleteClient::Reader in, DeleteClient& c) { return read_key(in, c.key); }
Status read(schema::LeaseCommand::Reader in, RenewLease& c) {
  LEASELEDGER_TRY(read_client(in, c));
  if (in.getValidLifetime().isSeconds())
    c.valid_lifetime = Lifetime{in.getValidLifetime().getSeconds()};
  if (in.getPreferredLifetime().isSeconds())
    c.preferred_lifetime = Lifetime{in.getPreferredLifetime().getSeconds()};
  return read_type(in.getType(), c.type);
}
Status read(schema::LeaseCommand::Reader in, ReleaseLease& c) {
  LEASELEDGER_TRY(read_client(in, c));
  return read_type(in.getType(), c.type);
}
Status read(schema::LeaseCommand::Reader in, DeclineLease& c) {
  LEASELEDGER_TRY(read_client(in, c));
  c.probation = Lifetime{in.getProbation()};
  return read_type(in.getType(), c.type);
}
Status read(schema::ExpireLeases::Reader in, ExpireLeases& c) {
  c.grace = Lifetime{in.getGrace()};
  c.limit = in.getLimit();
  return {};
}
Status read(schema::ReportLease::Reader in, ReportLease& c) {
  LEASELEDGER_TRY(read_client(in, c));
  LEASELEDGER_TRY(read_type(in.getType(), c.type));
  if (in.getState() > schema::ReportLease::State::EXPIRED) {
    return invalid("state", std::to_string(static_cast<int>(in.getState())),
                   "active, released, declined or expired");
  }
  c.state = static_cast<ReportedState>(in.getState());
  c.valid_lifetime = Lifetime{in.getValidLifetime()};
  if (in.getPreferredLifetime().isSeconds())
    c.preferred_lifetime = Lifetime{in.getPreferredLifetime().getSeconds()};
  LEASELEDGER_TRY(read_names(in, c));
  c.owner = {in.getOwnerHigh(), in.getOwnerLow()};
  LEASELEDGER_TRY(read_text(in.getOwnerName(), "owner_name", c.owner_name));
  c.server_subnet_id = in.getServerSubnetId();
  LEASELEDGER_TRY(read_text(in.getHardwareAddress(), "hardware_address", c.hardware_address));
  c.hardware_type = in.getHardwareType();
  c.hardware_source = in.getHardwareSource();
  c.fqdn_forward = in.getFqdnForward();
  c.fqdn_reverse = in.getFqdnReverse();
  return read_text(in.getContext(), "context", c.context);
}

Status read_body(schema::Command::Body::Reader in, Command& out) {
  switch (in.which()) {
    case schema::Command::Body::NONE:
      break;
    case schema::Command::Body::CREATE_SUBNET:
      return read(in.getCreateSubnet(), out.emplace<CreateSubnet>());
    case schema::Command::Body::SET_SUBNET:
      return read(in.getSetSubnet(), out.emplace<SetSubnet>());
    case schema::Command::Body::DELETE_SUBNET:
      return read(in.getDeleteSubnet(), out.emplace<DeleteSubnet>());
    case schema::Command::Body::ADD_RESERVATION:
      return read(in.getAddReservation(), out.emplace<AddReservation>());
    case schema::Command::Body::REMOVE_RESERVATION:
      return read(in.getRemoveReservation(), out.emplace<RemoveReservation>());
    case schema::Command::Body::ADD_EXCLUSION:
      return read(in.getAddExclusion(), out.emplace<AddExclusion>());
    case schema::Command::Body::REMOVE_EXCLUSION:
      return read(in.getRemoveExclusion(), out.emplace<RemoveExclusion>());
    case schema::Command::Body::ADD_DELEGATION_POOL:
      return read(in.getAddDelegationPool(), out.emplace<AddDelegationPool>());
    case schema::Command::Body::REMOVE_DELEGATION_POOL:
      return read(in.getRemoveDelegationPool(), out.emplace<RemoveDelegationPool>());
    case schema::Command::Body::CREATE_CLIENT:
      return read(in.getCreateClient(), out.emplace<CreateClient>());
    case schema::Command::Body::SET_CLIENT:
      return read(in.getSetClient(), out.emplace<SetClient>());
    case schema::Command::Body::DELETE_CLIENT:
      return read(in.getDeleteClient(), out.emplace<DeleteClient>());
    case schema::Command::Body::RENEW_LEASE:
      return read(in.getRenewLease(), out.emplace<RenewLease>());
    case schema::Command::Body::RELEASE_LEASE:
      return read(in.getReleaseLease(), out.emplace<ReleaseLease>());
    case schema::Command::Body::DECLINE_LEASE:
      return read(in.getDeclineLease(), out.emplace<DeclineLease>());
    case schema::Command::Body::EXPIRE_LEASES:
      return read(in.getExpireLeases(), out.emplace<ExpireLeases>());
    case schema::Command::Body::REPORT_LEASE:
      return read(in.getReportLease(), out.emplace<ReportLease>());
  }
  return invalid("command", std::to_string(static_cast<int>(in.which())),
                 "a kind of command that this version knows");
}

}  // namespace

void write_command(const Envelope& envelope, schema::Command::Builder out) {
  if (envelope.id) out.setId(kj::arrayPtr(envelope.id->data(), envelope.id->size()));
  write_text(envelope.cause, [&](auto text) { out.setCause(text); });
  out.setEffectiveAt(wire_optional_time(envelope.effective_at));
  if (envelope.if_last_event) out.getIfLastEvent().setPosition(*envelope.if_last_event);
  std::visit([&](const auto& command) { write(command, out.getBody()); }, envelope.command);
}

Status read_command(schema::Command::Reader in, Envelope& out) {
  out.id.reset();
  if (in.hasId()) {
    const auto id = in.getId();
    if (id.size() != CommandId{}.size())
      return invalid("id", std::to_string(id.size()) + " octets", "a UUID, 16 octets");
    std::ranges::copy(id, out.id.emplace().begin());
  }
  LEASELEDGER_TRY(read_text(in.getCause(), "cause", out.cause));
  out.effective_at = read_optional_time(in.getEffectiveAt());
  out.if_last_event.reset();
  if (in.getIfLastEvent().isPosition()) out.if_last_event = in.getIfLastEvent().getPosition();
  return read_body(in.getBody(), out.command);
}

Submission read_commands(capnp::List<schema::Command>::Reader in) {
  Submission out;
  out.commands.reserve(in.size());
  std::size_t index = 0;
  for (const auto command : in) {
    if (auto read = read_command(command, out.commands.emplace_back()); !read) {
      out.commands.pop_back();
      out.unreadable.resize(index);  // those before it
      out.unreadable.emplace_back(std::move(read).error());
    }
    ++index;
  }
  if (!out.unreadable.empty()) out.unreadable.resize(index);
  return out;
}

void write_answers(const Submission& submission, std::vector<Answer>& answers) {
  if (submission.unreadable.empty()) return;
  std::vector<Answer> all(submission.unreadable.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (const auto& error = submission.unreadable[i]) {
      all[i].code = error->code;
      all[i].error = *error;
    } else if (next < answers.size()) {
      all[i] = std::move(answers[next++]);
    }
  }
  answers = std::move(all);
}

void write_answer(const Answer& answer, schema::Answer::Builder out) {
  out.setFirst(answer.first);
  out.setLast(answer.last);
  out.setAsOf(answer.as_of);
  if (answer.repeated) out.setRepeated(true);
  if (!answer.accepted()) {
    Error error = answer.error;
    error.code = answer.code;
    write_error(error, out.initError());
  }
}

Answer read_answer(schema::Answer::Reader in) {
  Answer out;
  out.first = in.getFirst();
  out.last = in.getLast();
  out.as_of = in.getAsOf();
  out.repeated = in.getRepeated();
  if (in.hasError()) {
    out.error = read_error(in.getError());
    out.code = out.error.code;
  }
  return out;
}

void write_error(const Error& error, schema::Error::Builder out) {
  out.setCode(static_cast<std::uint32_t>(error.code));
  out.setKind(static_cast<schema::Error::Kind>(error.kind));
  write_text(error.field, [&](auto text) { out.setField(text); });
  write_text(error.value, [&](auto text) { out.setValue(text); });
  write_text(error.expected, [&](auto text) { out.setExpected(text); });
  if (error.kind == ErrorKind::kBusy) out.setRetryAfterMs(kRetryAfterMs);
}

Error read_error(schema::Error::Reader in) {
  Error out;
  out.code = static_cast<Win32>(in.getCode());
  out.kind = in.getKind() <= schema::Error::Kind::IO ? static_cast<ErrorKind>(in.getKind())
                                                     : ErrorKind::kIo;
  out.field = plain_text(in.getField());
  out.value = plain_text(in.getValue());
  out.expected = plain_text(in.getExpected());
  return out;
}

}  // namespace leaseledger::rpc
