#pragma once
// What every verb of the program shares: the options before the verb, the ledger that it is about (a directory or a daemon), and
// how answers and errors leave.

#include "adapters/embedded/ledger.h"
#include "adapters/service/service.h"
#include "tools/cli/output.h"
#include "tools/cli/time_spec.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace leaseledger::cli {

// Exit codes: docs/operating.md.
inline constexpr int kOk = 0;
inline constexpr int kNegative = 1;  ///< not found, differs, refused.
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;  ///< no ledger there, or no daemon that answers.
inline constexpr int kDenied = 4;
inline constexpr int kTampered = 5;    ///< verification failed, or stored bytes are damaged.
inline constexpr int kConflict = 6;    ///< somebody was faster, or a precondition does not hold.
inline constexpr int kOverloaded = 7;  ///< in use or busy: try again.
inline constexpr int kInternal = 10;

int exit_code_of(const Error& error);

/// A ledger for the length of a verb.
class Opened {
 public:
  explicit Opened(std::unique_ptr<Service> daemon)
      : service_(std::move(daemon)), is_daemon_(true) {}
  Opened(std::shared_ptr<Ledger> ledger, std::unique_ptr<Service> service)
      : ledger_(std::move(ledger)), service_(std::move(service)) {}

  Service* operator->() const { return service_.get(); }
  Service& operator*() const { return *service_; }
  bool is_daemon() const { return is_daemon_; }
  /// The end of a directory's use, which can fail: others can open it then. A daemon's connection just ends.
  Status close() {
    service_.reset();
    const auto ledger = std::exchange(ledger_, nullptr);  // its lock goes with the last owner
    return ledger == nullptr ? Status{} : ledger->close();
  }

 private:
  std::shared_ptr<Ledger> ledger_;  // nullptr: a daemon's, or closed
  std::unique_ptr<Service> service_;
  bool is_daemon_ = false;
};

class Context {
 public:
  // Options before the verb.
  std::string directory;
  std::string server;
  std::string tls_ca, tls_certificate, tls_key, tls_server_name;
  double timeout_seconds = 30;
  std::string output = "table";
  std::string role;
  std::string id;
  std::string cause;
  std::string effective_at;
  std::optional<Position> if_last_event;
  double wait_seconds = 2;  ///< for another process to be done with the ledger.
  bool dry_run = false;
  bool json_errors = false;

  /// Set by the verb that was chosen; called when all arguments are read.
  std::function<Result<int>()> run;

  Format format() const { return format_; }
  void set_format(Format format) { format_ = format; }
  Instant now() const { return now_; }

  /// After the command line has been read into `server` and `directory`: which of them and their variables counts. An
  /// option counts more than either variable, LEASELEDGER_SERVER more than LEASELEDGER_DIR; with none of them the daemon
  /// counts whose socket is at the usual place. kInvalid: both options, or one that is empty.
  Status choose_ledger(bool server_given, bool directory_given, const std::string& server_variable,
                       const std::string& directory_variable);

  /// Opens the ledger for commands, or for questions. The caller's role must be `needed` at least, else
  /// ERROR_ACCESS_DENIED; commands leave that to the ledger, which records it. `door` is recorded with commands.
  Result<Opened> open(Role needed = Role::kUser, const std::string& door = "cli") const;
  /// The directory, for verbs that are about one: kInvalid with a daemon.
  Result<std::filesystem::path> path() const;

  /// Submits one command and writes its answer.
  Result<int> submit(const Command& command) const;
  /// Writes an error to standard error in the form that was asked for; returns its exit code.
  int report(const Error& error) const;

 private:
  Result<Envelope> envelope(const Command& command) const;
  Result<Principal> principal(const std::string& door) const;
  Result<Opened> open_directory(Role needed, const std::string& door) const;
  Result<Opened> connect(const std::string& tool) const;
  Result<std::optional<Role>> wanted_role() const;
  Format format_ = Format::kTable;
  Instant now_ = SystemClock().now();
  mutable bool unreachable_ = false;  // there is no ledger
};

// Verbs, by subject.
void add_ledger_verbs(CLI::App& app,
                      Context& context);  // init, ping, submit, backup, restore, stats, repair
void add_import_verbs(CLI::App& app, Context& context);    // import
void add_export_verbs(CLI::App& app, Context& context);    // export
void add_subnet_verbs(CLI::App& app, Context& context);    // subnet, reservation, exclusion, pool
void add_client_verbs(CLI::App& app, Context& context);    // client, lease
void add_question_verbs(CLI::App& app, Context& context);  // log, show, who, history, at, diff
void add_proof_verbs(CLI::App& app, Context& context);     // replay, verify, root, proof
void add_kea_verbs(CLI::App& app, Context& context);       // kea
void add_help_verbs(CLI::App& app, Context& context);      // completion, man

/// The whole program: options, verbs, their help.
std::unique_ptr<CLI::App> make_app(Context& context);

}  // namespace leaseledger::cli
