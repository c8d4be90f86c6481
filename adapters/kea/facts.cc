#include "adapters/kea/facts.h"

#include <algorithm>
#include <cstdio>

namespace leaseledger::kea {
namespace {

constexpr std::size_t kLongestCause = 200;
/// Of what the hook says about a packet: a relay's options are at most this in practice, and records are bounded.
constexpr std::size_t kMostRelays = 32;
constexpr std::size_t kLongestOption = 2048;  // hexadecimal digits

/// Kea's own default of valid-lifetime, in seconds.
constexpr std::uint32_t kKeaDefault = 7200;

void add_note(std::string& comment, const std::string& note) {
  comment += (comment.empty() ? "" : "; ") + note;
}

Instant cltt_of_report(const Lease6& lease, Instant now) {
  if (lease.cltt) return instant_of(*lease.cltt);
  if (lease.expire && lease.valid_lft && *lease.valid_lft != kInfiniteLifetime.count())
    return instant_of(*lease.expire - *lease.valid_lft);
  return instant_of(seconds_of(now));
}

std::string context_text(const Json& user_context, const Json& packet) {
  Json out = user_context.is_object() ? user_context : Json::object();
  if (!packet.is_null()) out[kOurContext] = packet;
  return out.empty() ? "" : out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

OrReply<LeaseName> read_name(const Json& json) {
  LeaseName out;
  if (!json.is_object() || !json.contains("ip-address") || !json["ip-address"].is_string())
    return refuse("missing parameter 'ip-address' of a lease to delete");
  const std::string text = json["ip-address"].get<std::string>();
  const auto address = Ipv6Address::parse(text);
  if (!address)
    return refuse("Failed to convert string to address '" + text + "': Invalid argument");
  out.address = *address;
  LEASELEDGER_KEA_ASSIGN(out.type, read_type(json));
  if (out.type == LeaseType::kPd) {
    out.length = 0;
    if (json.contains("prefix-len") && json["prefix-len"].is_number_unsigned() &&
        json["prefix-len"].get<unsigned>() < kAddressLength)
      out.length = json["prefix-len"].get<std::uint8_t>();
  }
  return out;
}

bool is_hex(const Json& json) {
  std::string octets;
  return json.is_string() && json.get_ref<const std::string&>().size() <= kLongestOption &&
         from_hex(json.get_ref<const std::string&>(), octets);
}

bool is_address(const Json& json) {
  return json.is_string() && Ipv6Address::parse(json.get_ref<const std::string&>()).has_value();
}

/// What is kept of a packet: only what is known, and checked, so that a server cannot fill records with what it likes.
Json kept_of_packet(const Json& packet) {
  Json out;
  for (const char* key : {"type", "command", "origin"}) {
    if (packet.contains(key) && packet[key].is_string() &&
        packet[key].get_ref<const std::string&>().size() <= 64)
      out[key] = packet[key];
  }
  if (packet.contains("xid") && packet["xid"].is_number_unsigned()) out["xid"] = packet["xid"];
  if (packet.contains("client") && is_address(packet["client"])) out["client"] = packet["client"];
  const auto relays = packet.find("relays");
  if (relays == packet.end() || !relays->is_array()) return out;
  for (const auto& relay : *relays) {
    if (!relay.is_object() || (out.contains("relays") && out["relays"].size() >= kMostRelays))
      continue;
    Json kept = Json::object();
    for (const char* key : {"link", "peer"})
      if (relay.contains(key) && is_address(relay[key])) kept[key] = relay[key];
    if (relay.contains("hops") && relay["hops"].is_number_unsigned()) kept["hops"] = relay["hops"];
    for (const char* key : {"interface-id", "remote-id", "subscriber-id"})
      if (relay.contains(key) && is_hex(relay[key])) kept[key] = relay[key];
    out["relays"].push_back(std::move(kept));
  }
  return out;
}

std::string cause_of_packet(const Json& packet) {
  std::string out = "hook";
  for (const char* key : {"type", "command"})
    if (packet.contains(key) && packet[key].is_string())
      out += " " + packet[key].get<std::string>();
  if (packet.contains("xid") && packet["xid"].is_number_unsigned()) {
    char xid[32];
    std::snprintf(xid, sizeof xid, " 0x%06llx", packet["xid"].get<unsigned long long>());
    out += xid;
  }
  return out.substr(0, kLongestCause);
}

/// One event of a packet, put behind `batch`. The error is for its sender.
OrReply<void> add_event(const Json& event, const Json& kept, const Origin& origin, Instant now,
                        Facts& facts) {
  Batch& batch = facts.batches.back();
  if (!event.is_object()) return refuse("an event is an object");
  const auto text = [&event](const char* key) {
    return event.contains(key) && event[key].is_string() ? event[key].get<std::string>() : "";
  };
  const std::string id_text = text("id");
  const auto id = parse_command_id(id_text);
  if (!id) return refuse("id '" + id_text + "': a UUID");
  const std::string what = text("event");
  std::int64_t at = seconds_of(now);
  if (event.contains("at")) {
    if (!event["at"].is_number_unsigned() || event["at"].get<std::uint64_t>() > 9'000'000'000ULL)
      return refuse("at: seconds since 1970");
    at = event["at"].get<std::int64_t>();
  }
  if (what == "wipe") {
    if (!event.contains("subnet-id") || !event["subnet-id"].is_number_unsigned())
      return refuse("subnet-id: the number of the subnet that was wiped");
    facts.wipes.push_back({facts.batches.size() - 1, event["subnet-id"].get<std::uint32_t>(),
                           instant_of(at), origin});
    return {};
  }
  if (!event.contains("lease")) return refuse("lease: the lease that the event is about");
  Envelope envelope;
  const bool ends = what == "release" || what == "replace" || what == "delete";
  Json lease_json = event["lease"];
  if (ends && lease_json.is_object()) {
    // Who had it is known to the ledger; a deletion by address does not say it.
    if (!lease_json.contains("duid")) lease_json["duid"] = "00";
    if (!lease_json.contains("iaid")) lease_json["iaid"] = 0U;
  }
  LEASELEDGER_KEA_ASSIGN(Lease6 lease, read_lease(lease_json, Place{}));
  if (ends) {
    const Instant since = lease.cltt ? instant_of(*lease.cltt) : instant_of(at);
    envelope = end_of(lease.key, lease.type, ReportedState::kReleased,
                      std::max(instant_of(at), since), origin);
    auto& report = std::get<ReportLease>(envelope.command);
    report.duid = lease.duid;
    report.iaid = lease.iaid;
  } else if (what == "expire") {
    // Reclaiming runs now and then: the lease ended when its lifetime did.
    Instant end = instant_of(at);
    if (lease.cltt && lease.valid_lft)
      end = add_lifetime(instant_of(*lease.cltt), Lifetime{*lease.valid_lft});
    if (end == kForever) end = instant_of(at);
    envelope = end_of(lease.key, lease.type, ReportedState::kExpired, end, origin);
    auto& report = std::get<ReportLease>(envelope.command);
    report.duid = lease.duid;
    report.iaid = lease.iaid;
  } else if (what == "recover") {
    envelope = end_of(lease.key, lease.type, ReportedState::kExpired, instant_of(at), origin);
  } else if (what == "decline") {
    lease.state = RowState::kDeclined;
    if (!lease.cltt) lease.cltt = at;
    if (const std::string old = text("old-duid"); !old.empty()) {
      const auto duid = Duid::parse(old);
      if (!duid) return refuse("old-duid '" + old + "': octets in hexadecimal");
      lease.duid = *duid;
    }
    envelope = report_of(lease, now, origin);
  } else if (what == "assign" || what == "renew" || what == "rebind" || what == "add" ||
             what == "update") {
    envelope = report_of(lease, now, origin);
  } else {
    return refuse("event '" + what +
                  "': assign, renew, rebind, release, decline, expire, recover, replace, add, "
                  "update, delete or wipe");
  }
  auto& report = std::get<ReportLease>(envelope.command);
  if (report.state == ReportedState::kActive || report.state == ReportedState::kDeclined)
    report.context = context_text(lease.user_context, kept);
  if (auto valid = validate(envelope.command); !valid) return refuse(valid.error().to_string());
  envelope.id = *id;
  batch.commands.push_back(std::move(envelope));
  batch.ids.push_back(id_text);
  return {};
}

}  // namespace

Envelope report_of(const Lease6& lease, Instant now, const Origin& origin) {
  ReportLease report;
  report.key = lease.key;
  report.type = lease.type;
  report.duid = lease.duid;
  report.iaid = lease.iaid;
  report.name = lease.hostname;
  report.owner_name = origin.server;
  report.server_subnet_id = lease.subnet_id;
  report.hardware_address = lease.hardware_address;
  report.hardware_type = lease.hardware_type;
  report.hardware_source = lease.hardware_source;
  report.fqdn_forward = lease.fqdn_forward;
  report.fqdn_reverse = lease.fqdn_reverse;
  report.context = context_text(lease.user_context, {});
  for (const auto& violation : lease.violations) add_note(report.comment, violation);

  Envelope out;
  out.cause = origin.cause;
  const Instant cltt = cltt_of_report(lease, now);
  const Lifetime valid{lease.valid_lft.value_or(0)};
  out.effective_at = cltt;
  switch (lease.state) {
    case RowState::kDefault:
    case RowState::kRegistered:
      if (valid.count() == 0) {
        report.state = ReportedState::kExpired;
        break;
      }
      report.state = ReportedState::kActive;
      report.valid_lifetime = valid;
      // Kea's own default for the preferred lifetime is the valid one.
      report.preferred_lifetime = Lifetime{lease.preferred_lft.value_or(valid.count())};
      if (*report.preferred_lifetime > valid)
        add_note(report.comment, "preferred lifetime " + std::to_string(*lease.preferred_lft) +
                                     " above the valid one");
      break;
    case RowState::kDeclined:
      if (lease.type == LeaseType::kPd || valid.count() == 0) {
        report.state = ReportedState::kExpired;
        break;
      }
      report.state = ReportedState::kDeclined;
      report.valid_lifetime = valid;
      break;
    case RowState::kExpiredReclaimed: {
      report.state = ReportedState::kExpired;
      const Instant end = add_lifetime(cltt, valid);
      out.effective_at = end == kForever ? std::max(cltt, instant_of(seconds_of(now))) : end;
      break;
    }
    case RowState::kReleased:
      report.state = ReportedState::kReleased;
      out.effective_at = std::max(cltt, instant_of(seconds_of(now)));
      break;
  }
  if (report.state == ReportedState::kActive && report.duid.empty()) {
    // Kea can be made to hold such a lease by hand; nobody has it.
    report.state = ReportedState::kExpired;
    report.valid_lifetime = Lifetime{0};
  }
  out.command = std::move(report);
  return out;
}

Envelope end_of(const LeaseKey& key, LeaseType type, ReportedState how, Instant at,
                const Origin& origin) {
  ReportLease report;
  report.key = key;
  report.type = type;
  report.state = how;
  report.owner_name = origin.server;
  Envelope out;
  out.cause = origin.cause;
  out.effective_at = at;
  out.command = std::move(report);
  return out;
}

OrReply<Facts> facts_of_bulk(const Json& arguments, std::string_view text, Instant now,
                             const std::string& server, const SubnetMap& subnets) {
  const auto leases = arguments.find("leases");
  const auto deleted = arguments.find("deleted-leases");
  if (leases == arguments.end() && deleted == arguments.end())
    return refuse("neither 'deleted-leases' nor 'leases' parameter specified");
  Facts out;
  const Origin origin{server, "lease6-bulk-apply"};
  Batch batch;
  if (deleted != arguments.end()) {
    if (!deleted->is_array()) return refuse("the 'deleted-leases' parameter must be a list");
    for (const auto& json : *deleted) {
      LEASELEDGER_KEA_ASSIGN(const LeaseName name, read_name(json));
      out.deletions.push_back({name, json});
    }
  }
  if (leases != arguments.end()) {
    if (!leases->is_array()) return refuse("the 'leases' parameter must be a list");
    std::size_t index = 0;
    for (const auto& json : *leases) {
      const std::string at = "#" + std::to_string(index++);
      LEASELEDGER_KEA_ASSIGN(Lease6 lease,
                             read_lease(json, Place{text, {"arguments", "leases", at}}));
      if (!lease.valid_lft) {
        const SubnetMap::Entry* entry = subnets.of(lease.key);
        lease.valid_lft = entry == nullptr ? kKeaDefault : entry->subnet.valid_lifetime.count();
      }
      batch.commands.push_back(report_of(lease, now, origin));
      ++out.leases;
    }
  }
  out.batches.push_back(std::move(batch));
  return out;
}

OrReply<Facts> facts_of_report(const Json& arguments, Instant now,
                               std::vector<std::pair<std::string, std::string>>& refused) {
  const auto packets = arguments.find("packets");
  if (packets == arguments.end() || !packets->is_array())
    return refuse("packets: a list of what happened");
  Origin origin;
  if (arguments.contains("server")) {
    if (!arguments["server"].is_string() || arguments["server"].get<std::string>().size() > 64)
      return refuse("server: the name of the server, at most 64 octets");
    origin.server = arguments["server"].get<std::string>();
  }
  Facts out;
  for (const auto& packet : *packets) {
    const auto events = packet.is_object() ? packet.find("events") : packet.end();
    if (!packet.is_object() || events == packet.end() || !events->is_array())
      return refuse("packets: objects with a list of events");
    out.batches.emplace_back();
    const Json kept = kept_of_packet(packet);
    origin.cause = cause_of_packet(packet);
    for (const auto& event : *events) {
      if (auto added = add_event(event, kept, origin, now, out); !added) {
        const bool has_id = event.is_object() && event.contains("id") && event["id"].is_string();
        refused.emplace_back(has_id ? event["id"].get<std::string>() : "", added.error().text);
      }
    }
  }
  return out;
}

void note_violations(Facts& facts, const SubnetMap& subnets) {
  for (Batch& batch : facts.batches) {
    for (Envelope& envelope : batch.commands) {
      auto* report = std::get_if<ReportLease>(&envelope.command);
      if (report == nullptr || report->server_subnet_id == 0) continue;
      const SubnetMap::Entry* entry = subnets.of(report->key);
      if (entry == nullptr || !kea_number(entry->subnet.name) ||
          entry->number == report->server_subnet_id)
        continue;
      add_note(report->comment, "subnet-id " + std::to_string(report->server_subnet_id) +
                                    ", but in the subnet with " + std::to_string(entry->number));
    }
  }
}

std::vector<LeaseKey> homeless(const Facts& facts, const SubnetMap& subnets) {
  std::vector<LeaseKey> out;
  for (const Batch& batch : facts.batches) {
    for (const Envelope& envelope : batch.commands) {
      const LeaseKey* key = lease_key_of(envelope.command);
      if (key != nullptr && subnets.of(*key) == nullptr) out.push_back(*key);
    }
  }
  return out;
}

}  // namespace leaseledger::kea
