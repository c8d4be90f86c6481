// The questions: log, show, who, history, at, diff, expiring; client get and list.

#include "tools/cli/context.h"
#include "tools/cli/options.h"
#include "tools/cli/questions.h"
#include "tools/cli/render.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <thread>

namespace leaseledger::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;
constexpr std::size_t kPage = 1000;

std::uint32_t number(Iaid iaid) { return static_cast<std::uint32_t>(iaid); }

// ---- rows ---------------------------------------------------------------------------------------------------------

Json lease_row_json(const LeaseRow& row) {
  Json out;
  out["address"] = format_lease_key(row.lease.key);
  out["type"] = name_of(row.lease.type);
  out["state"] = name_of(row.lease.state);
  out["duid"] = row.lease.duid.to_string();
  out["iaid"] = number(row.lease.iaid);
  out["name"] = row.description.name;
  out["since"] = format_instant(row.since);
  out["validUntil"] = format_instant(row.lease.valid_until);
  out["preferredUntil"] = format_instant(row.lease.preferred_until);
  out["subnet"] = row.subnet.to_string();
  out["comment"] = row.description.comment;
  out["actor"] = row.actor;
  out["first"] = row.first;
  out["last"] = row.last;
  out["recordedAt"] = format_instant(row.recorded_at);
  out["effectiveAt"] = format_instant(row.effective_at);
  return out;
}

const std::vector<Column> kLeaseColumns = {
    {"address", "ADDRESS"}, {"type", "TYPE"}, {"state", "STATE"}, {"duid", "DUID"},
    {"iaid", "IAID"},       {"name", "NAME"}, {"since", "SINCE"}, {"validUntil", "VALID UNTIL"},
    {"last", "POSITION"}};

std::string ending(const Span& span, Instant now) {
  if (span.end != 0) return std::string(name_of(span.ended_by));
  return span.lapsed(now) ? "valid lifetime over" : "running";
}

/// What the reporting server said of the packet: adapters/kea/facts.h keeps it in the description.
Json packet_of(const Description& description) {
  const Json context = Json::parse(description.context, nullptr, false);
  return context.is_object() && context.contains("leaseledger") ? context["leaseledger"] : Json();
}

/// Octets in hexadecimal as text, when they are text.
std::string readable(const std::string& hex) {
  std::string octets;
  if (!from_hex(hex, octets) || octets.empty()) return hex;
  const bool plain = std::ranges::all_of(octets, [](char c) { return c > 0x20 && c < 0x7F; });
  return plain ? octets : hex;
}

/// The line that a client is on, as its relay named it: "subscriber-id sub-0077, interface-id ge-0/0/1".
std::string line_of(const Description& description) {
  const Json packet = packet_of(description);
  if (!packet.is_object() || !packet.contains("relays") || packet["relays"].empty()) return "";
  const Json& relay = packet["relays"][0];
  std::string out;
  for (const char* key : {"subscriber-id", "remote-id", "interface-id"})
    if (relay.contains(key) && relay[key].is_string())
      out += (out.empty() ? "" : ", ") + std::string(key) + " " +
             readable(relay[key].get<std::string>());
  if (relay.contains("link") && relay["link"].is_string())
    out += (out.empty() ? "link " : ", link ") + relay["link"].get<std::string>();
  return out;
}

Json span_json(const HeldSpan& held, Instant now) {
  Json out;
  out["address"] = format_lease_key(held.span.key);
  out["type"] = name_of(held.type);
  out["duid"] = held.duid.to_string();
  out["iaid"] = number(held.iaid);
  out["name"] = held.description.name;
  out["from"] = format_instant(held.span.from);
  out["until"] = format_instant(held.span.until);
  out["ended"] = ending(held.span, now);
  out["renewals"] = held.span.renewals;
  out["subnet"] = held.subnet.to_string();
  out["first"] = held.span.first;
  out["lastRenewal"] = held.span.last_renewal;
  if (held.span.end != 0) out["end"] = held.span.end;
  if (!held.description.owner_name.empty()) out["server"] = held.description.owner_name;
  if (Json packet = packet_of(held.description); !packet.is_null()) out["packet"] = packet;
  return out;
}

