// subnet, reservation, exclusion, pool.

#include "tools/cli/context.h"
#include "tools/cli/options.h"
#include "tools/cli/render.h"

#include <functional>

namespace leaseledger::cli {
namespace {

constexpr std::size_t kPage = 1000;

Json usage_row(const SubnetRow& of) {
  Json row = subnet_json(of.subnet);
  row["active"] = of.usage.active;
  row["declined"] = of.usage.declined;
  row["reserved"] = of.usage.reserved;
  row["released"] = of.usage.released;
  row["expired"] = of.usage.expired;
  return row;
}

/// Calls `visit` for every reservation, exclusion or pool, page after page.
Status for_each_element(Service& ledger, const std::optional<Ipv6Prefix>& subnet, ElementKind kind,
                        const When& when, const std::function<void(const SubnetElement&)>& visit) {
  for (std::uint64_t skip = 0;;) {
    LEASELEDGER_ASSIGN(const ElementPage page, ledger.elements(subnet, kind, when, skip, kPage));
    for (const auto& element : page.elements) visit(element);
    skip += page.elements.size();
    if (page.elements.empty() || skip >= page.total) return {};
  }
}

struct SubnetSettings {
  std::string prefix;
  std::optional<std::string> name, comment, state, preferred, valid;
  std::optional<std::uint16_t> preference;

  void add_to(CLI::App* verb) {
    verb->add_option("PREFIX", prefix, "Prefix, such as 2001:db8:1::/64")->required();
    verb->add_option("--name", name, "Name for people");
    verb->add_option("--comment", comment, "Comment");
    verb->add_option("--preference", preference, "0 to 255");
    verb->add_option("--state", state, "enabled or disabled");
    verb->add_option("--preferred", preferred,
                     "Preferred lifetime of leases made without one, e.g. 8d");
    verb->add_option("--valid", valid, "Valid lifetime of leases made without one, e.g. 12d");
  }

  Result<SetSubnet> settings() const {
    SetSubnet out;
    LEASELEDGER_ASSIGN(out.prefix, Ipv6Prefix::parse(prefix, "PREFIX"));
    out.name = name;
    out.comment = comment;
    out.preference = preference;
    if (state) {
      if (*state != "enabled" && *state != "disabled")
        return invalid("--state", *state, "enabled or disabled");
      out.state = *state == "enabled" ? SubnetState::kEnabled : SubnetState::kDisabled;
    }
    if (preferred) {
      LEASELEDGER_ASSIGN(out.preferred_lifetime, parse_lifetime(*preferred, "--preferred"));
    }
    if (valid) {
      LEASELEDGER_ASSIGN(out.valid_lifetime, parse_lifetime(*valid, "--valid"));
    }
    return out;
  }
};

void add_subnet(CLI::App& app, Context& context) {
  auto* group =
      app.add_subcommand("subnet", "Subnets (scopes): the prefixes whose leases the ledger keeps")
          ->require_subcommand(1);

  auto settings = std::make_shared<SubnetSettings>();
  auto* create = group->add_subcommand("create", "Create a subnet");
  settings->add_to(create);
  on(create, context, [&context, settings]() -> Result<int> {
    LEASELEDGER_ASSIGN(const SetSubnet given, settings->settings());
    CreateSubnet command;
    command.prefix = given.prefix;
    command.name = given.name.value_or("");
    command.comment = given.comment.value_or("");
    command.preference = given.preference.value_or(0);
    command.state = given.state.value_or(SubnetState::kEnabled);
    command.valid_lifetime = given.valid_lifetime.value_or(command.valid_lifetime);
    command.preferred_lifetime = given.preferred_lifetime.value_or(
        std::min(command.preferred_lifetime, command.valid_lifetime));
    return context.submit(command);
  });
  example(create, "leaseledger subnet create 2001:db8:1::/64 --name 'hall 1' --valid 12d");

  auto changes = std::make_shared<SubnetSettings>();
  auto* set = group->add_subcommand("set", "Change settings of a subnet; what is not given stays");
  changes->add_to(set);
  on(set, context, [&context, changes]() -> Result<int> {
    LEASELEDGER_ASSIGN(const SetSubnet command, changes->settings());
    return context.submit(command);
  });
  example(set, "leaseledger subnet set 2001:db8:1::/64 --state disabled");

  auto* remove = group->add_subcommand("delete", "Delete a subnet");
  auto prefix = text(remove, "PREFIX", "Prefix of the subnet");
  auto force = std::make_shared<bool>(false);
  remove->add_flag("--force", *force,
                   "Delete its leases too; without it a subnet with leases stays");
  on(remove, context, [&context, prefix, force]() -> Result<int> {
    DeleteSubnet command;
    LEASELEDGER_ASSIGN(command.prefix, Ipv6Prefix::parse(*prefix, "PREFIX"));
    command.force = *force;
    return context.submit(command);
  });
  example(remove, "leaseledger subnet delete 2001:db8:1::/64 --force");

  auto* list = group->add_subcommand("list", "All subnets with their figures");
  on(list, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    Rows rows(context.format(), "subnets",
              {{"prefix", "PREFIX"},
               {"id", "ID"},
               {"name", "NAME"},
               {"state", "STATE"},
               {"active", "ACTIVE"},
               {"declined", "DECLINED"},
               {"reserved", "RESERVED"},
               {"released", "RELEASED"},
               {"expired", "EXPIRED"},
               {"validLifetime", "VALID S"},
               {"comment", "COMMENT"}});
    std::optional<Ipv6Prefix> after;
    do {
      LEASELEDGER_ASSIGN(const SubnetPage page, ledger->subnets({}, after, kPage));
      for (const auto& row : page.subnets) rows.add(usage_row(row));
      after = page.next;
    } while (after);
    rows.finish("no subnets yet; make one with: leaseledger subnet create 2001:db8:1::/64");
    return kOk;
  });
  example(list, "leaseledger subnet list -o csv");

