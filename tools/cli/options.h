#pragma once
// Small pieces that verbs are put together from.

#include "tools/cli/context.h"

#include <CLI/CLI.hpp>

#include <fstream>
#include <functional>
#include <istream>
#include <memory>
#include <string>

namespace leaseledger::cli {

/// What the verb does when it was chosen.
void on(CLI::App* verb, Context& context, std::function<Result<int>()> body);
/// Adds an example to the verb's help.
void example(CLI::App* verb, const std::string& line);

/// A required argument, or an option that may be left out (then ""). Held until the verb runs.
std::shared_ptr<std::string> text(CLI::App* verb, const std::string& name, const std::string& help);
std::shared_ptr<std::string> optional_text(CLI::App* verb, const std::string& name,
                                           const std::string& help);

/// --duid and --iaid. Both may be left out: the ledger says what is missing.
struct ClientOptions {
  std::string duid;
  std::uint32_t iaid = 0;
  Status fill(Duid& out_duid, Iaid& out_iaid) const;
};
std::shared_ptr<ClientOptions> client_options(CLI::App* verb);

/// A file, or standard input for "-".
class Input {
 public:
  explicit Input(const std::string& name);
  explicit operator bool() const { return !from_file_ || file_.is_open(); }
  std::istream& stream();

 private:
  std::ifstream file_;
  bool from_file_ = false;
};
tl::unexpected<Error> cannot_read(const std::string& name);

/// `wanted` commands in one submission, or as many as the ledger takes: a daemon's limit is in its configuration.
Result<std::size_t> at_most_together(Service& ledger, std::size_t wanted);

/// What a question about state is asked as of: --at as a position or a recording time, and with --effective a time at which
/// something was the case.
struct AsOfOptions {
  std::shared_ptr<std::string> at, effective;
  void add_to(CLI::App* verb);
  Result<When> when(const Context& context) const;
};

/// The position that a position or a recording time in text stands for. kInvalid names `field`.
Result<Position> position_of(Service& ledger, const std::string& spec, Instant now,
                             std::string_view field);
/// The moment that a position or a recording time in text stands for; judged at `now` when it is neither. "": now.
Result<When> when_of(const std::string& spec, Instant now, std::string_view field);

}  // namespace leaseledger::cli
