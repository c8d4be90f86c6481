// Every question, at random positions and times on both axes, against an oracle that keeps all records and answers by going
// through them. Views are stored after every few records and opened anew, so that answers come from files, from memory and
// from both.

#include "projections/projector.h"
#include "projections/queries.h"
#include "tests/projections/random_facts.h"
#include "tests/support/temporary_directory.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

namespace leaseledger::test {
namespace {

bool ends(EventKind kind) {
  return kind == EventKind::kLeaseReleased || kind == EventKind::kLeaseExpired ||
         kind == EventKind::kClientDeleted;
}

/// Answers by brute force from the records up to one position.
class Oracle {
 public:
  Oracle(const std::vector<Record>& records, Position known)
      : records_(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(known)) {}

  struct Hold {
    LeaseKey key;
    Duid duid;
    Iaid iaid{};
    Instant from{};
    Instant until{};
    std::string name;                  // of the description
    std::vector<const Record*> facts;  // those that kept it, in log order
    Position end = 0;
    bool covers(Instant time) const { return from <= time && time < until; }
  };

  std::vector<const Record*> facts(const LeaseKey& key) const {
    std::vector<const Record*> out;
    for (const auto& record : records_) {
      const auto* fact = lease_fact_of(record.event);
      if (fact != nullptr && fact->lease.key == key) out.push_back(&record);
    }
    return out;
  }

  std::set<LeaseKey> keys() const {
    std::set<LeaseKey> out;
    for (const auto& record : records_) {
      if (const auto* fact = lease_fact_of(record.event)) out.insert(fact->lease.key);
    }
    return out;
  }

  /// Tenure by tenure: its active facts up to the one that ends it. Each keeps the key from when it took effect, or from
  /// the beginning if that is later, until its valid lifetime ends or the next one says otherwise.
  std::vector<Hold> holds(const LeaseKey& key) const {
    std::vector<Hold> out;
    const auto all = facts(key);
    std::set<Position> tenures;
    for (const auto* record : all) tenures.insert(lease_fact_of(record->event)->lease.tenure);
    for (const Position tenure : tenures) {
      std::vector<const Record*> kept;
      const Record* end = nullptr;
      for (const auto* record : all) {
        const auto& lease = lease_fact_of(record->event)->lease;
        const EventKind kind = kind_of(record->event);
        const bool starts_another =
            record->position > tenure && lease.tenure != tenure && lease.tenure == record->position;
        const bool over =
            lease.tenure == tenure && (ends(kind) || kind == EventKind::kLeaseDeclined);
        if (record->position < tenure || end != nullptr) continue;
        if (over || starts_another) {
          end = record;
        } else if (lease.state == LeaseState::kActive) {
          kept.push_back(record);
        }
      }
      append_holds(key, kept, end, out);
    }
    return out;
  }

  const Record& at(Position position) const { return records_[position - 1]; }
  const std::vector<Record>& records() const { return records_; }

  std::string description_of(const Lease& lease) const {
    return lease_fact_of(at(lease.described).event)->description->name;
  }

  Subnet subnet(SubnetId id) const {
    Subnet out;
    for (const auto& record : records_) {
      std::visit(
          [&](const auto& event) {
            if constexpr (requires { event.subnet.preference; }) {
              if (event.subnet.id == id) out = event.subnet;
            }
          },
          record.event);
    }
    return out;
  }
  SubnetId live_subnet(const Ipv6Prefix& prefix) const {
    SubnetId out = 0;
    for (const auto& record : records_) {
      if (const auto* e = std::get_if<SubnetCreated>(&record.event);
          e && e->subnet.prefix == prefix)
        out = e->subnet.id;
      if (const auto* e = std::get_if<SubnetDeleted>(&record.event);
          e && e->subnet.prefix == prefix)
        out = 0;
    }
    return out;
  }

