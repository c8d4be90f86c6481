#pragma once
// What the daemon says to systemd, and what it gets from it; and where its messages go. Works without systemd too: then
// everything here does nothing.
// Flow: tools/daemon/main.cc -> [service_manager.h] -> libsystemd, spdlog

#include "adapters/daemon/config.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace leaseledger::daemon {

/// A listening socket that systemd made (leaseledgerd.socket). The receiver closes it.
struct InheritedSocket {
  int fd = -1;
  std::string name;      ///< FileDescriptorName= of the socket unit: "rpc", "tls" or "http".
  bool is_unix = false;  ///< of family AF_UNIX.
};

/// Thread-safe after construction. Make it before there are threads: it reads and unsets the variables of the protocol, so
/// that children do not inherit them.
class ServiceManager {
 public:
  ServiceManager();

  /// sd_notify(3) is listened to.
  bool present() const { return present_; }

  void ready(const std::string& status = "");  ///< READY=1, after start and at the end of a reload.
  void reloading();                            ///< RELOADING=1; ready() ends it.
  void stopping(const std::string& status = "");  ///< STOPPING=1.
  void status(const std::string& text);           ///< STATUS=, one line for systemctl status.
  /// More time to start or stop: EXTEND_TIMEOUT_USEC=, from now. For long recoveries.
  void extend_timeout(std::chrono::microseconds more);
  void watchdog();  ///< WATCHDOG=1, from what proves that the daemon works.
  /// How often watchdog() is to be called: half of WatchdogSec=; nullopt when nobody waits for it.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

  /// The listening sockets that were passed, once: a second call gives none. Every one is close-on-exec and non-blocking.
  std::vector<InheritedSocket> take_sockets();

 private:
  void notify(const std::string& message) const;

  bool present_ = false;
  std::string notify_socket_;
  std::optional<std::chrono::microseconds> watchdog_interval_;
  std::vector<InheritedSocket> sockets_;
};

/// Makes spdlog's default logger: to standard error; for the journal (JOURNAL_STREAM names our standard error, or
/// log.format = "journal") with priorities "<6>" and without time stamps, otherwise with them. Control characters in messages
/// are written as \xNN, so that no caller's text can look like a message of ours. May be called again with another level.
void setup_logging(const Config& config);

/// Whether standard error is the journal: the device and inode that JOURNAL_STREAM names.
bool stderr_is_journal();

}  // namespace leaseledger::daemon
