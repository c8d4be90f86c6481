#pragma once
// What the daemon knows about itself, for metrics and health pages; and whom its configuration gives a role.

#include "adapters/daemon/config.h"
#include "adapters/daemon/metrics.h"
#include "adapters/http/listener.h"
#include "adapters/rpc/server.h"

#include <string>

namespace leaseledger::daemon {

/// Counts what the server does.
class MetricsObserver final : public rpc::Observer {
 public:
  explicit MetricsObserver(Metrics& metrics) : metrics_(metrics) {}
  void answered(std::span<const std::uint8_t> kinds, std::span<const Answer> answers,
                double seconds) override;
  void submission_refused(std::size_t commands, Win32 code) override;
  void question(std::string_view name, Win32 code, double seconds) override;
  void connected(std::string_view transport, int change) override;
  void connection_refused(std::string_view reason) override;
  void subscribed(int change) override;
  void records_sent(std::size_t count) override;

 private:
  Metrics& metrics_;
  std::vector<Metrics::CommandCount> counts_;  // reused
};

/// What there is now. Waits for the writer: not for the event loop's thread.
Metrics::Sample sample(const rpc::LedgerKeeper& keeper);

/// The pages of the HTTP listener.
http::Handlers handlers(const rpc::LedgerKeeper& keeper, Metrics& metrics,
                        rpc::WorkerPool& questions);

/// Groups and certificates with their roles. A group that this machine does not have is passed over with a warning.
rpc::Roles roles_of(const Config& config);

std::string host_name();

}  // namespace leaseledger::daemon