const std::vector<Column> kSpanColumns = {{"address", "ADDRESS"}, {"duid", "DUID"},
                                          {"iaid", "IAID"},       {"name", "NAME"},
                                          {"from", "FROM"},       {"until", "UNTIL"},
                                          {"ended", "ENDED BY"},  {"renewals", "RENEWALS"},
                                          {"first", "FIRST"},     {"lastRenewal", "LAST"},
                                          {"end", "END"}};

/// The state of knowledge: --known-at, or everything.
Result<Position> known_position(Service& ledger, const std::string& spec, Instant now) {
  if (spec.empty()) return leaseledger::position_of(ledger, {});
  return position_of(ledger, spec, now, "--known-at");
}

// ---- who, history ---------------------------------------------------------------------------------------------------

void print_holder(const HeldSpan& held, Instant now, bool through_delegation) {
  const std::string what = format_lease_key(held.span.key);
  std::printf("  %-10s%s%s%s\n", through_delegation ? "behind it" : "held by",
              held.duid.empty() ? "an unknown client" : ("DUID " + held.duid.to_string()).c_str(),
              (" IAID " + std::to_string(number(held.iaid))).c_str(),
              held.description.name.empty() ? "" : ("  " + held.description.name).c_str());
  const std::string kind = held.duid.describe();
  if (!kind.empty()) std::printf("            %s\n", kind.c_str());
  if (held.type == LeaseType::kPd)
    std::printf("  %-10s%s, a delegated prefix\n", "as", what.c_str());
  if (const std::string line = line_of(held.description); !line.empty())
    std::printf("  %-10s%s\n", "line", line.c_str());
  std::printf("  %-10s%s  position %llu\n", "since", format_instant(held.span.from).c_str(),
              static_cast<unsigned long long>(held.span.first));
  if (held.span.renewals != 0) {
    std::printf("  %-10s%llu time%s, last at position %llu\n", "renewed",
                static_cast<unsigned long long>(held.span.renewals),
                held.span.renewals == 1 ? "" : "s",
                static_cast<unsigned long long>(held.span.last_renewal));
  }
  if (held.span.end != 0) {
    std::printf("  %-10s%s  %s, position %llu\n", "until", format_instant(held.span.until).c_str(),
                std::string(name_of(held.span.ended_by)).c_str(),
                static_cast<unsigned long long>(held.span.end));
  } else {
    std::printf("  %-10s%s  %s\n", "until", format_instant(held.span.until).c_str(),
                ending(held.span, now).c_str());
  }
}

void add_who(CLI::App& app, Context& context) {
  auto* who = app.add_subcommand("who",
                                 "Who held an address at a time, seen through delegated prefixes "
                                 "too. Exit code 1 when nobody did");
  auto address = text(who, "ADDRESS", "Address");
  auto at = std::make_shared<std::string>("now");
  who->add_option("--at", *at, "Time at which it was held");
  auto known =
      optional_text(who, "--known-at", "Only what was recorded up to this position or time");
  on(who, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const Ipv6Address wanted, Ipv6Address::parse(*address, "ADDRESS"));
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const TimeSpec moment, parse_time_spec(*at, context.now(), "--at"));
    LEASELEDGER_ASSIGN(Position position, known_position(*ledger, *known, context.now()));
    Instant time{};
    if (const auto* instant = std::get_if<Instant>(&moment)) {
      time = *instant;
    } else {  // a position: what was known then, at the time of that record
      LEASELEDGER_ASSIGN(const AsOf then,
                         ledger->resolve({.position = std::get<Position>(moment)}));
      time = then.judged_at;
      if (known->empty()) position = then.known;
    }
    LEASELEDGER_ASSIGN(const Holders answer,
                       ledger->who(wanted, {.position = position, .effective = time}));
    if (context.format() == Format::kTable) {
      std::printf("%s at %s\n", wanted.to_string().c_str(), format_instant(time).c_str());
      for (std::size_t i = 0; i < answer.holders.size(); ++i)
        print_holder(answer.holders[i], context.now(), i > 0);
      if (answer.holders.empty()) {
        std::printf("  held by   nobody\n");
        if (answer.before)
          std::printf("  before    DUID %s until %s  position %llu\n",
                      answer.before->duid.to_string().c_str(),
                      format_instant(answer.before->span.until).c_str(),
                      static_cast<unsigned long long>(answer.before->span.first));
        if (answer.after)
          std::printf("  after     DUID %s from %s  position %llu\n",
                      answer.after->duid.to_string().c_str(),
                      format_instant(answer.after->span.from).c_str(),
                      static_cast<unsigned long long>(answer.after->span.first));
      }
      std::printf("  as of     position %llu%s\n",
                  static_cast<unsigned long long>(answer.as_of.known),
                  answer.holders.empty()
                      ? ""
                      : ("; leaseledger show " + std::to_string(answer.holders.front().span.first))
                            .c_str());
    } else {
      Rows rows(context.format(), "holders", kSpanColumns);
      for (const auto& holder : answer.holders) {
        Json json = span_json(holder, context.now());
        json["at"] = format_instant(time);
        json["asOf"] = answer.as_of.known;
        rows.add(json);
      }
      rows.finish();
    }
    return answer.holders.empty() ? kNegative : kOk;
  });
  example(who, "leaseledger who 2001:db8:1::42 --at '2026-03-03 14:05'");
  example(who, "leaseledger who 2001:db8:1::42 --at yesterday --known-at -7d -o json");
}

