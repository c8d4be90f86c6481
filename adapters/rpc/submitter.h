#pragma once
// Commands from connections to the writer: what arrives in one turn of the event loop goes as few submissions, and answers come
// back by the mailbox. The loop's thread alone uses it.
// Flow: sessions.cc -> [submitter.h] -> ledger_keeper.h -> commands/command_handler.h

#include "adapters/rpc/ledger_keeper.h"
#include "adapters/rpc/mailbox.h"
#include "adapters/rpc/observer.h"

#include <kj/async.h>

#include <memory>
#include <vector>

namespace leaseledger::rpc {

class Submitter final : private kj::TaskSet::ErrorHandler {
 public:
  Submitter(LedgerKeeper& keeper, Mailbox& mailbox, Observer& observer);
  ~Submitter();

  /// One answer for each command, when they are durable. Submissions are decided in the order of these calls. `principal` is
  /// shared by those of one connection.
  kj::Promise<Result<std::vector<Answer>>> submit(std::shared_ptr<const Principal> principal,
                                                  std::vector<Envelope> commands, Chain chain);

  /// Commands that have no answer yet.
  std::size_t waiting() const { return waiting_; }
  /// When all that were submitted before have been answered.
  kj::Promise<void> settled();
  /// When the log has grown; also now and then when it has not.
  kj::Promise<void> grown();
  void notice_growth();

 private:
  struct Submission;
  void flush();
  void answered(std::unique_ptr<Submission> submission, Result<std::vector<Answer>> answers);
  void taskFailed(kj::Exception&& exception) override;

  LedgerKeeper& keeper_;
  Mailbox& mailbox_;
  Observer& observer_;
  std::vector<std::unique_ptr<Submission>> open_;
  bool flush_scheduled_ = false;
  std::size_t waiting_ = 0;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> settling_;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> growing_;
  kj::TaskSet tasks_;
};

}  // namespace leaseledger::rpc
