#pragma once
// A real leaseledgerd on a temporary directory, started and stopped by its process id.

#include "adapters/rpc/client.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace leaseledger::test {

class Daemon {
 public:
  /// `more` is TOML behind [ledger] and [listen], which may go on in `listen`.
  explicit Daemon(std::string more = "", std::string listen = "", std::string ledger = "")
      : more_(std::move(more)),
        listen_(std::move(listen)),
        ledger_(ledger.empty() ? (folder_.path() / "ledger").string() : std::move(ledger)) {}
  ~Daemon() {
    if (pid_ > 0) kill();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  std::filesystem::path folder() const { return folder_.path(); }
  std::string ledger() const { return ledger_; }
  std::string socket() const { return (folder_.path() / "d.sock").string(); }
  std::string server() const { return "unix:" + socket(); }
  std::string config() const { return (folder_.path() / "d.toml").string(); }
  pid_t pid() const { return pid_; }

  void write_config() {
    std::ofstream out(config());
    out << "[ledger]\ndirectory = \"" << ledger() << "\"\n[listen]\nunix = \"" << socket()
        << "\"\n";
    if (listen_.find("http") == std::string::npos) out << "http = \"\"\n";
    out << listen_ << "\n" << more_ << "\n";
    if (more_.find("[storage]") == std::string::npos)
      out << "[storage]\nmin_free_bytes = \"1MiB\"\n";
  }
  void set_more(std::string more) { more_ = std::move(more); }

  /// Starts and waits until it answers; false with what it said when it ends instead.
  testing::AssertionResult start(uid_t uid = 0) {
    write_config();
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      const int log = ::open(log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
      ::dup2(log, STDOUT_FILENO);
      ::dup2(log, STDERR_FILENO);
      if (uid != 0 && (::setgid(uid) != 0 || ::setuid(uid) != 0)) ::_exit(126);
      ::execl(LEASELEDGER_DAEMON, "leaseledgerd", "--config", config().c_str(),
              static_cast<char*>(nullptr));
      ::_exit(127);
    }
    const std::size_t before = starts_++;
    for (int i = 0; i < 3000; ++i) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        return testing::AssertionFailure() << "leaseledgerd ended: " << log();
      }
      if (times_ready() > before) return testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return testing::AssertionFailure() << "leaseledgerd is not ready: " << log();
  }

  /// SIGTERM; its exit status, and how long it took.
  int stop(double* seconds = nullptr) {
    const auto begun = std::chrono::steady_clock::now();
    ::kill(pid_, SIGTERM);
    const int status = wait();
    if (seconds != nullptr) {
      *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }
  void signal(int number) const { ::kill(pid_, number); }

  std::string log() const {
    std::ifstream in(log_path());
    return {std::istreambuf_iterator<char>(in), {}};
  }

  rpc::ClientOptions options() const {
    rpc::ClientOptions out;
    out.server = server();
    out.tool = "test";
    return out;
  }
  Result<std::unique_ptr<rpc::Client>> client() const { return rpc::Client::connect(options()); }

 private:
  std::string log_path() const { return (folder_.path() / "d.log").string(); }
  std::size_t times_ready() const {
    std::size_t count = 0;
    const std::string text = log();
    for (auto at = text.find("daemon.ready"); at != std::string::npos;
         at = text.find("daemon.ready", at + 1))
      ++count;
    starts_seen_ = count;
    return count;
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    starts_ = (times_ready(), starts_seen_);
    return status;
  }

  TemporaryDirectory folder_;
  std::string more_;
  std::string listen_;
  std::string ledger_;
  pid_t pid_ = 0;
  std::size_t starts_ = 0;
  mutable std::size_t starts_seen_ = 0;
};

}  // namespace leaseledger::test