 private:
  void append_holds(const LeaseKey& key, const std::vector<const Record*>& kept, const Record* end,
                    std::vector<Hold>& out) const {
    if (kept.empty()) return;
    std::vector<Hold> holds;  // with gaps between them
    for (const auto* record : kept) {
      const auto& lease = lease_fact_of(record->event)->lease;
      const bool edit =
          kind_of(record->event) == EventKind::kClientChanged && lease.tenure != record->position;
      Hold next{key,
                lease.duid,
                lease.iaid,
                record->effective_at,
                std::max(record->effective_at, lease.valid_until),
                description_of(lease),
                {record}};
      if (!holds.empty() && (edit || record->effective_at <= holds.back().until)) {
        Hold& hold = holds.back();
        hold.facts.push_back(record);
        hold.name = next.name;
        if (!edit) {
          if (holds.size() > 1) hold.from = std::min(hold.from, record->effective_at);
          hold.until = std::max(hold.from, lease.valid_until);
        }
        while (holds.size() > 1 && holds[holds.size() - 2].until >= holds.back().from) {
          Hold later = holds.back();
          holds.pop_back();
          Hold& earlier = holds.back();
          earlier.from = std::min(earlier.from, later.from);
          earlier.until = later.until;
          earlier.name = later.name;
          earlier.facts.insert(earlier.facts.end(), later.facts.begin(), later.facts.end());
        }
      } else {
        holds.push_back(next);
      }
    }
    if (end != nullptr) {
      for (auto& hold : holds)
        hold.until = std::max(hold.from, std::min(hold.until, end->effective_at));
      holds.back().end = end->position;
    }
    out.insert(out.end(), holds.begin(), holds.end());
  }

  std::vector<Record> records_;
};

std::string text(const LeaseKey& key, const Duid& duid, Iaid iaid, Instant from, Instant until,
                 std::string_view name, Position first, Position last, Position end) {
  return format_lease_key(key) + " " + duid.to_string() + "/" +
         std::to_string(static_cast<std::uint32_t>(iaid)) + " " + format_instant(from) + " to " +
         format_instant(until) + " " + std::string(name) + " " + std::to_string(first) + "-" +
         std::to_string(last) + "-" + std::to_string(end);
}
std::string text(const Oracle::Hold& h) {
  return text(h.key, h.duid, h.iaid, h.from, h.until, h.name, h.facts.front()->position,
              h.facts.back()->position, h.end);
}
std::string text(const HeldSpan& h) {
  return text(h.span.key, h.duid, h.iaid, h.span.from, h.span.until, h.description.name,
              h.span.first, h.span.last, h.span.end);
}

class ProjectionModel : public ::testing::Test {
 protected:
  void reopen(std::size_t flush_events = 40) {
    projector_.reset();
    ProjectorOptions options;
    options.flush_events = 1 + random_.below(flush_events);
    options.on_rebuild = [](const Error& error) { ADD_FAILURE() << error.to_string(); };
    projector_ = Projector::open(facts_.log(), folder_.path() / "views", options).value();
    ASSERT_TRUE(projector_->catch_up(facts_.log().tail()));
  }