  auto* show = group->add_subcommand("show",
                                     "One subnet: settings, figures, reservations, exclusions, "
                                     "delegation pools; now or at a past moment");
  auto shown = text(show, "PREFIX", "Prefix of the subnet");
  auto at = optional_text(show, "--at", "A position or a time: the figures as they were then");
  on(show, context, [&context, shown, at]() -> Result<int> {
    LEASELEDGER_ASSIGN(const Ipv6Prefix wanted, Ipv6Prefix::parse(*shown, "PREFIX"));
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    When when;
    if (!at->empty()) {
      LEASELEDGER_ASSIGN(when.position, position_of(*ledger, *at, context.now(), "--at"));
    }
    LEASELEDGER_ASSIGN(const SubnetAnswer answer, ledger->subnet(wanted, when));
    if (!answer.row) {
      return fail(Win32::kDhcpSubnetNotPresent, ErrorKind::kNotFound, "PREFIX", *shown,
                  "the prefix of a subnet (leaseledger subnet list)");
    }
    Json json = usage_row(*answer.row);
    if (answer.lapsed) json["lapsed"] = *answer.lapsed;
    if (answer.free) json["free"] = *answer.free;
    const auto listed = [&](ElementKind kind, auto&& row_of) -> Result<Json> {
      Json out = Json::array();
      LEASELEDGER_TRY(for_each_element(*ledger, wanted, kind, when, [&](const SubnetElement& each) {
        out.push_back(row_of(each));
      }));
      return out;
    };
    LEASELEDGER_ASSIGN(json["reservations"],
                       listed(ElementKind::kReservation, [](const auto& each) {
                         const Reservation& r = *each.reservation;
                         return Json{{"address", format_lease_key(r.key)},
                                     {"duid", r.duid.to_string()},
                                     {"iaid", static_cast<std::uint32_t>(r.iaid)}};
                       }));
    LEASELEDGER_ASSIGN(json["exclusions"], listed(ElementKind::kExclusion, [](const auto& each) {
                         return Json{{"first", each.exclusion->first.to_string()},
                                     {"last", each.exclusion->last.to_string()}};
                       }));
    LEASELEDGER_ASSIGN(json["pools"], listed(ElementKind::kPool, [](const auto& each) {
                         return Json{{"prefix", each.pool->prefix.to_string()},
                                     {"delegatedLength", each.pool->delegated_length}};
                       }));
    json["asOf"] = answer.as_of;
    write_object(context.format(), json);
    return kOk;
  });
  example(show, "leaseledger subnet show 2001:db8:1::/64 --at yesterday");

