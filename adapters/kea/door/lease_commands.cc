#include "adapters/kea/door/lease_commands.h"

#include "adapters/kea/facts.h"
#include "adapters/service/local_service.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

namespace leaseledger::kea {
namespace {

constexpr int kMostTries = 8;
constexpr std::size_t kPage = 1000;
constexpr std::size_t kMostSpans = 10'000;
constexpr std::size_t kWipeBatch = 4096;

const char* const kAlreadyThere = "IPv6 lease already exists.";

Reply success(std::string text, Json arguments = {}) {
  return {ResultCode::kSuccess, std::move(text), std::move(arguments)};
}
Reply nothing(std::string text, Json arguments = {}) {
  return {ResultCode::kEmpty, std::move(text), std::move(arguments)};
}
Reply problem(const Error& error) { return {ResultCode::kError, error.to_string(), {}}; }

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Json list_of(std::vector<Json> leases) {
  Json out = Json::array();
  for (Json& each : leases) out.push_back(std::move(each));
  return out;
}

/// "3 IPv6 lease(s) found.", with `extra` beside the leases.
Reply found(std::vector<Json> leases, Json extra = Json::object()) {
  const std::string text = std::to_string(leases.size()) + " IPv6 lease(s) found.";
  const bool none = leases.empty();
  extra["leases"] = list_of(std::move(leases));
  return none ? nothing(text, std::move(extra)) : success(text, std::move(extra));
}

OrReply<std::string> required_text(const Json& arguments, const char* key) {
  const auto it = arguments.find(key);
  if (it == arguments.end()) return refuse(std::string("'") + key + "' parameter not specified");
  if (!it->is_string()) return refuse(std::string("'") + key + "' parameter must be a string");
  return it->get<std::string>();
}

OrReply<Duid> read_identifier(const std::string& text) {
  auto duid = Duid::parse(text);
  if (!duid || duid->empty())
    return refuse("'" + text + "' is not a valid string of hexadecimal digits");
  return *duid;
}

/// A time as callers give it: RFC 3339, or seconds since 1970.
OrReply<Instant> read_time(const Json& json, const char* key) {
  if (json.is_number_unsigned() && json.get<std::uint64_t>() <= 9'000'000'000ULL)
    return instant_of(json.get<std::int64_t>());
  if (json.is_string()) {
    auto time = parse_instant(json.get<std::string>(), key);
    if (time) return *time;
    return refuse(time.error().to_string());
  }
  return refuse(std::string("'") + key +
                "' parameter is neither a time such as \"2026-11-01T12:00:00Z\" nor seconds since "
                "1970");
}

bool is_leased(const leaseledger::LeaseRow& row) {
  return row.lease.state != LeaseState::kReserved;
}

std::string_view how_it_ended(const Span& span, Instant now) {
  if (span.end == 0) return span.lapsed(now) ? "lifetime over" : "";
  switch (span.ended_by) {
    case EventKind::kLeaseReleased:
      return "released";
    case EventKind::kLeaseDeclined:
      return "declined";
    case EventKind::kLeaseExpired:
      return "expired";
    case EventKind::kClientDeleted:
      return "deleted";
    default:
      return name_of(span.ended_by);
  }
}

#define ASSIGN_OR_ANSWER(declaration, expression) \
  ASSIGN_OR_ANSWER_INNER(LEASELEDGER_CONCAT(answer_, __LINE__), declaration, expression)
#define ASSIGN_OR_ANSWER_INNER(name, declaration, expression) \
  auto name = (expression);                                   \
  if (!name) return as_reply(std::move(name).error());        \
  declaration = std::move(*name)

Reply as_reply(Reply reply) { return reply; }
Reply as_reply(const Error& error) { return problem(error); }

}  // namespace

struct LeaseCommands::Asked {
  const CommandRequest& request;
  const Principal& principal;
  std::shared_ptr<Ledger> ledger;
  std::unique_ptr<Service> service;
  std::shared_ptr<const SubnetMap> subnets;

  const Json& arguments() const { return request.arguments; }
  Place place() const { return {request.text, {"arguments"}}; }

  std::uint32_t number_of(const Ipv6Prefix& subnet) const {
    const SubnetMap::Entry* entry = subnets->with_prefix(subnet);
    return entry == nullptr ? 0 : entry->number;
  }
  /// Kea's number for the subnet of a lease: the one that the server said, if it did.
  std::uint32_t number_of(const leaseledger::LeaseRow& row) const {
    const std::uint32_t said = row.description.server_subnet_id;
    return said != 0 ? said : number_of(row.subnet);
  }
  Json json_of(const leaseledger::LeaseRow& row) const { return to_json(row, number_of(row)); }

