#pragma once
// The door for Kea on the daemon's event loop: Kea's lease commands with its replies, the backup partner of its HA hook, and what
// our hook library reports. Connections are in http_connections.h and unix_connections.h, one command at a time is here.
// Flow: http_connections.h, unix_connections.h -> [door.h] -> adapters/rpc/submitter.h (lease updates), lease_commands.h (the rest)

#include "adapters/kea/door/known_subnets.h"
#include "adapters/kea/door/lease_commands.h"
#include "adapters/rpc/mailbox.h"
#include "adapters/rpc/observer.h"
#include "adapters/rpc/submitter.h"
#include "adapters/rpc/worker_pool.h"

#include <kj/async.h>
#include <kj/timer.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leaseledger::kea {

struct DoorOptions {
  Compat compat = Compat::k22;
  /// Lease updates of a partner are answered at once, before they are durable.
  bool answer_when_received = false;
};

/// The server that a client is who came with a name, "kea:kea1": "kea1"; "" for others.
std::string server_of(const Principal& principal);

class Door final : private kj::TaskSet::ErrorHandler {
 public:
  /// Borrows everything for its lifetime.
  Door(DoorOptions options, rpc::LedgerKeeper& keeper, KnownSubnets& subnets, rpc::Mailbox& mailbox,
       rpc::WorkerPool& workers, rpc::Observer& observer, kj::Timer& timer);
  ~Door();

  /// The answer to one command in JSON. Never fails: what is wrong is in the answer.
  kj::Promise<Reply> answer(std::string text, std::shared_ptr<const Principal> principal);

  /// What status-get adds: set before the first command.
  void set_status(std::function<Json()> status) { status_ = std::move(status); }
  void set_answer_when_received(bool yes) { options_.answer_when_received = yes; }
  /// Called for each answer with the command's name, or "other", and its result.
  void on_answered(std::function<void(std::string_view command, int result)> called) {
    answered_ = std::move(called);
  }
  /// When everything that was submitted has been answered.
  kj::Promise<void> settled();

 private:
  struct Update;
  kj::Promise<Reply> route(std::string text, std::shared_ptr<const Principal> principal);
  kj::Promise<Reply> update(std::string name, Json arguments, std::string text,
                            std::shared_ptr<const Principal> principal);
  kj::Promise<Reply> submit(std::shared_ptr<Update> update);
  Reply take(std::shared_ptr<Update> update);
  void submit_taken();
  kj::Promise<Reply> finish(std::shared_ptr<Update> update);
  Reply ha(const std::string& name) const;
  Reply status() const;
  void taskFailed(kj::Exception&& exception) override;

  DoorOptions options_;
  rpc::LedgerKeeper& keeper_;
  KnownSubnets& subnets_;
  rpc::WorkerPool& workers_;
  kj::Timer& timer_;
  rpc::Submitter submitter_;
  std::vector<std::shared_ptr<Update>> taken_;  // answered, and not submitted yet
  LeaseCommands commands_;
  std::function<Json()> status_;
  std::function<void(std::string_view, int)> answered_;
  const Instant started_;
  kj::TaskSet tasks_;
};

}  // namespace leaseledger::kea
