#include "tools/cli/options.h"

#include <algorithm>
#include <iostream>

namespace leaseledger::cli {

void on(CLI::App* verb, Context& context, std::function<Result<int>()> body) {
  verb->callback([&context, body = std::move(body)] { context.run = body; });
}

void example(CLI::App* verb, const std::string& line) {
  std::string footer = verb->get_footer();
  footer += footer.empty() ? "Examples:\n  " + line : "\n  " + line;
  verb->footer(footer);
}

std::shared_ptr<std::string> text(CLI::App* verb, const std::string& name,
                                  const std::string& help) {
  auto value = std::make_shared<std::string>();
  verb->add_option(name, *value, help)->required();
  return value;
}

std::shared_ptr<std::string> optional_text(CLI::App* verb, const std::string& name,
                                           const std::string& help) {
  auto value = std::make_shared<std::string>();
  verb->add_option(name, *value, help);
  return value;
}

Status ClientOptions::fill(Duid& out_duid, Iaid& out_iaid) const {
  LEASELEDGER_ASSIGN(out_duid, Duid::parse(duid, "--duid"));
  out_iaid = Iaid{iaid};
  return {};
}

std::shared_ptr<ClientOptions> client_options(CLI::App* verb) {
  auto client = std::make_shared<ClientOptions>();
  verb->add_option("--duid", client->duid,
                   "DUID in hexadecimal, e.g. 00:01:00:01:2c:3f:9a:11:52:54:00:ab:cd:ef");
  verb->add_option("--iaid", client->iaid, "IAID, a number; 0 when not given");
  return client;
}

Input::Input(const std::string& name) : from_file_(name != "-") {
  if (from_file_) file_.open(name, std::ios::binary);
}

std::istream& Input::stream() { return from_file_ ? static_cast<std::istream&>(file_) : std::cin; }

tl::unexpected<Error> cannot_read(const std::string& name) {
  return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "FILE", name,
              "a file that can be read, or - for standard input");
}

Result<std::size_t> at_most_together(Service& ledger, std::size_t wanted) {
  LEASELEDGER_ASSIGN(const ServiceInfo info, ledger.info());
  return std::clamp<std::size_t>(info.max_batch, 1, wanted);
}

void AsOfOptions::add_to(CLI::App* verb) {
  at = optional_text(verb, "--at", "What the ledger said at a position or a recording time");
  effective = optional_text(verb, "--effective",
                            "What was the case at a time, as far as is known (at --at)");
}

Result<When> AsOfOptions::when(const Context& context) const {
  LEASELEDGER_ASSIGN(When out, when_of(*at, context.now(), "--at"));
  if (effective != nullptr && !effective->empty()) {
    LEASELEDGER_ASSIGN(out.effective, parse_time(*effective, context.now(), "--effective"));
  }
  return out;
}

Result<Position> position_of(Service& ledger, const std::string& spec, Instant now,
                             std::string_view field) {
  LEASELEDGER_ASSIGN(const TimeSpec moment, parse_time_spec(spec, now, field));
  if (const auto* position = std::get_if<Position>(&moment)) {
    const Position tail = ledger.log().tail();
    if (*position > tail)
      return invalid(std::string(field), spec,
                     "at most " + std::to_string(tail) + ", the last record");
    return *position;
  }
  return leaseledger::position_of(ledger, {.known_at = std::get<Instant>(moment)});
}

Result<When> when_of(const std::string& spec, Instant now, std::string_view field) {
  if (spec.empty()) return When{.judged_at = now};
  LEASELEDGER_ASSIGN(const TimeSpec moment, parse_time_spec(spec, now, field));
  if (const auto* position = std::get_if<Position>(&moment)) return When{.position = *position};
  return When{.known_at = std::get<Instant>(moment)};
}

}  // namespace leaseledger::cli
