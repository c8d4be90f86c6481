// client and lease: what happens to one lease record.

#include "tools/cli/context.h"
#include "tools/cli/options.h"
#include "tools/cli/questions.h"
#include "tools/cli/render.h"

namespace leaseledger::cli {
namespace {

void add_create(CLI::App* group, Context& context) {
  auto* create = group->add_subcommand("create", "Create a lease record (DhcpV6CreateClientInfo)");
  auto address = text(create, "ADDRESS", "Address, or delegated prefix with its length");
  auto client = client_options(create);
  auto type =
      optional_text(create, "--type", "IA_NA, IA_TA or IA_PD; by the address when not given");
  auto name = optional_text(create, "--name", "Client name");
  auto comment = optional_text(create, "--comment", "Comment");
  auto valid = optional_text(create, "--valid",
                             "Valid lifetime from now, e.g. 12h; the subnet's when not given");
  auto preferred = optional_text(create, "--preferred",
                                 "Preferred lifetime from now; the valid one when not given");
  auto valid_until =
      optional_text(create, "--valid-until", "End of the valid lifetime, a time or never");
  auto preferred_until =
      optional_text(create, "--preferred-until", "End of the preferred lifetime, a time or never");
  on(create, context, [=, &context]() -> Result<int> {
    CreateClient command;
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*address, "ADDRESS"));
    LEASELEDGER_TRY(client->fill(command.duid, command.iaid));
    if (!type->empty()) {
      LEASELEDGER_ASSIGN(command.type, parse_lease_type(*type, "--type"));
    }
    command.name = *name;
    command.comment = *comment;
    const auto moment = [&](const std::string& lifetime, const std::string& until,
                            const std::string& option, std::optional<Instant>& out) -> Status {
      if (!lifetime.empty() && !until.empty())
        return invalid(option, lifetime,
                       "one of " + option + " and " + option + "-until, not both");
      if (!lifetime.empty()) {
        LEASELEDGER_ASSIGN(const Lifetime seconds, parse_lifetime(lifetime, option));
        out = add_lifetime(context.now(), seconds);
      } else if (until == "never") {
        out = kForever;
      } else if (!until.empty()) {
        LEASELEDGER_ASSIGN(out, parse_time(until, context.now(), option + "-until"));
      }
      return {};
    };
    LEASELEDGER_TRY(moment(*valid, *valid_until, "--valid", command.valid_until));
    LEASELEDGER_TRY(moment(*preferred, *preferred_until, "--preferred", command.preferred_until));
    return context.submit(command);
  });
  example(create,
          "leaseledger client create 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 "
          "--name printer --valid 12h");
  example(create,
          "leaseledger --dry-run client create 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01");
}

void add_client(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("client", "Lease records: create, look at, edit, delete")
                    ->require_subcommand(1);
  add_create(group, context);

  auto* set = group->add_subcommand(
      "set", "Edit identity, name and comment of a record; all four are written as given");
  auto set_address = text(set, "ADDRESS", "Address or delegated prefix");
  auto set_client = client_options(set);
  auto name = optional_text(set, "--name", "Client name");
  auto comment = optional_text(set, "--comment", "Comment");
  on(set, context, [=, &context]() -> Result<int> {
    SetClient command;
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*set_address, "ADDRESS"));
    LEASELEDGER_TRY(set_client->fill(command.duid, command.iaid));
    command.name = *name;
    command.comment = *comment;
    return context.submit(command);
  });
  example(set,
          "leaseledger client set 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 "
          "--name printer-2");

  auto* remove = group->add_subcommand("delete", "Delete a record");
  auto removed = text(remove, "ADDRESS", "Address or delegated prefix");
  on(remove, context, [=, &context]() -> Result<int> {
    DeleteClient command;
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*removed, "ADDRESS"));
    return context.submit(command);
  });
  example(remove, "leaseledger client delete 2001:db8:1::5");

  add_client_questions(group, context);
}

void add_lease(CLI::App& app, Context& context) {
  auto* group =
      app.add_subcommand("lease",
                         "What clients do with their leases: renew, release, decline; and expiry")
          ->require_subcommand(1);

  auto* renew =
      group->add_subcommand("renew", "The client keeps its lease; lifetimes count from now");
  auto renewed = text(renew, "ADDRESS", "Address or delegated prefix");
  auto renewing = client_options(renew);
  auto valid =
      optional_text(renew, "--valid", "Valid lifetime, e.g. 12h; the subnet's when not given");
  auto preferred = optional_text(renew, "--preferred", "Preferred lifetime");
  on(renew, context, [=, &context]() -> Result<int> {
    RenewLease command;
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*renewed, "ADDRESS"));
    LEASELEDGER_TRY(renewing->fill(command.duid, command.iaid));
    if (!valid->empty()) {
      LEASELEDGER_ASSIGN(command.valid_lifetime, parse_lifetime(*valid, "--valid"));
    }
    if (!preferred->empty()) {
      LEASELEDGER_ASSIGN(command.preferred_lifetime, parse_lifetime(*preferred, "--preferred"));
    }
    return context.submit(command);
  });
  example(renew,
          "leaseledger lease renew 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 "
          "--valid 12h");

  auto* release = group->add_subcommand("release", "The client gives its lease back");
  auto released = text(release, "ADDRESS", "Address or delegated prefix");
  auto releasing = client_options(release);
  on(release, context, [=, &context]() -> Result<int> {
    ReleaseLease command;
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*released, "ADDRESS"));
    LEASELEDGER_TRY(releasing->fill(command.duid, command.iaid));
    return context.submit(command);
  });
  example(release,
          "leaseledger lease release 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7");

  auto* decline =
      group->add_subcommand("decline", "The client found its address in use; it is set aside");
  auto declined = text(decline, "ADDRESS", "Address");
  auto declining = client_options(decline);
  auto probation = optional_text(decline, "--probation",
                                 "How long the address is set aside; 24h when not given");
  on(decline, context, [=, &context]() -> Result<int> {
    DeclineLease command;
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*declined, "ADDRESS"));
    LEASELEDGER_TRY(declining->fill(command.duid, command.iaid));
    if (!probation->empty()) {
      LEASELEDGER_ASSIGN(command.probation, parse_lifetime(*probation, "--probation"));
    }
    return context.submit(command);
  });
  example(decline,
          "leaseledger lease decline 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 "
          "--probation 1h");

  auto* expire = group->add_subcommand(
      "expire", "End the leases whose valid lifetime is over, dated when it was");
  auto grace = optional_text(expire, "--grace",
                             "Leave leases alone that ended less than so long ago, e.g. 5m");
  auto limit = std::make_shared<std::uint32_t>(10000);
  expire->add_option("--limit", *limit, "At most so many, the soonest first; 1 to 100000");
  on(expire, context, [=, &context]() -> Result<int> {
    ExpireLeases command;
    if (!grace->empty()) {
      LEASELEDGER_ASSIGN(command.grace, parse_lifetime(*grace, "--grace"));
    }
    command.limit = *limit;
    return context.submit(command);
  });
  example(expire, "leaseledger lease expire --grace 5m");
}

}  // namespace

void add_client_verbs(CLI::App& app, Context& context) {
  add_client(app, context);
  add_lease(app, context);
}

}  // namespace leaseledger::cli