void add_history(CLI::App& app, Context& context) {
  auto* history = app.add_subcommand(
      "history",
      "Who held an address or prefix, or what a DUID held, as spans: contiguous renewals are one");
  auto subject =
      text(history, "ADDRESS|DUID", "Address, prefix with its length, or DUID in hexadecimal");
  auto from = optional_text(history, "--from", "Only what was held after this time");
  auto to = optional_text(history, "--to", "Only what was held before this time");
  auto known =
      optional_text(history, "--known-at", "Only what was recorded up to this position or time");
  on(history, context, [=, &context]() -> Result<int> {
    Instant begin = Instant::min();
    Instant end = Instant::max();
    if (!from->empty()) {
      LEASELEDGER_ASSIGN(begin, parse_time(*from, context.now(), "--from"));
    }
    if (!to->empty()) {
      LEASELEDGER_ASSIGN(end, parse_time(*to, context.now(), "--to"));
    }
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const Position position, known_position(*ledger, *known, context.now()));
    std::vector<HeldSpan> spans;
    if (const auto key = parse_lease_key(*subject, "ADDRESS|DUID")) {
      LEASELEDGER_ASSIGN(auto answer, ledger->history(*key, true, {.position = position}));
      spans = std::move(answer.spans);
      std::erase_if(spans, [&](const HeldSpan& held) {
        return held.span.until <= begin || held.span.from >= end;
      });
    } else {
      auto duid = Duid::parse(*subject, "ADDRESS|DUID");
      if (!duid || duid->empty())
        return invalid("ADDRESS|DUID", *subject,
                       "an address, a prefix with its length, or a DUID such as "
                       "00:03:00:01:02:00:5e:10:00:01");
      LEASELEDGER_ASSIGN(auto answer, ledger->held_by(*duid, begin, end, {.position = position}));
      spans = std::move(answer.spans);
    }
    Rows rows(context.format(), "spans", kSpanColumns);
    for (const auto& held : spans) rows.add(span_json(held, context.now()));
    rows.finish("nobody and nothing, as of position " + std::to_string(position));
    return spans.empty() ? kNegative : kOk;
  });
  example(history, "leaseledger history 2001:db8:1::42");
  example(history,
          "leaseledger history 00:03:00:01:02:00:5e:10:00:01 --from 2026-03-01 --to 2026-04-01");
}

// ---- log, show ------------------------------------------------------------------------------------------------------

Result<Position> log_bound(Service& ledger, const std::string& spec, Instant now, bool lower) {
  LEASELEDGER_ASSIGN(const TimeSpec moment, parse_time_spec(spec, now, lower ? "--from" : "--to"));
  if (const auto* position = std::get_if<Position>(&moment)) return *position;
  const Instant time = std::get<Instant>(moment);
  LEASELEDGER_ASSIGN(const Position last,
                     leaseledger::position_of(
                         ledger, {.known_at = lower ? time - std::chrono::nanoseconds{1} : time}));
  return lower ? last + 1 : last;
}

using Show = std::function<bool(const Record&)>;

