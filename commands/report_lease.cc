#include "commands/report_lease.h"

#include "commands/rules.h"

#include <algorithm>

namespace leaseledger {
namespace {

Description description_of(const ReportLease& command) {
  Description out;
  out.name = command.name;
  out.comment = command.comment;
  out.owner = command.owner;
  out.owner_name = command.owner_name;
  out.server_subnet_id = command.server_subnet_id;
  from_hex(command.hardware_address, out.hardware_address);  // checked by validate()
  out.hardware_type = command.hardware_type;
  out.hardware_source = command.hardware_source;
  out.fqdn_forward = command.fqdn_forward;
  out.fqdn_reverse = command.fqdn_reverse;
  out.context = command.context;
  return out;
}

/// The ledger knows of something that happened to this lease after what is reported now.
bool is_late(const BookLease& lease, const Moment& moment) {
  return lease.lease.state != LeaseState::kReserved && moment.at < lease.effective_at;
}

Status report_active(const LeaseBook& book, const ReportLease& command, const Moment& moment,
                     LeaseType type, const Subnet& subnet, Decision& decision) {
  LeaseFact fact;
  fact.lease = {command.key,
                type,
                LeaseState::kActive,
                command.duid,
                command.iaid,
                subnet.id,
                kForever,
                kForever,
                0,
                0};
  fact.lease.valid_until = add_lifetime(moment.at, command.valid_lifetime);
  fact.lease.preferred_until =
      add_lifetime(moment.at, command.preferred_lifetime.value_or(command.valid_lifetime));
  fact.description = description_of(command);
  fact.reason = Reason::kReported;

  const auto before = book.find(command.key);
  if (before) {
    const bool same = rules::is_client(before->lease, command.duid, command.iaid, type) &&
                      before->lease.state != LeaseState::kDeclined;
    const bool live = rules::is_live(*before, moment.at);
    if (is_late(*before, moment) && !(same && fact.lease.valid_until > before->lease.valid_until))
      return {};
    if (same && live) {
      if (before->lease.state == LeaseState::kActive) fact.lease.tenure = before->lease.tenure;
      decision.add(LeaseRenewed{fact});
      return {};
    }
    if (!live) {
      rules::expire(*before, decision);
    } else if (before->lease.state == LeaseState::kReserved) {
      decision.add(ClientDeleted{rules::ended(*before, Reason::kReplaced)});
    } else {
      decision.add(LeaseReleased{rules::ended(*before, Reason::kReplaced)});
    }
  }
  decision.add(ClientCreated{fact});
  return {};
}

Status report_declined(const LeaseBook& book, const ReportLease& command, const Moment& moment,
                       LeaseType type, const Subnet& subnet, Decision& decision) {
  LeaseFact fact;
  fact.lease = {command.key,
                type,
                LeaseState::kDeclined,
                command.duid,
                command.iaid,
                subnet.id,
                kForever,
                moment.at,
                0,
                0};
  fact.reason = Reason::kReported;
  bool longer_probation = false;
  const auto before = book.find(command.key);
  if (before && is_late(*before, moment)) return {};
  if (before && rules::is_live(*before, moment.at) &&
      before->lease.state != LeaseState::kReserved) {
    // The client is the one that the ledger knows: Kea's file has lost it by now.
    fact.lease = before->lease;
    longer_probation = before->lease.state == LeaseState::kDeclined;
    fact.lease.state = LeaseState::kDeclined;
    fact.lease.preferred_until = moment.at;
  } else {
    if (before && before->lease.state == LeaseState::kReserved) {
      decision.add(ClientDeleted{rules::ended(*before, Reason::kReplaced)});
    } else if (before) {
      rules::expire(*before, decision);
    }
    fact.description = description_of(command);
  }
  fact.lease.valid_until = add_lifetime(moment.at, command.valid_lifetime);
  if (longer_probation) {
    decision.add(LeaseRenewed{fact});
  } else {
    decision.add(LeaseDeclined{fact});
  }
  return {};
}

}  // namespace

Status validate(const ReportLease& command) {
  const LeaseType type = command.type.value_or(rules::default_type(command.key));
  LEASELEDGER_TRY(rules::require_type_fits(command.key, type));
  std::string octets;
  if (!from_hex(command.hardware_address, octets)) {
    return invalid("hardware_address", command.hardware_address,
                   "octets in hexadecimal such as 52:54:00:ab:cd:ef");
  }
  if (command.state == ReportedState::kActive) LEASELEDGER_TRY(rules::require_duid(command.duid));
  const bool lasts =
      command.state == ReportedState::kActive || command.state == ReportedState::kDeclined;
  if (lasts && command.valid_lifetime.count() == 0) {
    return invalid("valid_lifetime", "0",
                   "1 to 4294967295 seconds; for a lease that ended say state released or expired");
  }
  if (command.state == ReportedState::kDeclined && type == LeaseType::kPd) {
    return invalid("address", format_lease_key(command.key),
                   "an address; prefixes are not declined (RFC 9915 section 18.2.8)");
  }
  return {};
}

Status decide(const LeaseBook& book, const ReportLease& command, const Moment& moment,
              Decision& decision) {
  LEASELEDGER_ASSIGN(const Subnet* subnet, rules::require_subnet_of(book, command.key));
  const LeaseType type = command.type.value_or(rules::default_type(command.key));
  switch (command.state) {
    case ReportedState::kActive:
      return report_active(book, command, moment, type, *subnet, decision);
    case ReportedState::kDeclined:
      return report_declined(book, command, moment, type, *subnet, decision);
    case ReportedState::kReleased:
    case ReportedState::kExpired:
      break;
  }
  const auto lease = book.find(command.key);
  if (!lease || lease->lease.state == LeaseState::kReserved) return {};
  const bool of_client = command.duid.empty() || lease->lease.state == LeaseState::kDeclined ||
                         rules::is_client(lease->lease, command.duid, command.iaid, type);
  if (!of_client || is_late(*lease, moment)) return {};
  if (command.state == ReportedState::kExpired || !rules::is_live(*lease, moment.at)) {
    // Reported as expired, or given back when it was over already: it ended when its lifetime did, unless the server
    // says that this was earlier.
    LeaseExpired expired{rules::ended(*lease, Reason::kReported)};
    decision.add(std::move(expired), std::min(moment.at, lease->lease.valid_until));
  } else {
    decision.add(LeaseReleased{rules::ended(*lease, Reason::kReported)});
  }
  rules::keep_reserved(book, lease->lease, decision);
  return {};
}

}  // namespace leaseledger
