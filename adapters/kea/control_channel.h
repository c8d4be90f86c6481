#pragma once
// Asks a Kea server: its control socket, or its control agent over HTTP. Blocking, with a limit of time and size.

#include "adapters/kea/json.h"
#include "ledger/result.h"

#include <chrono>
#include <string>

namespace leaseledger::kea {

struct ControlOptions {
  std::string address;  ///< "unix:/run/kea/kea6-ctrl-socket", "http://127.0.0.1:8000/".
  std::string user;     ///< basic authentication, for HTTP; "": none.
  std::string password;
  std::chrono::milliseconds timeout{20'000};        ///< for a whole answer.
  std::size_t most_bytes = std::size_t{256} << 20;  ///< of an answer.
};

/// One thread at a time.
class ControlChannel {
 public:
  explicit ControlChannel(ControlOptions options);
  ~ControlChannel();
  ControlChannel(ControlChannel&&) noexcept;
  ControlChannel& operator=(ControlChannel&&) noexcept;

  /// The answer to a command, whatever its result code. kBusy / RPC_S_SERVER_UNAVAILABLE: nobody answers, or not with what Kea
  /// answers.
  Result<Reply> ask(const std::string& command, const Json& arguments = {});

 private:
  struct Http;
  Result<std::string> ask_unix(const std::string& request) const;
  Result<std::string> ask_http(const std::string& request);
  ControlOptions options_;
  std::unique_ptr<Http> http_;
};

}  // namespace leaseledger::kea
