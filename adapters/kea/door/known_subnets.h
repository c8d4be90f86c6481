#pragma once
// The subnets that the door goes by, and how those come into the ledger that it does not know yet: from what the DHCP servers
// configure. Thread-safe.

#include "adapters/kea/control_channel.h"
#include "adapters/kea/subnet_map.h"
#include "adapters/rpc/ledger_keeper.h"
#include "commands/principal.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace leaseledger::kea {

/// Where the configuration of a Kea server can be read.
struct ConfigSource {
  std::string server;
  ControlOptions control;      ///< address "": there is none;
  std::filesystem::path file;  ///< then this is read.
};

/// The subnets and pools of a server, as commands. Blocking.
Result<std::vector<Command>> read_subnets(const ConfigSource& source);

class KnownSubnets {
 public:
  /// Borrows the keeper.
  KnownSubnets(rpc::LedgerKeeper& keeper, std::vector<ConfigSource> sources);

  /// As of lately: a subnet that came since may be missing.
  std::shared_ptr<const SubnetMap> lately() const;
  /// As of now. Blocking.
  Result<std::shared_ptr<const SubnetMap>> now();

  /// Sees to it that every key is in a subnet: those of the servers are created, and for a key that is in none of them the /64
  /// around it, or what is free of it. Blocking, also on the servers. True when subnets were made for keys that nobody
  /// configures.
  Result<bool> make_room(std::span<const LeaseKey> keys, const std::string& cause);
  /// Creates what the server configures and the ledger does not have. The number of subnets and pools created.
  Result<std::size_t> adopt(std::span<const Command> configured, const std::string& server);

 private:
  Result<std::vector<Answer>> submit(std::span<const Envelope> commands);

  rpc::LedgerKeeper& keeper_;
  const std::vector<ConfigSource> sources_;
  std::mutex making_;  // one at a time
  mutable std::mutex mutex_;
  std::shared_ptr<const SubnetMap> map_ = std::make_shared<SubnetMap>();
};

}  // namespace leaseledger::kea