  auto* free =
      group->add_subcommand("free", "Addresses of a subnet that are free: the lowest first");
  auto where = text(free, "PREFIX", "Prefix of the subnet");
  auto count = std::make_shared<std::uint32_t>(1);
  free->add_option("--count", *count, "How many, 1 to 1024");
  auto start = optional_text(free, "--start", "First address to look at");
  auto end = optional_text(free, "--end", "Last address to look at");
  on(free, context, [&context, where, count, start, end]() -> Result<int> {
    GetFreeAddress query;
    LEASELEDGER_ASSIGN(query.subnet, Ipv6Prefix::parse(*where, "PREFIX"));
    query.count = *count;
    if (!start->empty()) {
      LEASELEDGER_ASSIGN(query.start, Ipv6Address::parse(*start, "--start"));
    }
    if (!end->empty()) {
      LEASELEDGER_ASSIGN(query.end, Ipv6Address::parse(*end, "--end"));
    }
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const auto found, ledger->free_addresses(query));
    Rows rows(context.format(), "freeAddresses", {{"address", "ADDRESS"}});
    for (const auto& address : found.addresses) rows.add({{"address", address.to_string()}});
    rows.finish("none free");
    if (!found.reached_end) return kOk;
    return context.report({Win32::kDhcpReachedEndOfSelection, ErrorKind::kRefused, "--count",
                           std::to_string(*count),
                           "at most " + std::to_string(found.addresses.size()) +
                               ", which is all that are free there"});
  });
  example(free, "leaseledger subnet free 2001:db8:1::/64 --count 5");
}

void add_reservation_verbs(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("reservation", "Addresses and prefixes kept for one client")
                    ->require_subcommand(1);
  auto* add = group->add_subcommand(
      "add", "Reserve an address or prefix for a client; a lease in the way is deleted");
  auto subnet = text(add, "SUBNET", "Prefix of the subnet");
  auto address = text(add, "ADDRESS", "Address, or delegated prefix with its length");
  auto client = client_options(add);
  auto name = optional_text(add, "--name", "Client name");
  auto comment = optional_text(add, "--comment", "Comment");
  on(add, context, [&context, subnet, address, client, name, comment]() -> Result<int> {
    AddReservation command;
    LEASELEDGER_ASSIGN(command.subnet, Ipv6Prefix::parse(*subnet, "SUBNET"));
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*address, "ADDRESS"));
    LEASELEDGER_TRY(client->fill(command.duid, command.iaid));
    command.name = *name;
    command.comment = *comment;
    return context.submit(command);
  });
  example(add,
          "leaseledger reservation add 2001:db8:1::/64 2001:db8:1::10 --duid "
          "00:03:00:01:02:00:5e:10:00:01 --iaid 1");

  auto* remove = group->add_subcommand("remove", "Remove a reservation, found by its address");
  auto removed_subnet = text(remove, "SUBNET", "Prefix of the subnet");
  auto removed = text(remove, "ADDRESS", "Address or prefix");
  on(remove, context, [&context, removed_subnet, removed]() -> Result<int> {
    RemoveReservation command;
    LEASELEDGER_ASSIGN(command.subnet, Ipv6Prefix::parse(*removed_subnet, "SUBNET"));
    LEASELEDGER_ASSIGN(command.key, parse_lease_key(*removed, "ADDRESS"));
    return context.submit(command);
  });
  example(remove, "leaseledger reservation remove 2001:db8:1::/64 2001:db8:1::10");

  auto* list = group->add_subcommand("list", "All reservations");
  on(list, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    Rows rows(context.format(), "reservations",
              {{"subnet", "SUBNET"},
               {"address", "ADDRESS"},
               {"type", "TYPE"},
               {"duid", "DUID"},
               {"iaid", "IAID"}});
    LEASELEDGER_TRY(
        for_each_element(*ledger, {}, ElementKind::kReservation, {}, [&](const auto& each) {
          const Reservation& r = *each.reservation;
          rows.add({{"subnet", each.subnet.to_string()},
                    {"address", format_lease_key(r.key)},
                    {"type", name_of(r.type)},
                    {"duid", r.duid.to_string()},
                    {"iaid", static_cast<std::uint32_t>(r.iaid)}});
        }));
    rows.finish("no reservations");
    return kOk;
  });
  example(list, "leaseledger reservation list");
}

