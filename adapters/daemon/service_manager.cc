#include "adapters/daemon/service_manager.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <memory>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

namespace leaseledger::daemon {
namespace {

/// STATUS= ends with the line.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text;
}

/// %v without control characters.
class SafePayload : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (const char c : message.payload) {
      const auto octet = static_cast<unsigned char>(c);
      if (octet >= 0x20 && octet != 0x7F) {
        out.push_back(c);
      } else {
        out.push_back('\\');
        out.push_back('x');
        out.push_back(kDigits[octet >> 4]);
        out.push_back(kDigits[octet & 15]);
      }
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<SafePayload>();
  }
};

/// "<6>", as journald reads it at the beginning of a line: sd-daemon(3).
class JournalPriority : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    out.push_back('<');
    out.push_back(digit(message.level));
    out.push_back('>');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<JournalPriority>();
  }

 private:
  static char digit(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::critical:
        return '2';
      case spdlog::level::err:
        return '3';
      case spdlog::level::warn:
        return '4';
      case spdlog::level::info:
        return '6';
      default:
        return '7';
    }
  }
};

}  // namespace

ServiceManager::ServiceManager() {
  if (const char* socket = std::getenv("NOTIFY_SOCKET"); socket != nullptr && *socket != '\0') {
    notify_socket_ = socket;
    present_ = true;
  }
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(1, &microseconds) > 0)
    watchdog_interval_ = std::chrono::microseconds(static_cast<std::int64_t>(microseconds / 2));
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    const int fd = SD_LISTEN_FDS_START + i;
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0) {
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
      sockets_.push_back(
          {fd, names != nullptr ? names[i] : "", sd_is_socket(fd, AF_UNIX, 0, 1) > 0});
    } else {
      spdlog::warn("daemon.socket_unusable name={} fd={}", names != nullptr ? names[i] : "", fd);
    }
    if (names != nullptr) std::free(names[i]);
  }
  std::free(names);
}

void ServiceManager::notify(const std::string& message) const {
  // NOTIFY_SOCKET stays in the environment: sd_notify() reads it each time and this daemon starts no programs.
  if (present_) sd_notify(0, message.c_str());
}

void ServiceManager::ready(const std::string& status) {
  notify(status.empty() ? "READY=1" : "READY=1\nSTATUS=" + one_line(status));
}

void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
                            static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void ServiceManager::stopping(const std::string& status) {
  notify(status.empty() ? "STOPPING=1" : "STOPPING=1\nSTATUS=" + one_line(status));
}

void ServiceManager::status(const std::string& text) { notify("STATUS=" + one_line(text)); }

void ServiceManager::extend_timeout(std::chrono::microseconds more) {
  notify("EXTEND_TIMEOUT_USEC=" + std::to_string(more.count()));
}

void ServiceManager::watchdog() { notify("WATCHDOG=1"); }

std::vector<InheritedSocket> ServiceManager::take_sockets() { return std::exchange(sockets_, {}); }

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  unsigned long long device = 0;
  unsigned long long inode = 0;
  return stream != nullptr && std::sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
         ::fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void setup_logging(const Config& config) {
  const bool journal =
      config.log.format == "journal" || (config.log.format == "auto" && stderr_is_journal());
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<SafePayload>('*').add_flag<JournalPriority>('&');
  formatter->set_pattern(journal ? "%&%*" : "%Y-%m-%dT%H:%M:%S.%eZ %l: %*");
  auto logger = std::make_shared<spdlog::logger>("leaseledgerd",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::trace);
  logger->set_level(spdlog::level::from_str(config.log.level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace leaseledger::daemon