/// What is recorded behind `seen`, as it comes.
Status follow_daemon(Service& ledger, LogFilter filter, Position seen, Rows& rows,
                     const Show& show) {
  rows.flush();
  const Position to = filter.to;
  Position newest = seen;
  Status status;
  LEASELEDGER_TRY(ledger.follow(
      seen + 1,
      [&](const StoredRecord& stored) {
        newest = stored.position;
        return interrupted == 0;
      },
      [&] {
        if (newest > seen) {
          filter.from = std::max(filter.from, seen + 1);
          filter.to = std::min(to, newest);
          seen = newest;
          if (filter.from <= filter.to) status = ledger.log(filter, show);
          rows.flush();
        }
        return status.has_value() && interrupted == 0;
      }));
  return status;
}

/// The same by looking again and again; others can have the directory between two looks.
Status follow_directory(const Context& context, Opened& ledger, LogFilter filter, Position seen,
                        Rows& rows, const Show& show) {
  while (interrupted == 0) {
    rows.flush();
    LEASELEDGER_TRY(ledger.close());
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    auto opened = context.open();
    while (!opened && opened.error().kind == ErrorKind::kBusy && interrupted == 0)
      opened = context.open();
    if (interrupted != 0) return {};
    if (!opened) return tl::unexpected(opened.error());
    ledger = std::move(*opened);
    filter.from = std::max(filter.from, seen + 1);
    LEASELEDGER_ASSIGN(seen, leaseledger::position_of(*ledger, {}));
    LEASELEDGER_TRY(ledger->log(filter, show));
  }
  return {};
}

void add_log(CLI::App& app, Context& context) {
  auto* log =
      app.add_subcommand("log", "The audit log: every change and every refusal, with who and when");
  auto from = optional_text(log, "--from", "First position, or recorded at or after this time");
  auto to = optional_text(log, "--to", "Last position, or recorded at or before this time");
  auto address = optional_text(log, "--address",
                               "About this address or prefix, one around it or one inside of it");
  auto duid = optional_text(log, "--duid", "About this client");
  auto actor = optional_text(log, "--actor", "By this principal, such as unix:alice");
  auto kind = optional_text(log, "--kind", "Of this kind, such as ClientCreated or CommandRefused");
  auto limit = std::make_shared<std::uint64_t>(0);
  log->add_option("--limit", *limit, "At most so many");
  auto reverse = std::make_shared<bool>(false);
  log->add_flag("--reverse", *reverse, "Newest first");
  auto follow = std::make_shared<bool>(false);
  log->add_flag("--follow", *follow,
                "Then wait for more, until interrupted; others can use the ledger meanwhile");
  on(log, context, [=, &context]() -> Result<int> {
    LogFilter filter;
    LEASELEDGER_ASSIGN(auto ledger, context.open());
    if (!from->empty()) {
      LEASELEDGER_ASSIGN(filter.from, log_bound(*ledger, *from, context.now(), true));
    }
    if (!to->empty()) {
      LEASELEDGER_ASSIGN(filter.to, log_bound(*ledger, *to, context.now(), false));
    }
    if (!address->empty()) {
      LEASELEDGER_ASSIGN(filter.key, parse_lease_key(*address, "--address"));
    }
    if (!duid->empty()) {
      LEASELEDGER_ASSIGN(filter.duid, Duid::parse(*duid, "--duid"));
    }
    filter.actor = *actor;
    if (!kind->empty()) {
      filter.kind = event_kind_from_name(*kind);
      if (!filter.kind) {
        std::string names;
        for (std::uint16_t i = 1; i < kEventKinds; ++i)
          names += (i == 1 ? "" : ", ") + std::string(name_of(static_cast<EventKind>(i)));
        return invalid("--kind", *kind, "one of " + names);
      }
    }
    if (*limit != 0) filter.limit = *limit;
    filter.direction = *reverse ? Direction::kBackward : Direction::kForward;
    if (*reverse && *follow) return invalid("--follow", "", "to be given without --reverse");
    Rows rows(context.format(), "records",
              {{"position", "POSITION"},
               {"recordedAt", "RECORDED"},
               {"effectiveAt", "EFFECTIVE"},
               {"kind", "KIND"},
               {"summary", "WHAT"},
               {"actor", "ACTOR"},
               {"cause", "CAUSE"}});
    const auto show = [&](const Record& record) {
      Json json = record_json(record);
      json["summary"] = summary_of(record);
      rows.add(json);
      if (rows.count() % 500 == 0) rows.flush();
      return true;
    };
    LEASELEDGER_ASSIGN(Position seen, leaseledger::position_of(*ledger, {}));
    LEASELEDGER_TRY(ledger->log(filter, show));
    if (*follow) {
      std::signal(SIGINT, [](int) { interrupted = 1; });
      std::signal(SIGTERM, [](int) { interrupted = 1; });
      LEASELEDGER_TRY(ledger.is_daemon()
                          ? follow_daemon(*ledger, filter, seen, rows, show)
                          : follow_directory(context, ledger, filter, seen, rows, show));
    }
    rows.finish("no records");
    return kOk;
  });
  example(log, "leaseledger log --reverse --limit 20");
  example(log, "leaseledger log --address 2001:db8:1::42 --from 2026-03-01 -o jsonl");
  example(log, "leaseledger log --kind CommandRefused --actor unix:alice");
}

