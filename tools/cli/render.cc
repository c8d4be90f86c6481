#include "tools/cli/render.h"

namespace leaseledger::cli {
namespace {

void put_if(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}

Json arguments_json(const Arguments& arguments) {
  Json out = Json::object();
  for (const auto& [name, value] : arguments) out[name] = value;
  return out;
}

std::uint32_t number(Iaid iaid) { return static_cast<std::uint32_t>(iaid); }

std::string client_text(const Duid& duid, Iaid iaid) {
  return duid.empty() ? "an unknown client"
                      : "DUID " + duid.to_string() + " IAID " + std::to_string(number(iaid));
}

struct EventJson {
  Json& out;
  void operator()(const UnknownEvent& e) const { out["tag"] = e.tag; }
  void subnet(const Subnet& s) const { out["subnet"] = subnet_json(s); }
  void operator()(const SubnetCreated& e) const { subnet(e.subnet); }
  void operator()(const SubnetChanged& e) const { subnet(e.subnet); }
  void operator()(const SubnetDeleted& e) const { subnet(e.subnet); }
  void reservation(const Reservation& r) const {
    out["address"] = format_lease_key(r.key);
    out["type"] = name_of(r.type);
    out["duid"] = r.duid.to_string();
    out["iaid"] = number(r.iaid);
    out["subnetId"] = r.subnet_id;
  }
  void operator()(const ReservationAdded& e) const { reservation(e.reservation); }
  void operator()(const ReservationRemoved& e) const { reservation(e.reservation); }
  void exclusion(const Exclusion& e) const {
    out["first"] = e.first.to_string();
    out["last"] = e.last.to_string();
    out["subnetId"] = e.subnet_id;
  }
  void operator()(const ExclusionAdded& e) const { exclusion(e.exclusion); }
  void operator()(const ExclusionRemoved& e) const { exclusion(e.exclusion); }
  void pool(const DelegationPool& p) const {
    out["prefix"] = p.prefix.to_string();
    out["delegatedLength"] = p.delegated_length;
    out["subnetId"] = p.subnet_id;
  }
  void operator()(const DelegationPoolAdded& e) const { pool(e.pool); }
  void operator()(const DelegationPoolRemoved& e) const { pool(e.pool); }
  void operator()(const CommandRefused& e) const {
    put_if(out, "command", e.command);
    out["code"] = static_cast<std::uint32_t>(e.code);
    out["name"] = name_of(e.code);
    put_if(out, "field", e.field);
    put_if(out, "value", e.value);
    put_if(out, "expected", e.expected);
    if (e.suppressed != 0) out["suppressed"] = e.suppressed;
    if (!e.arguments.empty()) out["arguments"] = arguments_json(e.arguments);
  }
  void operator()(const NothingChanged& e) const {
    out["command"] = e.command;
    out["arguments"] = arguments_json(e.arguments);
  }
  void operator()(const LeaseFact& e) const {
    out["reason"] = name_of(e.reason);
    out["lease"] = lease_json(e.lease);
    if (e.description) out["description"] = description_json(*e.description);
  }
};

struct Summary {
  std::string operator()(const UnknownEvent& e) const {
    return "tag " + std::to_string(e.tag) + ", written by a newer version";
  }
  std::string subnet(const Subnet& s) const {
    return s.prefix.to_string() + (s.name.empty() ? "" : " " + s.name);
  }
  std::string operator()(const SubnetCreated& e) const { return subnet(e.subnet); }
  std::string operator()(const SubnetChanged& e) const { return subnet(e.subnet); }
  std::string operator()(const SubnetDeleted& e) const { return subnet(e.subnet); }
  std::string reservation(const Reservation& r) const {
    return format_lease_key(r.key) + " for " + client_text(r.duid, r.iaid);
  }
  std::string operator()(const ReservationAdded& e) const { return reservation(e.reservation); }
  std::string operator()(const ReservationRemoved& e) const { return reservation(e.reservation); }
  std::string exclusion(const Exclusion& e) const {
    return e.first.to_string() + " to " + e.last.to_string();
  }
  std::string operator()(const ExclusionAdded& e) const { return exclusion(e.exclusion); }
  std::string operator()(const ExclusionRemoved& e) const { return exclusion(e.exclusion); }
  std::string pool(const DelegationPool& p) const {
    return p.prefix.to_string() + " in /" + std::to_string(p.delegated_length);
  }
  std::string operator()(const DelegationPoolAdded& e) const { return pool(e.pool); }
  std::string operator()(const DelegationPoolRemoved& e) const { return pool(e.pool); }
  std::string operator()(const CommandRefused& e) const {
    if (e.command.empty())
      return std::to_string(e.suppressed) + " refusals not recorded one by one, the last " +
             std::string(name_of(e.code));
    std::string out = e.command + " " + std::string(name_of(e.code)) +
                      (e.field.empty() ? "" : " " + e.field + " '" + e.value + "'");
    if (e.suppressed != 0) out += ", and " + std::to_string(e.suppressed) + " before it";
    return out;
  }
  std::string operator()(const NothingChanged& e) const {
    for (const auto& [name, value] : e.arguments) {
      if (name == "address") return e.command + " " + value;
    }
    return e.command;
  }
  std::string operator()(const LeaseFact& e) const {
    std::string out = format_lease_key(e.lease.key) + " " + client_text(e.lease.duid, e.lease.iaid);
    if (e.lease.state == LeaseState::kReserved) return out + ", reserved";
    if (e.reason == Reason::kReplaced) out += ", replaced";
    return out;
  }
};

}  // namespace

std::string hash_text(const Hash& hash) { return to_hex(hash); }

Json lease_json(const Lease& lease) {
  Json out;
  out["address"] = format_lease_key(lease.key);
  out["type"] = name_of(lease.type);
  out["state"] = name_of(lease.state);
  out["duid"] = lease.duid.to_string();
  out["iaid"] = number(lease.iaid);
  out["validUntil"] = format_instant(lease.valid_until);
  out["preferredUntil"] = format_instant(lease.preferred_until);
  out["subnetId"] = lease.subnet_id;
  out["tenure"] = lease.tenure;
  out["described"] = lease.described;
  return out;
}

Json description_json(const Description& d) {
  Json out = Json::object();
  put_if(out, "name", d.name);
  put_if(out, "comment", d.comment);
  if (!d.owner.is_unspecified()) out["owner"] = d.owner.to_string();
  put_if(out, "ownerName", d.owner_name);
  if (d.server_subnet_id != 0) out["serverSubnetId"] = d.server_subnet_id;
  if (!d.hardware_address.empty()) {
    out["hardwareAddress"] =
        to_hex({reinterpret_cast<const std::uint8_t*>(d.hardware_address.data()),
                d.hardware_address.size()},
               ':');
    out["hardwareType"] = d.hardware_type;
    out["hardwareSource"] = d.hardware_source;
  }
  if (d.fqdn_forward) out["fqdnForward"] = true;
  if (d.fqdn_reverse) out["fqdnReverse"] = true;
  put_if(out, "context", d.context);
  return out;
}

Json subnet_json(const Subnet& s) {
  Json out;
  out["prefix"] = s.prefix.to_string();
  out["id"] = s.id;
  out["name"] = s.name;
  out["comment"] = s.comment;
  out["preference"] = s.preference;
  out["state"] = s.state == SubnetState::kEnabled ? "enabled" : "disabled";
  out["preferredLifetime"] = s.preferred_lifetime.count();
  out["validLifetime"] = s.valid_lifetime.count();
  return out;
}

Json error_json(const Error& error) {
  Json out;
  out["code"] = static_cast<std::uint32_t>(error.code);
  out["name"] = name_of(error.code);
  out["meaning"] = meaning_of(error.code);
  put_if(out, "field", error.field);
  put_if(out, "value", error.value);
  put_if(out, "expected", error.expected);
  return out;
}

Json record_json(const Record& record) {
  Json out;
  out["position"] = record.position;
  out["recordedAt"] = format_instant(record.recorded_at);
  out["effectiveAt"] = format_instant(record.effective_at);
  out["kind"] = name_of(kind_of(record.event));
  out["actor"] = record.actor;
  put_if(out, "door", record.door);
  if (record.command_id) out["id"] = format_command_id(*record.command_id);
  put_if(out, "cause", record.cause);
  std::visit(EventJson{out}, record.event);
  return out;
}

std::string summary_of(const Record& record) { return std::visit(Summary{}, record.event); }

}  // namespace leaseledger::cli