void add_exclusion_verbs(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("exclusion", "Addresses that 'subnet free' does not offer")
                    ->require_subcommand(1);
  for (const bool adding : {true, false}) {
    auto* verb = group->add_subcommand(
        adding ? "add" : "remove",
        adding ? "Exclude a range of addresses" : "Remove an exclusion; both ends must be equal");
    auto subnet = text(verb, "SUBNET", "Prefix of the subnet");
    auto first = text(verb, "FIRST", "First address of the range");
    auto last = text(verb, "LAST", "Last address of the range");
    on(verb, context, [&context, adding, subnet, first, last]() -> Result<int> {
      AddExclusion command;
      LEASELEDGER_ASSIGN(command.subnet, Ipv6Prefix::parse(*subnet, "SUBNET"));
      LEASELEDGER_ASSIGN(command.first, Ipv6Address::parse(*first, "FIRST"));
      LEASELEDGER_ASSIGN(command.last, Ipv6Address::parse(*last, "LAST"));
      if (adding) return context.submit(command);
      return context.submit(RemoveExclusion{command.subnet, command.first, command.last});
    });
    example(verb, std::string("leaseledger exclusion ") + (adding ? "add" : "remove") +
                      " 2001:db8:1::/64 2001:db8:1:: 2001:db8:1::ff");
  }
  auto* list = group->add_subcommand("list", "All exclusions");
  on(list, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    Rows rows(context.format(), "exclusions",
              {{"subnet", "SUBNET"}, {"first", "FIRST"}, {"last", "LAST"}});
    LEASELEDGER_TRY(
        for_each_element(*ledger, {}, ElementKind::kExclusion, {}, [&](const auto& each) {
          rows.add({{"subnet", each.subnet.to_string()},
                    {"first", each.exclusion->first.to_string()},
                    {"last", each.exclusion->last.to_string()}});
        }));
    rows.finish("no exclusions");
    return kOk;
  });
  example(list, "leaseledger exclusion list");
}

void add_pool_verbs(CLI::App& app, Context& context) {
  auto* group =
      app.add_subcommand("pool", "Delegation pools: prefixes for IA_PD")->require_subcommand(1);
  auto* add = group->add_subcommand(
      "add", "Add a delegation pool to a subnet; it may lie outside of the subnet's prefix");
  auto subnet = text(add, "SUBNET", "Prefix of the subnet");
  auto prefix = text(add, "PREFIX", "Prefix of the pool");
  auto length = std::make_shared<unsigned>(64);
  add->add_option("--delegated-length", *length, "Length of the prefixes that clients get")
      ->check(CLI::Range(0, 255));
  on(add, context, [&context, subnet, prefix, length]() -> Result<int> {
    AddDelegationPool command;
    LEASELEDGER_ASSIGN(command.subnet, Ipv6Prefix::parse(*subnet, "SUBNET"));
    LEASELEDGER_ASSIGN(command.prefix, Ipv6Prefix::parse(*prefix, "PREFIX"));
    command.delegated_length = static_cast<std::uint8_t>(*length);
    return context.submit(command);
  });
  example(add, "leaseledger pool add 2001:db8:1::/64 2001:db8:8000::/40 --delegated-length 56");

  auto* remove = group->add_subcommand("remove", "Remove a delegation pool without leases");
  auto removed_subnet = text(remove, "SUBNET", "Prefix of the subnet");
  auto removed = text(remove, "PREFIX", "Prefix of the pool");
  on(remove, context, [&context, removed_subnet, removed]() -> Result<int> {
    RemoveDelegationPool command;
    LEASELEDGER_ASSIGN(command.subnet, Ipv6Prefix::parse(*removed_subnet, "SUBNET"));
    LEASELEDGER_ASSIGN(command.prefix, Ipv6Prefix::parse(*removed, "PREFIX"));
    return context.submit(command);
  });
  example(remove, "leaseledger pool remove 2001:db8:1::/64 2001:db8:8000::/40");

  auto* list = group->add_subcommand("list", "All delegation pools");
  on(list, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    Rows rows(context.format(), "pools",
              {{"subnet", "SUBNET"}, {"prefix", "PREFIX"}, {"delegatedLength", "DELEGATED"}});
    LEASELEDGER_TRY(for_each_element(*ledger, {}, ElementKind::kPool, {}, [&](const auto& each) {
      rows.add({{"subnet", each.subnet.to_string()},
                {"prefix", each.pool->prefix.to_string()},
                {"delegatedLength", each.pool->delegated_length}});
    }));
    rows.finish("no delegation pools");
    return kOk;
  });
  example(list, "leaseledger pool list");
}

}  // namespace

void add_subnet_verbs(CLI::App& app, Context& context) {
  add_subnet(app, context);
  add_reservation_verbs(app, context);
  add_exclusion_verbs(app, context);
  add_pool_verbs(app, context);
}

}  // namespace leaseledger::cli