void add_show(CLI::App& app, Context& context) {
  auto* show =
      app.add_subcommand("show", "One record with everything in it, and its place in the tree");
  auto position = std::make_shared<Position>(0);
  show->add_option("POSITION", *position, "Position of the record")->required();
  on(show, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const Record record, read_record(ledger->log(), *position));
    Json json = record_json(record);
    LEASELEDGER_TRY(ledger->log().read(*position, *position, Direction::kForward,
                                       [&](const StoredRecord& stored) {
                                         json["leaf"] = hash_text(Sha256().leaf(stored.bytes));
                                         json["bytes"] = stored.bytes.size();
                                         return true;
                                       }));
    if (context.format() == Format::kTable) {
      Json flat;
      for (const auto& [name, value] : json.items()) {
        if (!value.is_object()) {
          flat[name] = value;
          continue;
        }
        for (const auto& [inner, inner_value] : value.items())
          flat[name + "." + inner] = inner_value;
      }
      write_object(context.format(), flat);
    } else {
      write_object(context.format(), json);
    }
    return kOk;
  });
  example(show, "leaseledger show 123 -o json");
}

// ---- at, diff, expiring -----------------------------------------------------------------------------------------------

void add_at(CLI::App& app, Context& context) {
  auto* at = app.add_subcommand("at",
                                "The state at a position or a recording time, replayed from the "
                                "nearest snapshot: subnets and leases");
  auto moment = text(at, "N|TIME", "Position or time");
  auto limit = std::make_shared<std::size_t>(1000);
  at->add_option("--limit", *limit, "At most so many leases; 0 for all");
  on(at, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const Position position,
                       position_of(*ledger, *moment, context.now(), "N|TIME"));
    ProgressBar bar("replay");
    LEASELEDGER_ASSIGN(const auto state,
                       ledger->state_at(position, [&](Position done, Position total) {
                         return bar(done, total);
                       }));
    if (context.format() == Format::kTable) {
      std::printf("position %llu, recorded %s, %llu subnets, %llu leases, state %s\n",
                  static_cast<unsigned long long>(position),
                  format_instant(state->recorded_at()).c_str(),
                  static_cast<unsigned long long>(state->subnets()),
                  static_cast<unsigned long long>(state->leases()),
                  hash_text(state->digest()).substr(0, 16).c_str());
    }
    Rows rows(context.format(), "leases",
              {{"address", "ADDRESS"},
               {"type", "TYPE"},
               {"state", "STATE"},
               {"duid", "DUID"},
               {"iaid", "IAID"},
               {"validUntil", "VALID UNTIL"},
               {"subnet", "SUBNET"},
               {"last", "POSITION"}});
    std::optional<LeaseKey> after;
    for (std::size_t left = *limit == 0 ? ~std::size_t{0} : *limit; left > 0;) {
      LEASELEDGER_ASSIGN(const auto page, state->page(after, std::min<std::size_t>(left, kPage)));
      for (const auto& row : page.rows) {
        Json json = lease_json(row.lease.lease);
        json["subnet"] = row.subnet.to_string();
        json["last"] = row.lease.last;
        json["asOf"] = position;
        rows.add(json);
      }
      left -= page.rows.size();
      after = page.next;
      if (!after) break;
    }
    rows.finish("no leases");
    if (*limit != 0 && state->leases() > *limit)
      std::fprintf(stderr, "%llu more; --limit 0 shows all\n",
                   static_cast<unsigned long long>(state->leases() - *limit));
    return kOk;
  });
  example(at, "leaseledger at 1234");
  example(at, "leaseledger at yesterday --limit 0 -o csv");
}

