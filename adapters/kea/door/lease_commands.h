#pragma once
// Kea's lease commands over the ledger: what one command answers. Blocking; called in worker threads. The lease updates of DHCP
// servers are not here: door.cc takes them to the writer without a thread of their own.
// Flow: door.cc -> [lease_commands.h] -> adapters/embedded/ledger.h

#include "adapters/kea/door/known_subnets.h"
#include "adapters/kea/json.h"
#include "commands/principal.h"

#include <memory>
#include <string>
#include <vector>

namespace leaseledger::kea {

/// Which version's result codes are given.
enum class Compat { k22, k30 };

struct CommandRequest {
  std::string name;
  Json arguments;    ///< null when not given.
  std::string text;  ///< the whole command, for places in messages.
};

class LeaseCommands {
 public:
  /// Borrows keeper and subnets.
  LeaseCommands(rpc::LedgerKeeper& keeper, KnownSubnets& subnets, Compat compat)
      : keeper_(keeper), subnets_(subnets), compat_(compat) {}

  Reply answer(const CommandRequest& request, const Principal& principal);
  /// Names of all commands that the door answers, in order.
  static std::vector<std::string> names();
  static bool is_read(const std::string& name);

 private:
  struct Asked;  // a command on its way
  Reply add(Asked& asked);
  Reply update(Asked& asked);
  Reply del(Asked& asked);
  Reply wipe(Asked& asked);
  Reply get(Asked& asked);
  Reply get_all(Asked& asked);
  Reply get_page(Asked& asked);
  Reply get_by_duid(Asked& asked);
  Reply get_by_hostname(Asked& asked);
  Reply history(Asked& asked);

  rpc::LedgerKeeper& keeper_;
  KnownSubnets& subnets_;
  const Compat compat_;
};

}  // namespace leaseledger::kea
