#pragma once
// Compares the ledger with a Kea server and records what is missing, as observed. Both roads by which a server tells its leases
// lose some: a full parking lot, an outage, a restart. It never changes what is recorded, it only appends.
// Flow: tools/daemon/kea.h -> [reconciler.h] -> adapters/kea/control_channel.h, commands/report_lease.h
//
// Events come while it compares, so nothing is taken from one look alone: a command says which event it found the lease at
// (Envelope::if_last_event), a lease that the server does not have is asked for once more by itself, and a page that led to
// commands is read again behind them.

#include "adapters/kea/control_channel.h"
#include "adapters/kea/door/known_subnets.h"
#include "adapters/rpc/ledger_keeper.h"
#include "adapters/service/service.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace leaseledger::kea {

struct ReconcilerOptions {
  ConfigSource source;
  std::chrono::milliseconds interval{
      300'000};  ///< from one end to the next beginning; 0: only when asked.
  std::chrono::milliseconds look{
      5'000};  ///< how often it is looked whether the server was started anew or is back.
  std::size_t page = 1000;  ///< leases asked for at a time.
};

class Reconciler {
 public:
  /// Borrows keeper and subnets. Begins at once, in a thread of its own.
  Reconciler(ReconcilerOptions options, rpc::LedgerKeeper& keeper, KnownSubnets& subnets);
  ~Reconciler();
  /// Ends the thread. Afterwards there is only status().
  void stop();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  /// Another run, soon: after one that runs now. Thread-safe, as is status().
  void run_soon();
  KeaServerStatus status() const;

 private:
  struct Run;
  void loop();
  bool stopping() const;
  bool server_is_new();
  void compare();

  const ReconcilerOptions options_;
  rpc::LedgerKeeper& keeper_;
  KnownSubnets& subnets_;
  ControlChannel channel_;
  std::int64_t server_pid_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  KeaServerStatus status_;
  bool asked_ = true;  // the first run
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace leaseledger::kea