void add_diff(CLI::App& app, Context& context) {
  auto* diff = app.add_subcommand("diff",
                                  "What changed between two moments: leases created, changed, "
                                  "ended, and sums for each subnet. Exit code 1 when anything did");
  auto from = text(diff, "A", "Position or time");
  auto to = text(diff, "B", "Position or time");
  auto only_subnets = std::make_shared<bool>(false);
  diff->add_flag("--summary", *only_subnets, "Only the sums for each subnet");
  on(diff, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const Position a, position_of(*ledger, *from, context.now(), "A"));
    LEASELEDGER_ASSIGN(const Position b, position_of(*ledger, *to, context.now(), "B"));
    LEASELEDGER_ASSIGN(const Difference difference, ledger->diff(a, b));
    if (!*only_subnets) {
      Rows rows(context.format(), "leaseDifferences",
                {{"change", "CHANGE"},
                 {"address", "ADDRESS"},
                 {"duid", "DUID"},
                 {"was", "WAS"},
                 {"fields", "CHANGED"},
                 {"last", "POSITION"}});
      for (const auto& each : difference.leases) {
        const BookLease& shown = each.after ? *each.after : *each.before;
        Json json;
        json["change"] = name_of(each.change);
        json["address"] = format_lease_key(shown.lease.key);
        json["duid"] = shown.lease.duid.to_string();
        if (each.before && each.after && each.before->lease.duid != each.after->lease.duid)
          json["was"] = each.before->lease.duid.to_string();
        std::string fields;
        for (const auto& field : each.fields) fields += (fields.empty() ? "" : " ") + field;
        json["fields"] = fields;
        json["last"] = shown.last;
        if (context.format() != Format::kTable) {
          json["before"] = each.before ? lease_json(each.before->lease) : Json();
          json["after"] = each.after ? lease_json(each.after->lease) : Json();
        }
        rows.add(json);
      }
      rows.finish("no lease differs");
      if (context.format() == Format::kTable) std::printf("\n");
    }
    if (*only_subnets || context.format() == Format::kTable) {
      Rows rows(context.format(), "subnetDifferences",
                {{"subnet", "SUBNET"},
                 {"itself", "ITSELF"},
                 {"created", "CREATED"},
                 {"changed", "CHANGED"},
                 {"ended", "ENDED"}});
      for (const auto& each : difference.subnets) {
        rows.add({{"subnet", each.prefix.to_string()},
                  {"itself", each.subnet ? Json(name_of(*each.subnet)) : Json()},
                  {"created", each.created},
                  {"changed", each.changed},
                  {"ended", each.ended}});
      }
      rows.finish("no subnet differs");
    }
    return difference.empty() ? kOk : kNegative;
  });
  example(diff, "leaseledger diff 100 200");
  example(diff, "leaseledger diff yesterday now --summary");
}

void add_expiring(CLI::App& app, Context& context) {
  auto* expiring =
      app.add_subcommand("expiring", "Leases by the end of their valid lifetime, soonest first");
  auto from = optional_text(expiring, "--from", "Ending at or after this time; now when not given");
  auto to = optional_text(expiring, "--to", "Ending before this time; in a day when not given");
  auto limit = std::make_shared<std::size_t>(100);
  expiring->add_option("--limit", *limit, "At most so many");
  auto moment = std::make_shared<AsOfOptions>();
  moment->at =
      optional_text(expiring, "--at", "What the ledger said at a position or a recording time");
  on(expiring, context, [=, &context]() -> Result<int> {
    Instant begin = context.now();
    if (!from->empty()) {
      LEASELEDGER_ASSIGN(begin, parse_time(*from, context.now(), "--from"));
    }
    Instant end = begin + std::chrono::hours{24};
    if (!to->empty()) {
      LEASELEDGER_ASSIGN(end, parse_time(*to, context.now(), "--to"));
    }
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const When when, moment->when(context));
    LEASELEDGER_ASSIGN(const auto page, ledger->expiring(begin, end, when, *limit));
    Rows rows(context.format(), "leases", kLeaseColumns);
    for (const auto& lease : page.leases) rows.add(lease_row_json(lease));
    rows.finish("none");
    return kOk;
  });
  example(expiring, "leaseledger expiring --to 2026-03-04");
}

}  // namespace

