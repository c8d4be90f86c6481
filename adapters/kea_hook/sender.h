#pragma once
// From callouts to the ledger: a bounded queue, one thread that sends everything that waits as one request, and the spool for when
// the ledger is away. Nothing here knows Kea.
// Flow: callouts.cc -> [sender.h] -> spool.h, transport

#include "adapters/kea_hook/options.h"
#include "adapters/kea_hook/spool.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace leaseledger::kea_hook {

/// What came of a packet's report.
enum class Outcome {
  kRecorded,  ///< the ledger has it.
  kSpooled,   ///< the ledger is away; it is in the spool, or left out when there is no room.
  kLate,      ///< the time is over, it goes on being tried.
};

/// Whole numbers as statistic-get shows them, "leaseledger." in front.
struct Counters {
  std::uint64_t events_queued = 0;
  std::uint64_t events_recorded = 0;
  std::uint64_t events_repeated = 0;  ///< recorded before under the same id.
  std::uint64_t events_refused = 0;   ///< by the ledger: they make no sense.
  std::uint64_t events_dropped = 0;   ///< no room in queue and spool: the reconciler finds them.
  std::uint64_t events_spooled = 0;
  std::uint64_t requests = 0;
  std::uint64_t requests_failed = 0;
  std::uint64_t packets_late = 0;
  std::uint64_t queue = 0;
  std::uint64_t spool_bytes = 0;
  bool connected = false;
};

/// One request to the ledger.
class Transport {
 public:
  struct Answer {
    bool good = false;    ///< result 0.
    std::string problem;  ///< why not: one sentence.
    std::uint64_t recorded = 0;
    std::uint64_t repeated = 0;
    std::vector<std::string> refused;  ///< "id: why".
  };
  virtual ~Transport() = default;
  virtual Answer send(const std::string& body) = 0;
};

/// HTTP by libcurl, one kept connection.
std::unique_ptr<Transport> make_http_transport(const Options& options);
/// Reads the body of an answer: [ { "result": 0, ... } ].
Transport::Answer read_answer(const std::string& body);

/// For log messages; called in the sender's thread.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void connected() {}
  virtual void unreachable(const std::string& /*problem*/) {}
  virtual void refused(const std::string& /*what*/) {}
  virtual void dropped(std::uint64_t /*events_in_all*/) {}
  virtual void caught_up() {}
  /// Counters have changed, or outcomes were told; not more often than needed.
  virtual void changed() {}
};

class Sender {
 public:
  using Done = std::function<void(Outcome)>;

  /// Borrows the listener.
  Sender(Options options, std::unique_ptr<Transport> transport, Listener& listener);
  /// Ends within about the timeout; what is left goes into the spool.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// `packet`: one element of "packets" of lease6-report, in JSON. `done`, which may be empty, is called once, in the sender's
  /// thread, or not at all when this returns false: there is no room.
  bool add(std::string packet, std::size_t events, Done done);
  Counters counters() const;

 private:
  using Steady = std::chrono::steady_clock;
  struct Item {
    std::string packet;
    std::size_t events = 0;
    Done done;  // empty once it has been called
    Steady::time_point since;
  };
  void loop();
  void drain_spool();
  void send_queue();
  bool send(const std::vector<const std::string*>& packets);
  void fail(const std::string& problem);
  void succeed();
  void move_to_spool();
  void tell_late();
  void finish(Item& item, Outcome outcome);

  const Options options_;
  const std::unique_ptr<Transport> transport_;
  Listener& listener_;
  Spool spool_;  // the thread's

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  Counters counters_;
  bool stopping_ = false;

  // The thread's own.
  bool away_ = false;
  Steady::time_point retry_at_;
  std::chrono::milliseconds pause_{0};
  std::thread thread_;
};

}  // namespace leaseledger::kea_hook