  /// The moment that "at" names.
  OrReply<When> moment() const {
    When out;
    if (!request.arguments.is_object() || !request.arguments.contains("at")) return out;
    const Json& at = request.arguments["at"];
    if (at.is_number_unsigned()) {
      out.position = at.get<Position>();
      return out;
    }
    if (!at.is_string())
      return refuse(
          "'at' parameter is neither a position nor a time such as "
          "\"2026-11-01T12:00:00Z\"");
    LEASELEDGER_KEA_ASSIGN(out.effective, read_time(at, "at"));
    return out;
  }

  /// Every lease inside `prefix`, by pages that belong together.
  Result<void> each_in(const Ipv6Prefix& prefix, When when,
                       const std::function<void(const leaseledger::LeaseRow&)>& visit) const {
    std::optional<LeaseKey> after;
    do {
      LEASELEDGER_ASSIGN(const LeasePage page, service->leases_in(prefix, when, after, kPage));
      when = When::exactly(page.as_of);
      for (const auto& row : page.leases)
        if (is_leased(row)) visit(row);
      after = page.next;
    } while (after);
    return {};
  }

  Result<Answer> submit(Command command, std::optional<Position> if_last_event,
                        std::optional<Instant> at = std::nullopt) const {
    const Envelope envelope{.command = std::move(command),
                            .cause = request.name,
                            .if_last_event = if_last_event,
                            .effective_at = at};
    LEASELEDGER_ASSIGN(const auto answers, service->submit({&envelope, 1}));
    return answers[0];
  }
};

namespace {

using Method = Reply (LeaseCommands::*)(int);

/// A lease as lease6-add and lease6-update take it, with what the subnet adds to it.
OrReply<Lease6> complete(const Json& arguments, const Place& place, const SubnetMap& subnets,
                         Instant now, Compat compat) {
  LEASELEDGER_KEA_ASSIGN(Lease6 lease, read_lease(arguments, place));
  const std::string address = arguments["ip-address"].get<std::string>();
  if (compat == Compat::k22 && lease.state > RowState::kExpiredReclaimed)
    return refuse("Invalid state value: " + std::to_string(static_cast<int>(lease.state)) +
                  ", supported values are: 0 (default), 1 (declined) and 2 (expired-reclaimed)");
  const SubnetMap::Entry* entry = nullptr;
  if (lease.subnet_id == 0) {
    if (lease.type == LeaseType::kPd)
      return refuse(
          "Subnet-id is 0 or not specified. This is allowed for address leases only, not prefix "
          "leases.");
    entry = subnets.of(lease.key);
    if (entry == nullptr)
      return refuse("subnet-id not specified and failed to find a subnet for address " + address);
    lease.subnet_id = entry->number;
  } else {
    entry = subnets.with_number(lease.subnet_id);
    if (entry == nullptr)
      return refuse("Invalid subnet-id: No IPv6 subnet with subnet-id=" +
                    std::to_string(lease.subnet_id) + " currently configured.");
    if (subnets.of(lease.key) != entry)
      return refuse("The " + std::string(lease.type == LeaseType::kPd ? "prefix " : "address ") +
                    format_lease_key(lease.key) + " does not belong to subnet " +
                    entry->subnet.prefix.to_string() +
                    ", subnet-id=" + std::to_string(lease.subnet_id));
  }
  if (lease.duid.empty() && lease.state != RowState::kDeclined)
    return refuse("Lease6: " + address + ", state: default, has no DUID");
  if (!lease.valid_lft) lease.valid_lft = entry->subnet.valid_lifetime.count();
  if (!lease.preferred_lft) lease.preferred_lft = *lease.valid_lft;
  if (lease.expire && *lease.valid_lft != kInfiniteLifetime.count())
    lease.cltt = *lease.expire - *lease.valid_lft;
  if (!lease.cltt) lease.cltt = seconds_of(now);
  // What Kea takes and a ledger does not: it could not say afterwards who held the address when.
  if (!lease.violations.empty()) return refuse(lease.violations.front());
  if (*lease.preferred_lft > *lease.valid_lft)
    return refuse("preferred-lft " + std::to_string(*lease.preferred_lft) + " is above valid-lft " +
                  std::to_string(*lease.valid_lft));
  if (*lease.valid_lft == 0 ||
      (lease.state != RowState::kExpiredReclaimed &&
       *lease.valid_lft != kInfiniteLifetime.count() &&
       add_lifetime(instant_of(*lease.cltt), Lifetime{*lease.valid_lft}) <= now))
    return refuse("the lease of " + address + " would be over already");
  return lease;
}

}  // namespace

std::vector<std::string> LeaseCommands::names() {
  return {"dhcp-disable",
          "dhcp-enable",
          "ha-continue",
          "ha-heartbeat",
          "ha-maintenance-cancel",
          "ha-maintenance-notify",
          "ha-maintenance-start",
          "ha-reset",
          "ha-scopes",
          "ha-sync-complete-notify",
          "lease6-add",
          "lease6-bulk-apply",
          "lease6-del",
          "lease6-get",
          "lease6-get-all",
          "lease6-get-by-duid",
          "lease6-get-by-hostname",
          "lease6-get-page",
          "lease6-history",
          "lease6-report",
          "lease6-update",
          "lease6-wipe",
          "list-commands",
          "status-get",
          "version-get"};
}

bool LeaseCommands::is_read(const std::string& name) {
  return name.starts_with("lease6-get") || name == "lease6-history" || name == "list-commands" ||
         name == "status-get" || name == "version-get";
}

Reply LeaseCommands::answer(const CommandRequest& request, const Principal& principal) {
  struct Entry {
    const char* name;
    Reply (LeaseCommands::*method)(Asked&);
  };
  static constexpr Entry kEntries[] = {
      {"lease6-add", &LeaseCommands::add},
      {"lease6-update", &LeaseCommands::update},
      {"lease6-del", &LeaseCommands::del},
      {"lease6-wipe", &LeaseCommands::wipe},
      {"lease6-get", &LeaseCommands::get},
      {"lease6-get-all", &LeaseCommands::get_all},
      {"lease6-get-page", &LeaseCommands::get_page},
      {"lease6-get-by-duid", &LeaseCommands::get_by_duid},
      {"lease6-get-by-hostname", &LeaseCommands::get_by_hostname},
      {"lease6-history", &LeaseCommands::history},
  };
  const auto entry = std::ranges::find(kEntries, request.name, &Entry::name);
  if (entry == std::end(kEntries))
    return {ResultCode::kUnsupported, "'" + request.name + "' command not supported.", {}};
  Asked asked{request, principal, {}, {}, {}};
  const bool read = is_read(request.name);
  ASSIGN_OR_ANSWER(asked.ledger, read ? keeper_.for_questions() : keeper_.for_commands());
  asked.service = make_local_service(asked.ledger, {.principal = principal});
  ASSIGN_OR_ANSWER(asked.subnets, subnets_.now());
  return (this->*entry->method)(asked);
}

// ---- commands ------------------------------------------------------------------------------------------------------

Reply LeaseCommands::add(Asked& asked) {
  if (asked.arguments().is_null())
    return {ResultCode::kError, "no parameters specified for the command", {}};
  const Instant now = SystemClock().now();
  ASSIGN_OR_ANSWER(const Lease6 lease,
                   complete(asked.arguments(), asked.place(), *asked.subnets, now, compat_));
  Envelope envelope = report_of(lease, now, {"", asked.request.name});
  ASSIGN_OR_ANSWER(const Answer answer,
                   asked.submit(std::move(envelope.command), Position{0}, envelope.effective_at));
  if (answer.accepted()) {
    const bool prefix = lease.type == LeaseType::kPd;
    return success("Lease for " + std::string(prefix ? "prefix " : "address ") +
                   format_lease_key(lease.key) + ", subnet-id " + std::to_string(lease.subnet_id) +
                   " added.");
  }
  if (answer.error.kind == ErrorKind::kConflict)
    return {compat_ == Compat::k22 ? ResultCode::kError : ResultCode::kConflict, kAlreadyThere, {}};
  return problem(answer.error);
}

Reply LeaseCommands::update(Asked& asked) {
  if (asked.arguments().is_null())
    return {ResultCode::kError, "no parameters specified for the command", {}};
  const Instant now = SystemClock().now();
  ASSIGN_OR_ANSWER(const Lease6 lease,
                   complete(asked.arguments(), asked.place(), *asked.subnets, now, compat_));
  const Json& arguments = asked.arguments();
  const bool create = arguments.contains("force-create") &&
                      arguments["force-create"].is_boolean() &&
                      arguments["force-create"].get<bool>();
  const Envelope envelope = report_of(lease, now, {"", asked.request.name});
  Answer answer;
  for (int tries = 0; tries < kMostTries; ++tries) {
    Position last = 0;
    bool there = false;
    asked.ledger->read_book([&](const LeaseBook& book) {
      const auto held = book.find(lease.key);
      there = held && held->lease.state != LeaseState::kReserved;
      last = book.last_event(lease.key);
    });
    if (!there && !create)
      return {
          ResultCode::kError,
          "failed to update the lease with address " + lease.key.address.to_string() +
              " either because the lease has been deleted or it has changed in the database, in "
              "both cases a retry might succeed",
          {}};
    ASSIGN_OR_ANSWER(answer, asked.submit(envelope.command, last, envelope.effective_at));
    if (answer.accepted()) return success(there ? "IPv6 lease updated." : "IPv6 lease added.");
    if (answer.error.kind != ErrorKind::kConflict) break;
  }
  return problem(answer.error);
}

namespace {

/// How lease6-get and lease6-del name a lease.
struct Query {
  std::optional<Ipv6Address> address;
  LeaseType type = LeaseType::kNa;
  std::uint32_t subnet_id = 0;
  Duid duid;
  Iaid iaid{};
};

OrReply<Query> read_query(const Json& arguments) {
  if (!arguments.is_object()) return refuse("Parameters missing or are not a map.");
  Query out;
  const auto type = read_type(arguments);
  if (!type) {
    const Json& given = arguments["type"];
    return refuse("Invalid lease type specified: " +
                  (given.is_string() ? given.get<std::string>() : given.dump()) +
                  ", only supported values are: IA_NA, IA_TA, IA_PD and V4");
  }
  out.type = *type;
  if (const auto given = arguments.find("ip-address"); given != arguments.end()) {
    if (!given->is_string()) return refuse("'ip-address' is not a string.");
    const std::string text = given->get<std::string>();
    const auto address = Ipv6Address::parse(text);
    if (!address && text.find(':') == std::string::npos && std::ranges::count(text, '.') == 3)
      return refuse("Invalid IPv6 address specified: " + text);
    if (!address)
      return refuse("Failed to convert string to address '" + text + "': Invalid argument");
    out.address = *address;
    return out;
  }
  const auto subnet = arguments.find("subnet-id");
  if (subnet == arguments.end()) return refuse("Mandatory 'subnet-id' parameter missing.");
  if (!subnet->is_number_unsigned() || subnet->get<std::uint64_t>() > 0xFFFF'FFFFU)
    return refuse("'subnet-id' parameter is not integer.");
  out.subnet_id = subnet->get<std::uint32_t>();
  for (const char* key : {"identifier-type", "identifier"})
    if (!arguments.contains(key) || !arguments[key].is_string())
      return refuse(std::string("No 'ip-address' provided and '") + key +
                    "' is either missing or not a string.");
  const std::string kind = arguments["identifier-type"].get<std::string>();
  if (kind == "hw-address" || kind == "client-id")
    return refuse("Query by " + kind + " is not allowed in v6.");
  if (kind != "duid")
    return refuse("Incorrect identifier type: " + kind +
                  ", the only supported values are: address, hw-address, duid");
  LEASELEDGER_KEA_ASSIGN(out.duid, read_identifier(arguments["identifier"].get<std::string>()));
  if (const auto iaid = arguments.find("iaid"); iaid != arguments.end()) {
    if (!iaid->is_number_unsigned() || iaid->get<std::uint64_t>() > 0xFFFF'FFFFU)
      return refuse("'iaid' parameter is not a number from 0 to 4294967295.");
    out.iaid = Iaid{iaid->get<std::uint32_t>()};
  }
  return out;
}

/// The lease that the query names; nullopt when there is none.
OrReply<std::optional<leaseledger::LeaseRow>> look_up(Service& service, const SubnetMap& subnets,
                                                      const Query& query, const When& when) {
  if (query.address) {
    // Kea finds a prefix by its address alone.
    const std::uint8_t longest = query.type == LeaseType::kPd ? 127 : kAddressLength;
    const std::uint8_t shortest = query.type == LeaseType::kPd ? 1 : kAddressLength;
    for (unsigned length = longest; length >= shortest; --length) {
      const LeaseKey key{*query.address, static_cast<std::uint8_t>(length)};
      if (key.address.masked(length) != key.address) break;
      auto answer = service.lease(key, when);
      if (!answer) return refuse(answer.error().to_string());
      if (answer->lease && is_leased(*answer->lease) && answer->lease->lease.type == query.type)
        return std::move(answer->lease);
    }
    return std::nullopt;
  }
  auto page = service.leases_of(query.duid, query.iaid, when);
  if (!page) return refuse(page.error().to_string());
  std::optional<leaseledger::LeaseRow> out;
  for (auto& row : page->leases) {
    const SubnetMap::Entry* entry = subnets.with_prefix(row.subnet);
    const std::uint32_t number = row.description.server_subnet_id != 0
                                     ? row.description.server_subnet_id
                                     : (entry != nullptr ? entry->number : 0);
    if (!is_leased(row) || row.lease.type != query.type || number != query.subnet_id ||
        row.lease.state == LeaseState::kDeclined)
      continue;
    if (out)
      return refuse("More than one lease found for type " +
                    std::to_string(static_cast<int>(query.type)) + ", duid " +
                    query.duid.to_string() + ", iaid " +
                    std::to_string(static_cast<std::uint32_t>(query.iaid)) + " and subnet-id " +
                    std::to_string(query.subnet_id));
    out = std::move(row);
  }
  return out;
}

}  // namespace

Reply LeaseCommands::del(Asked& asked) {
  ASSIGN_OR_ANSWER(const Query query, read_query(asked.arguments()));
  Answer answer;
  for (int tries = 0; tries < kMostTries; ++tries) {
    // Who may not delete is refused by the ledger, which records it, also for a lease that is not there.
    ASSIGN_OR_ANSWER(const auto row, asked.principal.role >= Role::kUser
                                         ? look_up(*asked.service, *asked.subnets, query, {})
                                         : std::optional<leaseledger::LeaseRow>());
    if (!row && asked.principal.role == Role::kAdministrator)
      return nothing("IPv6 lease not found.");
    const LeaseKey key =
        row ? row->lease.key : LeaseKey{query.address.value_or(Ipv6Address{}), kAddressLength};
    ASSIGN_OR_ANSWER(
        answer, asked.submit(DeleteClient{key}, row ? std::optional(row->last) : std::nullopt));
    if (answer.accepted()) return success("IPv6 lease deleted.");
    if (answer.code == Win32::kDhcpReservedipExits) {
      // The reservation stays, the lease goes.
      ReportLease report;
      report.key = key;
      report.type = query.type;
      report.state = ReportedState::kReleased;
      ASSIGN_OR_ANSWER(answer, asked.submit(report, std::nullopt));
      if (answer.accepted()) return success("IPv6 lease deleted.");
    }
    if (answer.error.kind != ErrorKind::kConflict) break;
  }
  return problem(answer.error);
}

Reply LeaseCommands::wipe(Asked& asked) {
  std::vector<const SubnetMap::Entry*> wiped;
  const Json& arguments = asked.arguments();
  if (arguments.is_object() && arguments.contains("subnet-id")) {
    const Json& id = arguments["subnet-id"];
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > 0xFFFF'FFFFU)
      return {ResultCode::kError, "'subnet-id' parameter is not integer.", {}};
    const SubnetMap::Entry* entry = asked.subnets->with_number(id.get<std::uint32_t>());
    if (entry == nullptr)
      return {ResultCode::kError,
              "Invalid subnet-id: No IPv6 subnet with subnet-id=" + id.dump() +
                  " currently configured.",
              {}};
    wiped.push_back(entry);
  } else {
    for (const auto& entry : asked.subnets->all()) wiped.push_back(&entry);
  }
  std::ranges::sort(wiped, {}, &SubnetMap::Entry::number);
  std::size_t deleted = 0;
  std::string names;
  for (const SubnetMap::Entry* entry : wiped) {
    names += (names.empty() ? "" : " ") + std::to_string(entry->number);
    std::vector<Envelope> commands;
    asked.ledger->read_book([&](const LeaseBook& book) {
      for (const BookLease& held : book.leases_in(entry->subnet.id))
        if (held.lease.state != LeaseState::kReserved)
          commands.push_back(
              {.command = DeleteClient{held.lease.key}, .cause = asked.request.name});
    });
    for (std::size_t at = 0; at < commands.size(); at += kWipeBatch) {
      const auto part = std::span(commands).subspan(at, std::min(kWipeBatch, commands.size() - at));
      ASSIGN_OR_ANSWER(const auto answers, asked.service->submit(part));
      for (const Answer& answer : answers) {
        if (answer.accepted()) ++deleted;
        if (answer.error.kind == ErrorKind::kDenied) return problem(answer.error);
      }
    }
  }
  const std::string text =
      "Deleted " + std::to_string(deleted) + " IPv6 lease(s) from subnet(s) " + names;
  return deleted == 0 ? nothing(text) : success(text);
}

// ---- questions -----------------------------------------------------------------------------------------------------

Reply LeaseCommands::get(Asked& asked) {
  ASSIGN_OR_ANSWER(const Query query, read_query(asked.arguments()));
  ASSIGN_OR_ANSWER(const When when, asked.moment());
  ASSIGN_OR_ANSWER(const auto row, look_up(*asked.service, *asked.subnets, query, when));
  if (!row) return nothing("Lease not found.");
  return success("IPv6 lease found.", asked.json_of(*row));
}

Reply LeaseCommands::get_all(Asked& asked) {
  ASSIGN_OR_ANSWER(const When when, asked.moment());
  std::vector<Json> leases;
  const auto visit = [&](const leaseledger::LeaseRow& row) {
    leases.push_back(asked.json_of(row));
  };
  const Json& arguments = asked.arguments();
  if (arguments.is_object() && arguments.contains("subnets")) {
    const Json& subnets = arguments["subnets"];
    if (!subnets.is_array()) return {ResultCode::kError, "'subnets' parameter must be a list", {}};
    for (const Json& id : subnets) {
      if (!id.is_number_integer())
        return {ResultCode::kError, "listed subnet identifiers must be numbers", {}};
      const SubnetMap::Entry* entry =
          id.is_number_unsigned() && id.get<std::uint64_t>() <= 0xFFFF'FFFFU
              ? asked.subnets->with_number(id.get<std::uint32_t>())
              : nullptr;
      if (entry == nullptr) continue;
      if (const auto read = asked.each_in(entry->subnet.prefix, when, visit); !read)
        return problem(read.error());
    }
  } else if (const auto read = asked.each_in(Ipv6Prefix{}, when, visit); !read) {
    return problem(read.error());
  }
  return found(std::move(leases));
}

Reply LeaseCommands::get_page(Asked& asked) {
  const Json& arguments = asked.arguments();
  if (!arguments.is_object())
    return {ResultCode::kError, "no parameters specified for the lease6-get-page command", {}};
  ASSIGN_OR_ANSWER(const std::string from, required_text(arguments, "from"));
  std::optional<LeaseKey> after;
  if (from != "start") {
    const auto address = Ipv6Address::parse(from);
    if (!address && from.find(':') == std::string::npos && std::ranges::count(from, '.') == 3)
      return {ResultCode::kError, "'from' parameter value " + from + " is not an IPv6 address", {}};
    if (!address)
      return {ResultCode::kError,
              "'from' parameter value is neither 'start' keyword nor a valid IPv6 address",
              {}};
    after = LeaseKey{*address, kAddressLength};
  }
  const auto limit = arguments.find("limit");
  if (limit == arguments.end()) return {ResultCode::kError, "'limit' parameter not specified", {}};
  if (!limit->is_number_integer())
    return {ResultCode::kError, "'limit' parameter must be a number", {}};
  if (*limit == 0) return {ResultCode::kError, "page size of retrieved leases must not be 0", {}};
  if (!limit->is_number_unsigned() || limit->get<std::uint64_t>() > 0xFFFF'FFFFU)
    return {ResultCode::kError,
            "page size of retrieved leases must not be greater than 4294967295",
            {}};
  const auto wanted = limit->get<std::size_t>();
  ASSIGN_OR_ANSWER(When when, asked.moment());
  std::vector<Json> leases;
  do {
    ASSIGN_OR_ANSWER(const LeasePage page,
                     asked.service->leases_in(Ipv6Prefix{}, when, after,
                                              std::min(kPage, wanted - leases.size())));
    when = When::exactly(page.as_of);
    for (const auto& row : page.leases)
      if (is_leased(row)) leases.push_back(asked.json_of(row));
    after = page.next;
  } while (after && leases.size() < wanted);
  const std::size_t count = leases.size();
  return found(std::move(leases), Json{{"count", count}});
}

Reply LeaseCommands::get_by_duid(Asked& asked) {
  if (!asked.arguments().is_object())
    return {ResultCode::kError, "Command arguments missing or a not a map.", {}};
  ASSIGN_OR_ANSWER(const std::string text, required_text(asked.arguments(), "duid"));
  ASSIGN_OR_ANSWER(const Duid duid, read_identifier(text));
  ASSIGN_OR_ANSWER(const When when, asked.moment());
  ASSIGN_OR_ANSWER(const LeasePage page, asked.service->leases_of(duid, std::nullopt, when));
  std::vector<Json> leases;
  for (const auto& row : page.leases)
    if (is_leased(row) && row.lease.state != LeaseState::kDeclined)
      leases.push_back(asked.json_of(row));
  return found(std::move(leases));
}

Reply LeaseCommands::get_by_hostname(Asked& asked) {
  if (!asked.arguments().is_object())
    return {ResultCode::kError, "Command arguments missing or a not a map.", {}};
  ASSIGN_OR_ANSWER(std::string name, required_text(asked.arguments(), "hostname"));
  if (name.empty()) return {ResultCode::kError, "'hostname' parameter is empty", {}};
  name = lower(name);
  ASSIGN_OR_ANSWER(const When when, asked.moment());
  std::vector<Json> leases;
  if (const auto read = asked.each_in(Ipv6Prefix{}, when,
                                      [&](const leaseledger::LeaseRow& row) {
                                        if (lower(row.description.name) == name &&
                                            row.lease.state != LeaseState::kDeclined)
                                          leases.push_back(asked.json_of(row));
                                      });
      !read)
    return problem(read.error());
  return found(std::move(leases));
}

Reply LeaseCommands::history(Asked& asked) {
  const Json& arguments = asked.arguments();
  if (!arguments.is_object())
    return {ResultCode::kError, "Command arguments missing or a not a map.", {}};
  const Instant now = SystemClock().now();
  // When: [from, to), or the one moment "at", each made longer by "grace" behind the end of a span.
  When when;
  Instant from = Instant::min();
  Instant to = kForever;
  if (const auto at = arguments.find("at"); at != arguments.end() && at->is_number_unsigned()) {
    when.position = at->get<Position>();
  } else if (at != arguments.end()) {
    ASSIGN_OR_ANSWER(from, read_time(*at, "at"));
    to = from + std::chrono::nanoseconds{1};
  }
  if (arguments.contains("from")) {
    ASSIGN_OR_ANSWER(from, read_time(arguments["from"], "from"));
  }
  if (arguments.contains("to")) {
    ASSIGN_OR_ANSWER(to, read_time(arguments["to"], "to"));
  }
  std::chrono::seconds grace{0};
  if (const auto given = arguments.find("grace"); given != arguments.end()) {
    if (!given->is_number_unsigned() || given->get<std::uint64_t>() > 31'622'400)
      return {
          ResultCode::kError, "'grace' parameter is not a number of seconds, 0 to 31622400", {}};
    grace = std::chrono::seconds{given->get<std::int64_t>()};
  }
  std::size_t limit = kPage;
  if (const auto given = arguments.find("limit"); given != arguments.end()) {
    if (!given->is_number_unsigned() || *given == 0 || given->get<std::uint64_t>() > kMostSpans)
      return {ResultCode::kError, "'limit' parameter is not a number from 1 to 10000", {}};
    limit = given->get<std::size_t>();
  }

  std::vector<HeldSpan> spans;
  Position known = 0;
  Json extra = Json::object();
  const int given = static_cast<int>(arguments.contains("ip-address")) +
                    static_cast<int>(arguments.contains("duid")) +
                    static_cast<int>(arguments.contains("subnet-id"));
  if (given != 1)
    return {ResultCode::kError, "one of 'ip-address', 'duid' and 'subnet-id' is needed", {}};
  if (arguments.contains("ip-address")) {
    ASSIGN_OR_ANSWER(const std::string text, required_text(arguments, "ip-address"));
    const auto address = Ipv6Address::parse(text);
    if (!address)
      return {ResultCode::kError,
              "Failed to convert string to address '" + text + "': Invalid argument",
              {}};
    LeaseKey key{*address, kAddressLength};
    if (arguments.contains("prefix-len")) {
      const Json& length = arguments["prefix-len"];
      if (!length.is_number_unsigned() || length.get<std::uint64_t>() > kAddressLength ||
          address->masked(length.get<unsigned>()) != *address)
        return {ResultCode::kError,
                "'prefix-len' parameter is not the length of a prefix that begins with " + text,
                {}};
      key.length = length.get<std::uint8_t>();
    }
    // An address inside of a delegated prefix was held by whom the prefix was delegated to.
    ASSIGN_OR_ANSWER(SpansAnswer answer, asked.service->history(key, true, when));
    spans = std::move(answer.spans);
    known = answer.known;
  } else if (arguments.contains("duid")) {
    ASSIGN_OR_ANSWER(const std::string text, required_text(arguments, "duid"));
    ASSIGN_OR_ANSWER(const Duid duid, read_identifier(text));
    const Instant earliest = from == Instant::min() ? from : from - grace;
    ASSIGN_OR_ANSWER(SpansAnswer answer, asked.service->held_by(duid, earliest, to, when));
    spans = std::move(answer.spans);
    known = answer.known;
  } else {
    const Json& id = arguments["subnet-id"];
    const SubnetMap::Entry* entry =
        id.is_number_unsigned() && id.get<std::uint64_t>() <= 0xFFFF'FFFFU
            ? asked.subnets->with_number(id.get<std::uint32_t>())
            : nullptr;
    if (entry == nullptr)
      return {ResultCode::kError,
              "Invalid subnet-id: No IPv6 subnet with subnet-id=" + id.dump() +
                  " currently configured.",
              {}};
    std::optional<LeaseKey> after;
    if (arguments.contains("after")) {
      ASSIGN_OR_ANSWER(const std::string text, required_text(arguments, "after"));
      ASSIGN_OR_ANSWER(after, parse_lease_key(text, "after"));
    }
    ASSIGN_OR_ANSWER(const AsOf as_of, asked.service->resolve(when));
    known = as_of.known;
    ASSIGN_OR_ANSWER(const Queries queries, asked.ledger->queries());
    ASSIGN_OR_ANSWER(const auto keys, queries.keys_in(entry->subnet.prefix, known, after, limit));
    for (const LeaseKey& key : keys) {
      ASSIGN_OR_ANSWER(auto of_key, queries.history(key, false, known));
      std::ranges::move(of_key, std::back_inserter(spans));
    }
    // The next page begins behind this key.
    if (keys.size() == limit) extra["next"] = format_lease_key(keys.back());
  }
  std::vector<Json> out;
  for (const HeldSpan& held : spans) {
    const Span& span = held.span;
    const bool forever = span.until == kForever;
    if (span.from >= to || (!forever && span.until + grace <= from)) continue;
    Json json{
        {"ip-address", span.key.address.to_string()},
        {"type", name_of(held.type)},
        {"duid", held.duid.empty() ? "00" : held.duid.to_string()},
        {"iaid", static_cast<std::uint32_t>(held.iaid)},
        {"subnet", held.subnet.to_string()},
        {"subnet-id", held.description.server_subnet_id != 0 ? held.description.server_subnet_id
                                                             : asked.number_of(held.subnet)},
        {"hostname", held.description.name},
        {"from", format_instant(span.from)},
        {"until", format_instant(span.until)},
        {"renewals", span.renewals},
        {"ended", how_it_ended(span, now)},
        {"records", {{"first", span.first}, {"last", span.last}, {"end", span.end}}}};
    if (held.type == LeaseType::kPd) json["prefix-len"] = span.key.length;
    if (!held.description.owner_name.empty()) json["server"] = held.description.owner_name;
    const std::string& hardware = held.description.hardware_address;
    if (!hardware.empty())
      json["hw-address"] =
          to_hex({reinterpret_cast<const std::uint8_t*>(hardware.data()), hardware.size()}, ':');
    Json context = Json::parse(held.description.context, nullptr, false);
    if (context.is_object()) {
      if (context.contains(kOurContext)) {
        json["packet"] = context[kOurContext];
        context.erase(kOurContext);
      }
      if (!context.empty()) json["user-context"] = std::move(context);
    }
    out.push_back(std::move(json));
  }
  const std::string text = std::to_string(out.size()) + " span(s) found.";
  const bool none = out.empty();
  extra["spans"] = list_of(std::move(out));
  extra["position"] = known;
  return none ? nothing(text, std::move(extra)) : success(text, std::move(extra));
}

}  // namespace leaseledger::kea