  Instant some_time() {
    const Instant start = facts_.records().front().recorded_at - std::chrono::seconds{50};
    const auto length = static_cast<std::uint64_t>((facts_.now() - start).count());
    return start + std::chrono::nanoseconds{random_.below(length + 60'000'000'000)};
  }
  Position some_position() { return 1 + random_.below(facts_.records().size()); }

  /// The row that the oracle has for `key`, and its proving record.
  static const Record* expected(const Oracle& oracle, const LeaseKey& key, const AsOf& as_of) {
    if (as_of.effective) {
      const Record* out = nullptr;
      for (const auto& hold : oracle.holds(key)) {  // the last that covers it
        if (!hold.covers(*as_of.effective)) continue;
        out = hold.facts.front();
        for (const auto* record : hold.facts) {
          if (record->effective_at <= *as_of.effective) out = record;
        }
      }
      return out;
    }
    const auto facts = oracle.facts(key);
    if (facts.empty() || ends(kind_of(facts.back()->event))) return nullptr;
    return lease_fact_of(facts.back()->event)->lease.valid_until > as_of.judged_at ? facts.back()
                                                                                   : nullptr;
  }

  static void compare_row(const Oracle& oracle, const LeaseRow& row, const Record& wanted) {
    const auto& lease = lease_fact_of(wanted.event)->lease;
    ASSERT_EQ(row.last, wanted.position);
    ASSERT_EQ(row.lease, lease);
    ASSERT_EQ(row.description.name, oracle.description_of(lease));
    ASSERT_EQ(row.first, lease.tenure);
    ASSERT_EQ(row.since, oracle.at(lease.tenure).effective_at);
    ASSERT_EQ(row.recorded_at, wanted.recorded_at);
    ASSERT_EQ(row.effective_at, wanted.effective_at);
    ASSERT_EQ(row.actor, wanted.actor);
    ASSERT_EQ(row.subnet, oracle.subnet(lease.subnet_id).prefix);
    ASSERT_EQ(row.subnet_name, oracle.subnet(lease.subnet_id).name);
  }

  void compare_leases(const Queries& queries, const Oracle& oracle, const AsOf& as_of) {
    std::map<LeaseKey, const Record*> live;
    for (const auto& key : oracle.keys()) {
      const Record* wanted = expected(oracle, key, as_of);
      if (wanted != nullptr) live[key] = wanted;
      const auto row = queries.lease(key, as_of).value();
      ASSERT_EQ(row.has_value(), wanted != nullptr) << format_lease_key(key);
      if (row) compare_row(oracle, *row, *wanted);
      if (HasFatalFailure()) return;
    }
    // Everything, then each subnet with its pools, page by page.
    std::vector<Ipv6Prefix> prefixes = RandomFacts::subnets();
    prefixes.push_back(Ipv6Prefix{});
    prefixes.push_back(RandomFacts::prefix("2001:db8:100::/60"));
    for (const auto& prefix : prefixes) {
      const SubnetId id = oracle.live_subnet(prefix);
      std::vector<LeaseKey> wanted;
      for (const auto& [key, record] : live) {
        if (prefix.contains(key) ||
            (id == 1 && RandomFacts::prefix("2001:db8:100::/40").contains(key)))
          wanted.push_back(key);
      }
      std::vector<LeaseKey> listed;
      std::optional<LeaseKey> after;
      do {
        const auto page = queries.leases_in(prefix, as_of, after, 1 + random_.below(4)).value();
        for (const auto& row : page.leases) listed.push_back(row.lease.key);
        after = page.next;
      } while (after);
      ASSERT_EQ(listed, wanted) << prefix.to_string();
    }
    const Duid duid = facts_.duid();
    const auto iaid = random_.one_in(2) ? std::optional(facts_.iaid()) : std::nullopt;
    std::vector<LeaseKey> wanted;
    for (const auto& [key, record] : live) {
      const auto& lease = lease_fact_of(record->event)->lease;
      if (lease.duid == duid && (!iaid || lease.iaid == *iaid)) wanted.push_back(key);
    }
    std::vector<LeaseKey> listed;
    const auto of_client = queries.leases_of(duid, iaid, as_of).value();
    for (const auto& row : of_client) listed.push_back(row.lease.key);
    ASSERT_EQ(listed, wanted) << duid.to_string();

    const Instant from = as_of.judged_at;
    const Instant to = from + std::chrono::seconds{random_.below(60)};
    std::multimap<Instant, LeaseKey> ending;
    for (const auto& key : oracle.keys()) {
      // An end at `from` itself is over by then, and asked for all the same.
      AsOf any = as_of;
      if (!any.effective) any.judged_at = kUnset;
      const Record* record = expected(oracle, key, any);
      if (record == nullptr) continue;
      const Instant end = lease_fact_of(record->event)->lease.valid_until;
      if (end >= from && end < to) ending.emplace(end, key);
    }
    std::multiset<std::string> said;
    std::multiset<std::string> should;
    const auto expiring = queries.expiring(from, to, as_of, 1000).value();
    for (const auto& row : expiring)
      said.insert(format_instant(row.lease.valid_until) + format_lease_key(row.lease.key));
    for (const auto& [end, key] : ending)
      should.insert(format_instant(end) + format_lease_key(key));
    ASSERT_EQ(said, should);
  }

  void compare_holds(const Queries& queries, const Oracle& oracle) {
    const Position known = oracle.records().size();
    std::map<LeaseKey, std::vector<Oracle::Hold>> all;
    for (const auto& key : oracle.keys()) all[key] = oracle.holds(key);

    const Ipv6Address address = facts_.address();
    const Instant time = some_time();
    std::vector<std::string> wanted;
    std::optional<Instant> before;
    std::optional<Instant> after;
    for (int length = 128; length >= 0; --length) {
      const auto it = all.find(
          {address.masked(static_cast<unsigned>(length)), static_cast<std::uint8_t>(length)});
      if (it == all.end()) continue;
      std::string holder;
      for (const auto& hold : it->second) {
        if (hold.covers(time)) holder = text(hold);
        if (hold.until <= time && hold.from < hold.until)
          before = std::max(before.value_or(kUnset), hold.until);
        if (hold.from > time) after = std::min(after.value_or(kForever), hold.from);
      }
      if (!holder.empty()) wanted.push_back(holder);
    }
    const auto answer = queries.who(address, time, known).value();
    std::vector<std::string> said;
    for (const auto& holder : answer.holders) said.push_back(text(holder));
    ASSERT_EQ(said, wanted) << address.to_string() << " at " << format_instant(time);
    if (wanted.empty()) {
      ASSERT_EQ(answer.before.has_value(), before.has_value());
      ASSERT_EQ(answer.after.has_value(), after.has_value());
      if (before) ASSERT_EQ(answer.before->span.until, *before);
      if (after) ASSERT_EQ(answer.after->span.from, *after);
    }

    const LeaseKey key = facts_.key();
    std::multiset<std::string> spans_said;
    std::multiset<std::string> spans_wanted;
    const auto history = queries.history(key, true, known).value();
    for (const auto& held : history) {
      spans_said.insert(text(held));
      const auto proof = queries.proof(held.span, known).value();
      ASSERT_EQ(proof.front(), held.span.first);
      ASSERT_EQ(proof.back(), std::max(held.span.last, held.span.end));
    }
    for (const auto& [each, holds] : all) {
      if (!each.contains(key)) continue;
      for (const auto& hold : holds) spans_wanted.insert(text(hold));
    }
    ASSERT_EQ(spans_said, spans_wanted) << format_lease_key(key);

    // What a client held, as a set of moments: the same for merged and for single spans.
    const Duid duid = facts_.duid();
    const Instant from = some_time();
    const Instant to = from + std::chrono::seconds{random_.below(300)};
    const auto held = queries.held_by(duid, from, to, known).value();
    for (int i = 0; i < 40; ++i) {
      const Instant moment = from + (to - from) * i / 40;
      std::set<std::string> then_said;
      std::set<std::string> then_wanted;
      for (const auto& h : held) {
        if (h.span.covers(moment))
          then_said.insert(format_lease_key(h.span.key) +
                           std::to_string(static_cast<std::uint32_t>(h.iaid)));
      }
      for (const auto& [each, holds] : all) {
        for (const auto& hold : holds) {
          if (hold.duid == duid && hold.covers(moment))
            then_wanted.insert(format_lease_key(each) +
                               std::to_string(static_cast<std::uint32_t>(hold.iaid)));
        }
      }
      if (to > from) ASSERT_EQ(then_said, then_wanted) << format_instant(moment);
    }
    for (std::size_t a = 0; a < held.size(); ++a) {
      for (std::size_t b = a + 1; b < held.size(); ++b) {
        const bool same = held[a].span.key == held[b].span.key && held[a].iaid == held[b].iaid;
        ASSERT_FALSE(same && held[b].span.from <= held[a].span.until)
            << "merged: " << text(held[a]) << ", " << text(held[b]);
      }
    }
  }

  void compare_usage(const Queries& queries, const Oracle& oracle) {
    const Position known = oracle.records().size();
    LeaseBook book;
    for (const auto& record : oracle.records()) LEASELEDGER_CHECK_OK(evolve(book, record));
    for (const auto& prefix : RandomFacts::subnets()) {
      const auto usage = queries.usage(prefix, known);
      const SubnetId id = oracle.live_subnet(prefix);
      ASSERT_EQ(usage.has_value(), id != 0);
      if (id == 0) {
        ASSERT_EQ(usage.error().code, Win32::kDhcpSubnetNotPresent);
        continue;
      }
      ASSERT_EQ(usage->usage, book.usage(id)) << prefix.to_string() << " at " << known;
      const Instant time = some_time();
      std::uint64_t lapsed = 0;
      book.for_each([&](const BookLease& each) {
        lapsed += each.lease.subnet_id == id && each.lease.state == LeaseState::kActive &&
                  each.lease.valid_until <= time;
      });
      ASSERT_EQ(queries.lapsed(prefix, {known, std::nullopt, time}).value(), lapsed);
    }
  }

  void compare_log(const Queries& queries) {
    const auto& records = facts_.records();
    LogFilter filter;
    filter.from = random_.below(records.size() + 1);
    filter.to = filter.from + random_.below(records.size() + 10);
    if (random_.one_in(2))
      filter.key = random_.one_in(3) ? LeaseKey{facts_.key().address.masked(48), 48} : facts_.key();
    if (random_.one_in(3)) filter.duid = facts_.duid();
    if (random_.one_in(3)) filter.actor = facts_.actor();
    if (random_.one_in(3)) filter.kind = EventKind::kLeaseRenewed;
    if (random_.one_in(3)) filter.kind = EventKind::kCommandRefused;
    if (random_.one_in(2)) filter.direction = Direction::kBackward;
    if (random_.one_in(2)) filter.limit = random_.below(6);
    std::vector<Position> wanted;
    for (const auto& record : records) {
      std::optional<LeaseKey> key;
      std::optional<Duid> duid;
      if (const auto* fact = lease_fact_of(record.event)) {
        key = fact->lease.key;
        duid = fact->lease.duid;
      }
      std::visit(
          [&](const auto& event) {
            if constexpr (requires { event.reservation; }) {
              key = event.reservation.key;
              duid = event.reservation.duid;
            }
            if constexpr (requires { event.arguments; }) {
              for (const auto& [name, value] : event.arguments) {
                if (name == "address") key = parse_lease_key(value).value();
                if (name == "duid") duid = Duid::parse(value).value();
              }
            }
          },
          record.event);
      const bool about_key =
          !filter.key || (key && (filter.key->contains(*key) || key->contains(*filter.key)));
      if (record.position >= filter.from && record.position <= filter.to && about_key &&
          (!filter.duid || duid == filter.duid) &&
          (filter.actor.empty() || filter.actor == record.actor) &&
          (!filter.kind || filter.kind == kind_of(record.event)))
        wanted.push_back(record.position);
    }
    if (filter.direction == Direction::kBackward) std::ranges::reverse(wanted);
    if (wanted.size() > filter.limit) wanted.resize(filter.limit);
    std::vector<Position> said;
    ASSERT_TRUE(queries.log(filter, [&](const Record& record) {
      said.push_back(record.position);
      return true;
    }));
    ASSERT_EQ(said, wanted) << "from " << filter.from << " to " << filter.to << " key "
                            << (filter.key ? format_lease_key(*filter.key) : "") << " duid "
                            << (filter.duid ? filter.duid->to_string() : "-");

    const CommandId id = RandomFacts::command_id(random_.below(records.size()));
    for (const std::string actor : {"unix:alice", "unix:bob"}) {
      std::optional<std::pair<Position, Position>> both;
      for (const auto& record : records) {
        if (record.command_id != id || record.actor != actor) continue;
        both = {both ? both->first : record.position, record.position};
      }
      ASSERT_EQ(queries.find_command(actor, id).value(), both);
    }
  }

  void compare_everything() {
    const Queries queries(facts_.log(), projector_->views());
    ASSERT_EQ(queries.position(), facts_.records().size());
    ASSERT_EQ(queries.lease(facts_.key(), {queries.position() + 1, {}, {}}).error().kind,
              ErrorKind::kInvalid);
    for (int i = 0; i < 3; ++i) {
      const Position known = i == 0 ? queries.position() : some_position();
      SCOPED_TRACE("as of " + std::to_string(known) + ", stored up to " +
                   std::to_string(projector_->views()->stored_position()));
      const Oracle oracle(facts_.records(), known);
      compare_leases(queries, oracle, queries.at_position(known).value());
      if (HasFatalFailure()) return;
      const Instant time = some_time();
      compare_leases(queries, oracle, {known, time, time});
      if (HasFatalFailure()) return;
      compare_holds(queries, oracle);
      if (HasFatalFailure()) return;
      compare_usage(queries, oracle);
      if (HasFatalFailure()) return;
    }
    // What was known at a time of recording.
    const Instant time = some_time();
    const AsOf then = queries.known_at(time).value();
    const auto count = std::ranges::count_if(
        facts_.records(), [&](const Record& record) { return record.recorded_at <= time; });
    ASSERT_EQ(then.known, static_cast<Position>(count));
    compare_leases(queries, Oracle(facts_.records(), then.known), then);
    for (int i = 0; i < 5 && !HasFatalFailure(); ++i) compare_log(queries);
  }

  const SeedScope scope_;
  Random random_{23};
  RandomFacts facts_{random_};
  TemporaryDirectory folder_;
  std::unique_ptr<Projector> projector_;
};

TEST_F(ProjectionModel, EveryAnswerIsTheOracles) {
  reopen();
  const int rounds = campaign() ? 600 : 40;
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round) {
    facts_.append(1 + random_.below(30));
    if (random_.one_in(5)) {
      reopen();
    } else {
      ASSERT_TRUE(projector_->catch_up(facts_.log().tail()));
    }
    if (random_.one_in(10)) ASSERT_TRUE(projector_->flush());
    compare_everything();
  }
  EXPECT_EQ(projector_->compare_with_log().value(), std::vector<std::string>{});
  EXPECT_EQ(projector_->rebuild().value(), std::vector<std::string>{});
  compare_everything();
}

// Rows of figures are written at multiples of 4096; questions reach across several.
TEST_F(ProjectionModel, FiguresAreRightAcrossTheirRows) {
  facts_.append(4096 * 3);
  reopen(8000);
  const Queries queries(facts_.log(), projector_->views());
  for (const Position known : {4095, 4096, 4097, 8191, 8192, 8193, 12288}) {
    compare_usage(queries, Oracle(facts_.records(), known));
    if (HasFatalFailure()) return;
  }
  for (int i = 0; i < 5 && !HasFatalFailure(); ++i)
    compare_usage(queries, Oracle(facts_.records(), some_position()));
}

// The pages of one question belong together, whatever happens between them.
TEST_F(ProjectionModel, PagesStayTheSameWhileTheLedgerGrows) {
  facts_.append(200);
  reopen();
  const auto ask = [&] { return Queries(facts_.log(), projector_->views()); };
  const AsOf then = ask().at_position(200).value();
  std::vector<LeaseKey> whole;
  const auto all = ask().leases_in(Ipv6Prefix{}, then, std::nullopt, 1000).value();
  for (const auto& row : all.leases) whole.push_back(row.lease.key);
  std::vector<LeaseKey> listed;
  std::optional<LeaseKey> after;
  do {
    const auto page = ask().leases_in(Ipv6Prefix{}, then, after, 1).value();
    for (const auto& row : page.leases) listed.push_back(row.lease.key);
    after = page.next;
    facts_.append(20);
    ASSERT_TRUE(projector_->catch_up(facts_.log().tail()));
  } while (after);
  EXPECT_EQ(listed, whole);
}

// Answers about one past position do not change while the projector adds, stores and builds anew.
TEST_F(ProjectionModel, ReadersGoOnWhileViewsAreStoredAndBuiltAnew) {
  facts_.append(300);
  reopen();
  const Oracle oracle(facts_.records(), 300);
  const AsOf then{300, std::nullopt, oracle.records().back().recorded_at};
  std::map<LeaseKey, Position> wanted;
  for (const auto& key : oracle.keys()) {
    const Record* record = expected(oracle, key, then);
    wanted[key] = record == nullptr ? 0 : record->position;
  }
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> asked = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const Queries queries(facts_.log(), projector_->views());
        for (const auto& [key, position] : wanted) {
          const auto row = queries.lease(key, then);
          ASSERT_TRUE(row) << row.error().to_string();
          ASSERT_EQ(*row ? (*row)->last : 0, position) << format_lease_key(key);
        }
        ASSERT_TRUE(queries.usage(RandomFacts::subnets().front(), queries.position()));
        ++asked;
      }
    });
  }
  projector_->start();
  for (int i = 0; i < (campaign() ? 300 : 40) && !HasFailure(); ++i) {
    facts_.append(20);
    if (i % 10 == 9) EXPECT_EQ(projector_->rebuild().value(), std::vector<std::string>{});
  }
  EXPECT_TRUE(projector_->wait_for(facts_.log().tail(), std::chrono::seconds{20}));
  projector_->stop();
  while (asked < 2 && !HasFailure()) std::this_thread::yield();
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(projector_->compare_with_log().value(), std::vector<std::string>{});
}

}  // namespace
}  // namespace leaseledger::test
