#include "adapters/kea/config.h"

#include <nlohmann/json.hpp>

#include <string>

namespace leaseledger::kea {
namespace {

using Json = nlohmann::json;

/// The JSON library knows // and /* */ but not #.
std::string without_hash_comments(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\' && i + 1 < text.size()) {
      out += text[i++];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == '#') {
      while (i < text.size() && text[i] != '\n') ++i;
      if (i == text.size()) break;
    }
    out += text[i];
  }
  return out;
}

/// A lifetime of the subnet, or of the server when the subnet has none.
Lifetime lifetime(const Json& subnet, const Json& dhcp6, const char* name, Lifetime otherwise) {
  for (const Json* place : {&subnet, &dhcp6}) {
    if (const auto it = place->find(name); it != place->end() && it->is_number_unsigned()) {
      return Lifetime{it->get<std::uint32_t>()};
    }
  }
  return otherwise;
}

Status add_subnets(const Json& list, const Json& dhcp6, std::vector<Command>& out) {
  for (const auto& item : list) {
    if (!item.is_object() || !item.contains("subnet") || !item["subnet"].is_string()) {
      return invalid("subnet6", item.dump().substr(0, 80), "objects with a \"subnet\" in text");
    }
    CreateSubnet create;
    const std::string text = item["subnet"].get<std::string>();
    const auto slash = text.find('/');
    // Kea takes host bits here; the subnet is the prefix.
    LEASELEDGER_ASSIGN(const Ipv6Address address,
                       Ipv6Address::parse(text.substr(0, slash), "subnet"));
    LEASELEDGER_ASSIGN(const Ipv6Prefix all,
                       Ipv6Prefix::parse("::" + (slash == std::string::npos ? std::string("/128")
                                                                            : text.substr(slash)),
                                         "subnet"));
    create.prefix = {address.masked(all.length), all.length};
    create.valid_lifetime = lifetime(item, dhcp6, "valid-lifetime", Lifetime{7200});
    create.preferred_lifetime = std::min(
        create.valid_lifetime, lifetime(item, dhcp6, "preferred-lifetime", create.valid_lifetime));
    if (item.contains("id")) create.name = "kea " + item["id"].dump();
    out.emplace_back(create);
    for (const auto& pool : item.value("pd-pools", Json::array())) {
      if (!pool.contains("prefix") || !pool.contains("prefix-len") ||
          !pool.contains("delegated-len")) {
        return invalid("pd-pools", pool.dump().substr(0, 80),
                       "\"prefix\", \"prefix-len\" and \"delegated-len\"");
      }
      AddDelegationPool add;
      add.subnet = create.prefix;
      LEASELEDGER_ASSIGN(add.prefix, Ipv6Prefix::parse(pool["prefix"].get<std::string>() + "/" +
                                                           pool["prefix-len"].dump(),
                                                       "prefix"));
      add.delegated_length = pool["delegated-len"].get<std::uint8_t>();
      out.emplace_back(add);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Command>> subnets_of_config(std::string_view text) {
  std::vector<Command> out;
  try {
    const Json json = Json::parse(without_hash_comments(text), nullptr, true, true);
    const auto dhcp6 = json.find("Dhcp6");
    if (dhcp6 == json.end())
      return invalid("Dhcp6", "", "the configuration of kea-dhcp6, with \"Dhcp6\" at its top");
    LEASELEDGER_TRY(add_subnets(dhcp6->value("subnet6", Json::array()), *dhcp6, out));
    for (const auto& network : dhcp6->value("shared-networks", Json::array())) {
      LEASELEDGER_TRY(add_subnets(network.value("subnet6", Json::array()), *dhcp6, out));
    }
  } catch (const Json::exception& e) {
    return invalid("configuration", "", std::string("JSON as kea-dhcp6 reads it; ") + e.what());
  }
  return out;
}

}  // namespace leaseledger::kea
