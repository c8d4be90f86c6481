// kea: what the daemon knows of the Kea servers that feed it.

#include "tools/cli/context.h"
#include "tools/cli/options.h"

namespace leaseledger::cli {
namespace {

Json row_of(const KeaServerStatus& server) {
  Json out;
  out["server"] = server.server;
  out["control"] = server.control;
  out["state"] = !server.reachable       ? "unreachable"
                 : server.running        ? "comparing"
                 : !server.error.empty() ? "failing"
                 : server.runs == 0      ? "not compared yet"
                                         : "compared";
  out["comparedAt"] = format_instant(server.finished_at);
  out["seconds"] = server.seconds;
  out["compared"] = server.compared;
  out["missing"] = server.missing;
  out["changed"] = server.changed;
  out["absent"] = server.absent;
  out["unreadable"] = server.unreadable;
  out["refused"] = server.refused;
  out["runs"] = server.runs;
  out["failures"] = server.failures;
  out["recordedInAll"] = server.recorded_in_all;
  out["error"] = server.error;
  return out;
}

}  // namespace

void add_kea_verbs(CLI::App& app, Context& context) {
  auto* kea = app.add_subcommand("kea", "The Kea DHCPv6 servers that feed a daemon's ledger")
                  ->require_subcommand(1);

  auto* status = kea->add_subcommand(
      "status",
      "How the last comparison with each server went: leases that had to be recorded because the "
      "ledger did not have them (missing), had them otherwise (changed), or had them still "
      "(absent). Exit code 1 when a server cannot be compared with");
  on(status, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const auto servers, ledger->kea_servers());
    Rows rows(context.format(), "keaServers",
              {{"server", "SERVER"},
               {"state", "STATE"},
               {"comparedAt", "COMPARED"},
               {"compared", "LEASES"},
               {"missing", "MISSING"},
               {"changed", "CHANGED"},
               {"absent", "ABSENT"},
               {"unreadable", "UNREADABLE"},
               {"refused", "REFUSED"},
               {"runs", "RUNS"},
               {"failures", "FAILURES"},
               {"recordedInAll", "RECORDED IN ALL"},
               {"error", "ERROR"}});
    bool good = true;
    for (const KeaServerStatus& server : servers) {
      rows.add(row_of(server));
      good = good && server.reachable && server.error.empty();
    }
    rows.finish("no Kea server is compared with; [[kea.server]] in leaseledgerd.toml names them");
    return good ? kOk : kNegative;
  });
  example(status, "leaseledger kea status");

  auto* compare = kea->add_subcommand(
      "compare", "Compare the ledger with a server, or with all of them, now rather than later");
  auto server = std::make_shared<std::string>();
  compare->add_option("SERVER", *server, "Name of the server, as [[kea.server]] has it");
  on(compare, context, [&context, server]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_TRY(ledger->compare_with_kea(*server));
    return kOk;
  });
  example(compare, "leaseledger kea compare kea1");
}

}  // namespace leaseledger::cli
