#pragma once
// What every verb of the program shares: the options before the verb, the opened ledger, and how answers and errors leave.

#include "adapters/embedded/ledger.h"
#include "tools/cli/output.h"
#include "tools/cli/time_spec.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace leaseledger::cli {

// Exit codes: docs/operating.md.
inline constexpr int kOk = 0;
inline constexpr int kNegative = 1;  ///< not found, differs, refused.
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;  ///< no ledger there.
inline constexpr int kDenied = 4;
inline constexpr int kTampered = 5;    ///< verification failed, or stored bytes are damaged.
inline constexpr int kConflict = 6;    ///< somebody was faster, or a precondition does not hold.
inline constexpr int kOverloaded = 7;  ///< in use or busy: try again.
inline constexpr int kInternal = 10;

int exit_code_of(const Error& error);

class Context {
 public:
  // Options before the verb.
  std::string directory;
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

  /// Opens the ledger for commands, or for questions. The caller's role must be `needed` at least, else
  /// ERROR_ACCESS_DENIED; commands leave that to the ledger, which records it.
  Result<std::unique_ptr<Ledger>> open(Role needed = Role::kUser) const;
  Result<std::filesystem::path> path() const;
  Result<Principal> principal(const std::string& door = "cli") const;

  /// Submits one command and writes its answer.
  Result<int> submit(const Command& command) const;
  /// Writes an error to standard error in the form that was asked for; returns its exit code.
  int report(const Error& error) const;

 private:
  Result<Envelope> envelope(const Command& command) const;
  Format format_ = Format::kTable;
  Instant now_ = SystemClock().now();
  mutable bool unreachable_ = false;  // there is no ledger
};

// Verbs, by subject.
void add_ledger_verbs(CLI::App& app,
                      Context& context);  // init, submit, import, backup, restore, stats, repair
void add_subnet_verbs(CLI::App& app, Context& context);    // subnet, reservation, exclusion, pool
void add_client_verbs(CLI::App& app, Context& context);    // client, lease
void add_question_verbs(CLI::App& app, Context& context);  // log, show, who, history, at, diff
void add_proof_verbs(CLI::App& app, Context& context);     // replay, verify, root, proof
void add_help_verbs(CLI::App& app, Context& context);      // completion, man

/// The whole program: options, verbs, their help.
std::unique_ptr<CLI::App> make_app(Context& context);

}  // namespace leaseledger::cli
