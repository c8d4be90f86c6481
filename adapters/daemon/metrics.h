#pragma once
// What leaseledgerd counts, in Prometheus' text form. Every name is "leaseledger_...", listed in docs/operating.md.
// Flow: adapters/rpc/server.h, tools/daemon/main.cc -> [metrics.h] -> adapters/http/listener.h (GET /metrics)

#include "commands/command.h"
#include "commands/command_handler.h"
#include "ledger/win32.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace leaseledger::daemon {

/// Thread-safe. Counting a submission costs a few atomic additions however many commands it has.
class Metrics {
 public:
  explicit Metrics(const std::string& version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // ---- commands ----
  /// A submission was answered durably: leaseledger_commands_total{command,code}, leaseledger_submissions_total,
  /// leaseledger_command_seconds. `answers[i]` answers `commands[i]`.
  void answered(std::span<const Envelope> commands, std::span<const Answer> answers,
                std::chrono::nanoseconds took);
  /// For whom has no envelopes any more: counts by command and code, aggregated by the caller.
  struct CommandCount {
    std::size_t command = 0;  ///< Command's index().
    Win32 code = Win32::kSuccess;
    std::uint64_t count = 0;
  };
  void answered(std::span<const CommandCount> counts, std::chrono::nanoseconds took);
  /// A submission failed as a whole (Result's error): leaseledger_submission_errors_total{code}; ERROR_BUSY counts in
  /// leaseledger_busy_total too.
  void submission_failed(Win32 code);
  /// Leases whose end the daemon recorded itself: leaseledger_expired_total.
  void expired(std::uint64_t leases);

  // ---- questions ----
  /// `question` is one of a fixed set of names ("who", "history"), never text of a caller. ERROR_BUSY counts in
  /// leaseledger_busy_total too.
  void question(std::string_view question, Win32 code, std::chrono::nanoseconds took);

  // ---- connections ----
  enum class Transport { kUnix, kTls, kHttp };
  enum class Refusal { kLimit, kPrincipalLimit, kHandshake, kUnknownPrincipal };
  void connected(Transport transport);
  void disconnected(Transport transport);
  void refused(Refusal reason);

  // ---- subscriptions ----
  void subscribed();
  void unsubscribed();
  void events_sent(std::uint64_t records);

  // ---- Kea's door ----
  /// A command of Kea's was answered: leaseledger_kea_commands_total{command,result}. `command` is one of a fixed set of names.
  void kea_command(std::string_view command, int result);

  /// A Kea server that the ledger is compared with; all are of the last whole comparison but `recorded`.
  struct KeaServer {
    std::string server;
    bool reachable = false;
    bool failing = false;
    double compared_at = 0;  ///< Unix time; 0: never.
    double seconds = 0;
    std::uint64_t leases = 0;
    std::uint64_t missing = 0, changed = 0, absent = 0, unreadable = 0, refused = 0;
    std::uint64_t recorded = 0;  ///< by all comparisons.
  };

  /// What is asked when somebody reads the metrics.
  struct Sample {
    std::uint64_t position = 0;        ///< durable.
    std::uint64_t views_position = 0;  ///< projected.
    std::uint64_t leases = 0;
    std::uint64_t subnets = 0;
    std::uint64_t waiting_commands = 0;
    std::uint64_t waiting_questions = 0;
    std::uint64_t book_bytes = 0;
    std::uint64_t disk_bytes = 0;       ///< that the ledger takes.
    std::uint64_t disk_free_bytes = 0;  ///< left for it.
    bool up = true;                     ///< commands and questions are taken.
    bool degraded = false;              ///< views or snapshots have failed, or room is short.
    std::vector<KeaServer> kea_servers;
  };
  /// Called by text(), in the thread that calls it. nullptr: none of these is shown.
  void set_collector(std::function<Sample()> collect);

  /// The text form, version 0.0.4. Asks the collector, so not for an event loop's thread if the collector waits.
  std::string text() const;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leaseledger::daemon
