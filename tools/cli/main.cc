// leaseledger: the command-line program over a ledger directory.

#include "tools/cli/context.h"
#include "tools/cli/options.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <clocale>
#include <cstdlib>

namespace leaseledger::cli {

std::unique_ptr<CLI::App> make_app(Context& context) {
  auto app = std::make_unique<CLI::App>(
      "The DHCPv6 lease database that can say, and prove, who held an address and when",
      "leaseledger");
  app->require_subcommand(1);
  app->fallthrough();
  app->set_version_flag("--version", "leaseledger " LEASELEDGER_VERSION);
  app->set_help_all_flag("--help-all", "Help of every verb");
  app->add_option("--ledger", context.directory, "Directory of the ledger")
      ->envname("LEASELEDGER_DIR");
  app->add_option("--server", context.server,
                  "A daemon instead of a directory: unix:PATH or tls:HOST:PORT; "
                  "unix:/run/leaseledger/leaseledgerd.sock when it is there and nothing is given")
      ->envname("LEASELEDGER_SERVER");
  app->add_option("--tls-ca", context.tls_ca,
                  "Issuers of daemons' certificates, PEM; ~/.config/leaseledger/ca.pem")
      ->envname("LEASELEDGER_CA_FILE");
  app->add_option("--tls-cert", context.tls_certificate,
                  "Your certificate, PEM; ~/.config/leaseledger/client.pem")
      ->envname("LEASELEDGER_CERT_FILE");
  app->add_option("--tls-key", context.tls_key,
                  "Its private key, PEM; ~/.config/leaseledger/client.key")
      ->envname("LEASELEDGER_KEY_FILE");
  app->add_option("--tls-server-name", context.tls_server_name,
                  "Name in the daemon's certificate, when it is not the HOST of --server");
  app->add_option("--timeout", context.timeout_seconds,
                  "Seconds to wait for a daemon's answer; 30 when not given. verify, replay and "
                  "the like take as long as they take");
  app->add_option("-o,--output", context.output, "table, json, jsonl or csv")
      ->envname("LEASELEDGER_OUTPUT");
  app->add_option("--role", context.role,
                  "Act with less than your role: administrator, user or none");
  app->add_option(
      "--id", context.id,
      "Id of the command, a UUID: repeated with the same id it is done once and answered alike");
  app->add_option("--cause", context.cause, "Reference kept with the record: a ticket, a reason");
  app->add_option("--effective-at", context.effective_at,
                  "When it took effect where it happened, if not now");
  app->add_option("--if-last-event", context.if_last_event,
                  "Only if the last event of the lease is at this position; 0: only if there is no "
                  "live record");
  app->add_option("--wait", context.wait_seconds,
                  "Seconds to wait while another process has the ledger open; 2 when not given");
  app->add_flag("--dry-run", context.dry_run,
                "Say what would be decided and recorded, and do nothing");
  app->add_flag("--json-errors", context.json_errors, "Errors as JSON on standard error");
  add_question_verbs(*app, context);
  add_client_verbs(*app, context);
  add_subnet_verbs(*app, context);
  add_ledger_verbs(*app, context);
  add_import_verbs(*app, context);
  add_export_verbs(*app, context);
  add_proof_verbs(*app, context);
  add_kea_verbs(*app, context);
  add_help_verbs(*app, context);
  // After the verbs, which would inherit it.
  app->footer(
      "Moments (--at, --from, --to): a position such as 123, RFC 3339 such as "
      "2026-03-03T14:05:00Z, '2026-03-03 14:05',\n"
      "  now, -2h, -7d, today, yesterday. Times are UTC unless they say otherwise.\n"
      "Exit codes: 0 done, 1 not found, differs or refused, 2 usage, 3 no ledger or daemon there, "
      "4 not allowed, 5 damaged or\n"
      "  tampered with, 6 precondition or conflict, 7 in use, 10 internal.\n"
      "Examples:\n"
      "  leaseledger --ledger /var/lib/leaseledger init\n"
      "  leaseledger import kea /var/lib/kea/kea-leases6.csv --config /etc/kea/kea-dhcp6.conf\n"
      "  leaseledger who 2001:db8:1::42 --at '2026-03-03 14:05'");
  return app;
}

namespace {

/// What a variable says, "" when it is not set; it is not set afterwards.
std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value == nullptr ? "" : value;
  ::unsetenv(name);
  return out;
}

}  // namespace

int run_program(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  spdlog::set_default_logger(spdlog::stderr_color_mt("leaseledger"));
  spdlog::set_pattern("leaseledger: %l: %v");
  spdlog::set_level(spdlog::level::warn);
  Context context;
  const auto app = make_app(context);
  // Read apart, so that what the options hold was on the command line.
  const std::string server_variable = take_variable("LEASELEDGER_SERVER");
  const std::string directory_variable = take_variable("LEASELEDGER_DIR");
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app->exit(error);
    return code == 0 ? kOk : kUsage;
  }
  const auto format = parse_format(context.output);
  if (!format) return context.report(format.error());
  context.set_format(*format);
  const auto given = [&](const char* option) { return app->get_option(option)->count() > 0; };
  if (const auto chosen = context.choose_ledger(given("--server"), given("--ledger"),
                                                server_variable, directory_variable);
      !chosen)
    return context.report(chosen.error());
  const auto code = context.run();
  return code ? *code : context.report(code.error());
}

}  // namespace leaseledger::cli

int main(int argc, char** argv) { return leaseledger::cli::run_program(argc, argv); }
