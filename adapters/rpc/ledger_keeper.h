#pragma once
// The ledger of a daemon: open for as long as it runs. Watches the disk, ends leases whose valid lifetime is over, and after a
// write error opens the ledger anew.
// Flow: tools/daemon/main.cc -> [ledger_keeper.h] -> adapters/embedded/ledger.h

#include "adapters/embedded/ledger.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace leaseledger::rpc {

struct KeeperOptions {
  std::filesystem::path directory;
  bool create = true;  ///< an empty ledger is made when there is none.
  LedgerOptions ledger;
  /// with less room on the disk commands are refused, so that what is there can still be written and read.
  std::uint64_t min_free_bytes = std::uint64_t{64} << 20;
  bool expire = true;
  Lifetime expiry_grace{0};  ///< Envelope: ExpireLeases::grace.
  std::chrono::milliseconds expiry_interval{1000};
  std::uint32_t expiry_batch = 1000;  ///< ExpireLeases::limit.
  /// Told of leases that were expired, in the keeper's thread.
  std::function<void(std::uint64_t leases)> on_expired;
};

class LedgerKeeper {
 public:
  static Result<std::unique_ptr<LedgerKeeper>> open(KeeperOptions options);
  ~LedgerKeeper();
  LedgerKeeper(const LedgerKeeper&) = delete;
  LedgerKeeper& operator=(const LedgerKeeper&) = delete;

  /// The ledger, to be used now and not kept: for questions. ERROR_BUSY while it is being opened anew.
  Result<std::shared_ptr<Ledger>> for_questions() const;
  /// The same for commands: ERROR_DISK_FULL while there is too little room, and the error that stopped the ledger while it
  /// is being mended. Nothing was done then.
  Result<std::shared_ptr<Ledger>> for_commands() const;
  /// Somebody was answered `error`: when it is one after which a ledger refuses everything, it will be opened anew.
  void noticed(const Error& error);

  /// Why commands are refused now; nullopt: they are not.
  std::optional<Error> trouble() const;
  std::uint64_t free_bytes() const;
  std::uint64_t leases_expired() const;
  const std::filesystem::path& directory() const { return options_.directory; }

  /// Stops watching and closes the ledger, once nobody uses it.
  Status close();

 private:
  explicit LedgerKeeper(KeeperOptions options) : options_(std::move(options)) {}
  Result<std::shared_ptr<Ledger>> open_ledger(bool read_only) const;
  void watch();
  void look_at_disk();
  void expire();
  void mend();

  const KeeperOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Ledger> ledger_;
  std::optional<Error> failed_;     // the ledger refuses everything
  std::uint64_t room_to_mend_ = 0;  // free octets with which it is tried
  std::chrono::steady_clock::time_point mend_anyway_;
  std::optional<Error> disk_full_;  // there is too little room
  std::uint64_t free_bytes_ = ~std::uint64_t{0};
  std::uint64_t expired_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace leaseledger::rpc
