#include "adapters/kea/door/known_subnets.h"

#include "adapters/kea/config.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

namespace leaseledger::kea {
namespace {

const Principal kPrincipal{"kea", Role::kAdministrator, "kea"};
constexpr auto kConfigPatience = std::chrono::milliseconds(3000);

/// The /64 around the key, or the longest prefix around it that overlaps no subnet.
std::optional<Ipv6Prefix> room_for(const LeaseKey& key, const SubnetMap& map) {
  const std::uint8_t from = std::min<std::uint8_t>(64, key.length);
  for (unsigned length = from; length <= key.length; ++length) {
    const Ipv6Prefix candidate{key.address.masked(length), static_cast<std::uint8_t>(length)};
    const bool taken = std::ranges::any_of(map.all(), [&](const SubnetMap::Entry& entry) {
      return std::ranges::any_of(
          map.ranges_of(entry), [&](const Ipv6Prefix& range) { return range.overlaps(candidate); });
    });
    if (!taken) return candidate;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<Command>> read_subnets(const ConfigSource& source) {
  if (source.control.address.empty()) {
    std::ifstream in(source.file);
    if (!in)
      return invalid("config", source.file.string(), "a configuration of Kea that can be read");
    return subnets_of_config(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  ControlOptions control = source.control;
  control.timeout = std::min(control.timeout, kConfigPatience);
  ControlChannel channel(std::move(control));
  LEASELEDGER_ASSIGN(const Reply reply, channel.ask("config-get"));
  if (reply.result != ResultCode::kSuccess)
    return invalid("config-get", source.control.address,
                   "a server that shows its configuration; it says: " + reply.text);
  return subnets_of_config(reply.arguments.dump());
}

KnownSubnets::KnownSubnets(rpc::LedgerKeeper& keeper, std::vector<ConfigSource> sources)
    : keeper_(keeper), sources_(std::move(sources)) {}

std::shared_ptr<const SubnetMap> KnownSubnets::lately() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

Result<std::shared_ptr<const SubnetMap>> KnownSubnets::now() {
  LEASELEDGER_ASSIGN(const auto ledger, keeper_.for_questions());
  std::shared_ptr<const SubnetMap> map;
  ledger->read_book([&](const LeaseBook& book) { map = std::make_shared<SubnetMap>(book); });
  const std::lock_guard lock(mutex_);
  return map_ = std::move(map);
}

Result<std::vector<Answer>> KnownSubnets::submit(std::span<const Envelope> commands) {
  LEASELEDGER_ASSIGN(const auto ledger, keeper_.for_commands());
  return ledger->submit(kPrincipal, commands);
}

Result<std::size_t> KnownSubnets::adopt(std::span<const Command> configured,
                                        const std::string& server) {
  const std::lock_guard making(making_);
  LEASELEDGER_ASSIGN(const auto ledger, keeper_.for_commands());
  std::vector<Envelope> missing;
  ledger->read_book([&](const LeaseBook& book) {
    for (const Command& command : configured) {
      if (const auto* create = std::get_if<CreateSubnet>(&command)) {
        if (book.find_subnet(create->prefix) != nullptr) continue;
      } else if (const auto* pool = std::get_if<AddDelegationPool>(&command)) {
        const Subnet* subnet = book.find_subnet(pool->subnet);
        if (subnet != nullptr &&
            std::ranges::any_of(book.pools(subnet->id), [&](const DelegationPool& each) {
              return each.prefix == pool->prefix;
            }))
          continue;
      }
      missing.push_back({.command = command, .cause = "configuration of " + server});
    }
  });
  std::size_t created = 0;
  // One by one: a subnet that overlaps another here is no reason to leave out the rest.
  for (const Envelope& each : missing) {
    LEASELEDGER_ASSIGN(const auto answers, submit({&each, 1}));
    if (answers[0].accepted()) {
      ++created;
    } else {
      spdlog::warn("kea.subnet_not_created server={} error=\"{}\"", server,
                   answers[0].error.to_string());
    }
  }
  LEASELEDGER_TRY(now());
  return created;
}

Result<bool> KnownSubnets::make_room(std::span<const LeaseKey> keys, const std::string& cause) {
  LEASELEDGER_ASSIGN(auto map, now());
  const auto all_known = [&] {
    return std::ranges::all_of(keys, [&](const LeaseKey& key) { return map->of(key) != nullptr; });
  };
  if (all_known()) return false;
  for (const ConfigSource& source : sources_) {
    const auto configured = read_subnets(source);
    if (!configured) {
      spdlog::warn("kea.configuration_unread server={} error=\"{}\"", source.server,
                   configured.error().to_string());
      continue;
    }
    LEASELEDGER_TRY(adopt(*configured, source.server));
    map = lately();
    if (all_known()) return false;
  }
  const std::lock_guard making(making_);
  for (const LeaseKey& key : keys) {
    LEASELEDGER_ASSIGN(map, now());
    if (map->of(key) != nullptr) continue;
    const auto prefix = room_for(key, *map);
    if (!prefix) continue;
    CreateSubnet create;
    create.prefix = *prefix;
    create.comment = "configured by nobody; made for " + format_lease_key(key);
    const Envelope envelope{.command = create, .cause = cause};
    LEASELEDGER_ASSIGN(const auto answers, submit({&envelope, 1}));
    if (answers[0].accepted()) {
      spdlog::warn("kea.subnet_made prefix={} for={}", prefix->to_string(), format_lease_key(key));
    } else {
      spdlog::error("kea.subnet_not_made prefix={} error=\"{}\"", prefix->to_string(),
                    answers[0].error.to_string());
    }
  }
  LEASELEDGER_TRY(now());
  return true;
}

}  // namespace leaseledger::kea