void add_client_questions(CLI::App* group, Context& context) {
  auto* get = group->add_subcommand(
      "get", "One lease with everything that is known of it. Exit code 1 when there is none");
  auto address = text(get, "ADDRESS", "Address or delegated prefix");
  auto get_moment = std::make_shared<AsOfOptions>();
  get_moment->add_to(get);
  on(get, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const LeaseKey key, parse_lease_key(*address, "ADDRESS"));
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const When when, get_moment->when(context));
    LEASELEDGER_ASSIGN(const auto answer, ledger->lease(key, when));
    const auto& row = answer.lease;
    if (!row) {
      return fail(
          Win32::kDhcpJetError, ErrorKind::kNotFound, "ADDRESS", *address,
          "an address with a live record, as of position " + std::to_string(answer.as_of.known));
    }
    Json json = lease_row_json(*row);
    const Json description = description_json(row->description);
    for (const auto& [name, value] : description.items()) json[name] = value;
    json["asOf"] = answer.as_of.known;
    write_object(context.format(), json);
    return kOk;
  });
  example(get, "leaseledger client get 2001:db8:1::5 --at -2h");

  auto* list = group->add_subcommand(
      "list", "Leases of a subnet or any prefix, or of a client, in address order");
  auto prefix =
      optional_text(list, "--prefix",
                    "Subnet (its delegated prefixes too) or any prefix; everything when not given");
  auto duid = optional_text(list, "--duid", "Only of this client");
  auto iaid = std::make_shared<std::optional<std::uint32_t>>();
  list->add_option("--iaid", *iaid, "Only of this IAID of the client");
  auto after = optional_text(list, "--after", "Continue behind this address or prefix");
  auto limit = std::make_shared<std::size_t>(0);
  list->add_option("--limit", *limit, "At most so many; all when not given");
  auto list_moment = std::make_shared<AsOfOptions>();
  list_moment->add_to(list);
  on(list, context, [=, &context]() -> Result<int> {
    Ipv6Prefix wanted{};
    if (!prefix->empty()) {
      LEASELEDGER_ASSIGN(wanted, Ipv6Prefix::parse(*prefix, "--prefix"));
    }
    std::optional<LeaseKey> behind;
    if (!after->empty()) {
      LEASELEDGER_ASSIGN(behind, parse_lease_key(*after, "--after"));
    }
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    LEASELEDGER_ASSIGN(const When asked, list_moment->when(context));
    LEASELEDGER_ASSIGN(const AsOf then, ledger->resolve(asked));
    const When when = When::exactly(then);
    Rows rows(context.format(), "leases", kLeaseColumns);
    if (!duid->empty()) {
      LEASELEDGER_ASSIGN(const Duid client, Duid::parse(*duid, "--duid"));
      const std::optional<Iaid> association = *iaid ? std::optional(Iaid{**iaid}) : std::nullopt;
      LEASELEDGER_ASSIGN(const auto page, ledger->leases_of(client, association, when));
      for (const auto& lease : page.leases) rows.add(lease_row_json(lease));
    } else {
      for (std::size_t left = *limit == 0 ? ~std::size_t{0} : *limit; left > 0;) {
        LEASELEDGER_ASSIGN(
            const LeasePage page,
            ledger->leases_in(wanted, when, behind, std::min<std::size_t>(left, kPage)));
        for (const auto& lease : page.leases) rows.add(lease_row_json(lease));
        left -= page.leases.size();
        behind = page.next;
        if (!behind) break;
      }
    }
    rows.finish("no leases, as of position " + std::to_string(then.known));
    if (behind && *limit != 0 && context.format() == Format::kTable) {
      std::fprintf(stderr, "more: --after %s --at %llu\n", format_lease_key(*behind).c_str(),
                   static_cast<unsigned long long>(then.known));
    }
    return kOk;
  });
  example(list, "leaseledger client list --prefix 2001:db8:1::/64 --limit 20");
  example(list,
          "leaseledger client list --duid 00:03:00:01:02:00:5e:10:00:01 --effective yesterday");
}

void add_question_verbs(CLI::App& app, Context& context) {
  add_who(app, context);
  add_history(app, context);
  add_log(app, context);
  add_show(app, context);
  add_at(app, context);
  add_diff(app, context);
  add_expiring(app, context);
}

}  // namespace leaseledger::cli
