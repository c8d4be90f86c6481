#include "projections/queries.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace leaseledger {
namespace {

constexpr Position kEnd = ~Position{0};

/// Octets that begin every history key of `key`.
std::string key_prefix(const LeaseKey& key) { return lease_history_key(key, 0).substr(0, 17); }

Error missing_subnet(const Ipv6Prefix& prefix) {
  return {Win32::kDhcpSubnetNotPresent, ErrorKind::kNotFound, "subnet", prefix.to_string(),
          "the prefix of a subnet that was there then (leaseledger subnet list)"};
}

bool ends(EventKind kind) {
  return kind == EventKind::kLeaseReleased || kind == EventKind::kLeaseExpired ||
         kind == EventKind::kClientDeleted;
}

/// Makes one hold of two that touch or overlap; `next` does not begin earlier.
void merge(HeldSpan& held, HeldSpan next) {
  Span& span = held.span;
  span.renewals += next.span.renewals + 1;
  span.first = std::min(span.first, next.span.first);
  span.last = std::max(span.last, next.span.last);
  span.last_renewal = std::max(span.last_renewal, next.span.last_renewal);
  if (next.span.until < span.until) return;  // it lies within
  span.until = next.span.until;
  span.end = next.span.end;
  span.ended_by = next.span.ended_by;
  held.description = std::move(next.description);
}

bool is_lease_fact(EventKind kind) {
  return kind >= EventKind::kClientCreated && kind <= EventKind::kClientDeleted;
}

}  // namespace

// ---- moments ----------------------------------------------------------------------------------------------------

Status Queries::require_known(Position known) const {
  const Position reached = position();
  if (known > reached)
    return invalid("position", std::to_string(known), "0 to " + std::to_string(reached));
  return {};
}

Result<AsOf> Queries::at_position(Position position) const {
  LEASELEDGER_TRY(require_known(position));
  if (position == 0) return AsOf{0, std::nullopt, Instant{}};
  LEASELEDGER_ASSIGN(const Record record, read_record(log_, position));
  return AsOf{position, std::nullopt, record.recorded_at};
}

Result<AsOf> Queries::known_at(Instant time) const {
  LEASELEDGER_ASSIGN(const Position position, position_at(log_, time));
  return AsOf{std::min(position, this->position()), std::nullopt, time};
}

// ---- entries and spans of one key ---------------------------------------------------------------------------------

Result<std::vector<LeaseEntry>> Queries::entries_of(const LeaseKey& key, Position known) const {
  std::vector<LeaseEntry> out;
  const std::string prefix = key_prefix(key);
  Status status;
  LEASELEDGER_TRY(views_->scan_prefix(View::kLeaseHistory, prefix, known,
                                      [&](std::string_view k, std::string_view v) {
                                        auto entry = decode_lease_entry(k, v);
                                        if (!entry) {
                                          status = tl::unexpected(entry.error());
                                          return false;
                                        }
                                        if (is_lease_fact(entry->second.kind))
                                          out.push_back(entry->second);
                                        return true;
                                      }));
  LEASELEDGER_TRY(status);
  return out;
}

Result<std::optional<LeaseEntry>> Queries::last_entry(const LeaseKey& key, Position known) const {
  std::optional<LeaseEntry> out;
  const std::string prefix = key_prefix(key);
  Status status;
  LEASELEDGER_TRY(views_->scan_newest(View::kLeaseHistory, prefix, known,
                                      [&](std::string_view k, std::string_view v) {
                                        auto entry = decode_lease_entry(k, v);
                                        if (!entry) {
                                          status = tl::unexpected(entry.error());
                                          return false;
                                        }
                                        if (!is_lease_fact(entry->second.kind)) return true;
                                        out = entry->second;
                                        return false;
                                      }));
  LEASELEDGER_TRY(status);
  return out;
}

Result<std::vector<Span>> Queries::spans_of(const LeaseKey& key, Position known) const {
  LEASELEDGER_ASSIGN(const auto entries, entries_of(key, known));
  SpanBuilder builder(key);
  for (const auto& entry : entries) builder.add(entry);
  return builder.take();
}

// ---- rows -------------------------------------------------------------------------------------------------------

Result<Subnet> Queries::subnet_at(SubnetId id, Position known) const {
  Position found = 0;
  bool asked = false;
  {
    const std::lock_guard lock(subnets_->mutex);
    const auto newest = subnets_->newest.find(id);
    if (newest != subnets_->newest.end() && newest->second.first == known) {
      asked = true;
      found = newest->second.second;
      const auto version = subnets_->versions.find(found);
      if (version != subnets_->versions.end()) return version->second;
    }
  }
  if (!asked) {
    const std::string prefix = subnet_key(id, 0).substr(0, 4);
    LEASELEDGER_TRY(views_->scan_newest(
        View::kSubnetHistory, prefix, known, [&](std::string_view k, std::string_view v) {
          const auto kind = static_cast<EventKind>(v.empty() ? 0 : v[0]);
          if (kind != EventKind::kSubnetCreated && kind != EventKind::kSubnetChanged &&
              kind != EventKind::kSubnetDeleted)
            return true;
          found = position_of_key(k);
          return false;
        }));
    const std::lock_guard lock(subnets_->mutex);
    subnets_->newest[id] = {known, found};
  }
  if (found == 0) return Subnet{};
  {
    const std::lock_guard lock(subnets_->mutex);
    const auto it = subnets_->versions.find(found);
    if (it != subnets_->versions.end()) return it->second;
  }
  LEASELEDGER_ASSIGN(const Record record, read_record(log_, found));
  Subnet subnet = std::visit(
      [](const auto& event) {
        if constexpr (requires { event.subnet.preference; }) {
          return event.subnet;
        } else {
          return Subnet{};
        }
      },
      record.event);
  const std::lock_guard lock(subnets_->mutex);
  return subnets_->versions.try_emplace(found, std::move(subnet)).first->second;
}

Result<LeaseRow> Queries::row_of(Position position, Position known) const {
  LEASELEDGER_ASSIGN(const Record record, read_record(log_, position));
  const LeaseFact* fact = lease_fact_of(record.event);
  if (fact == nullptr)
    return corrupt(
        "views", std::to_string(position),
        "the position of a fact about a lease; 'leaseledger repair views' builds them anew");
  LeaseRow row;
  row.lease = fact->lease;
  row.first = fact->lease.tenure;
  row.last = position;
  row.recorded_at = record.recorded_at;
  row.effective_at = record.effective_at;
  row.since = record.effective_at;
  row.actor = record.actor;
  if (fact->description) row.description = *fact->description;
  // Mostly one record says both when it began and what it is.
  const auto take_from = [&](const Record& earlier) {
    if (earlier.position == row.first) row.since = earlier.effective_at;
    const LeaseFact* source = lease_fact_of(earlier.event);
    if (!fact->description && earlier.position == fact->lease.described && source != nullptr &&
        source->description)
      row.description = *source->description;
  };
  if (row.first != position && row.first != 0) {
    LEASELEDGER_ASSIGN(const Record first, read_record(log_, row.first));
    take_from(first);
  }
  const Position described = fact->lease.described;
  if (!fact->description && described != 0 && described != row.first) {
    LEASELEDGER_ASSIGN(const Record describing, read_record(log_, described));
    take_from(describing);
  }
  LEASELEDGER_ASSIGN(const Subnet subnet, subnet_at(row.lease.subnet_id, known));
  row.subnet = subnet.prefix;
  row.subnet_name = subnet.name;
  return row;
}

Result<std::optional<LeaseRow>> Queries::row_at(const LeaseKey& key,
                                                const std::vector<LeaseEntry>& entries,
                                                const AsOf& as_of) const {
  if (as_of.effective) {
    SpanBuilder builder(key);
    for (const auto& entry : entries) builder.add(entry);
    const auto spans = builder.take();
    // Facts that were recorded later say better what was the case.
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
      if (!span->covers(*as_of.effective)) continue;
      Position last = span->first;
      for (const auto& entry : entries) {
        if (entry.tenure == span->tenure && entry.position >= span->first &&
            entry.position <= span->last && entry.effective_at <= *as_of.effective)
          last = entry.position;
      }
      LEASELEDGER_ASSIGN(LeaseRow row, row_of(last, as_of.known));
      return std::optional(std::move(row));
    }
    return std::optional<LeaseRow>();
  }
  if (entries.empty() || ends(entries.back().kind)) return std::optional<LeaseRow>();
  const LeaseEntry& last = entries.back();
  if (last.valid_until <= as_of.judged_at) return std::optional<LeaseRow>();
  LEASELEDGER_ASSIGN(LeaseRow row, row_of(last.position, as_of.known));
  return std::optional(std::move(row));
}

Result<std::optional<LeaseRow>> Queries::lease(const LeaseKey& key, const AsOf& as_of) const {
  LEASELEDGER_TRY(require_known(as_of.known));
  if (as_of.effective) {
    LEASELEDGER_ASSIGN(const auto entries, entries_of(key, as_of.known));
    return row_at(key, entries, as_of);
  }
  LEASELEDGER_ASSIGN(const auto last, last_entry(key, as_of.known));
  return row_at(key, last ? std::vector{*last} : std::vector<LeaseEntry>{}, as_of);
}

Result<std::vector<LeaseRow>> Queries::leases_of(const Duid& duid, std::optional<Iaid> iaid,
                                                 const AsOf& as_of) const {
  LEASELEDGER_TRY(require_known(as_of.known));
  std::set<LeaseKey> keys;
  const std::string prefix = client_history_prefix(duid);
  Status status;
  LEASELEDGER_TRY(views_->scan_prefix(View::kClientHistory, prefix, as_of.known,
                                      [&](std::string_view k, std::string_view v) {
                                        auto entry = decode_client_entry(k, v);
                                        if (!entry) {
                                          status = tl::unexpected(entry.error());
                                          return false;
                                        }
                                        if (entry->tenure != 0 && (!iaid || entry->iaid == *iaid))
                                          keys.insert(entry->key);
                                        return true;
                                      }));
  LEASELEDGER_TRY(status);
  std::vector<LeaseRow> out;
  for (const auto& key : keys) {
    LEASELEDGER_ASSIGN(auto row, lease(key, as_of));
    if (row && row->lease.duid == duid && (!iaid || row->lease.iaid == *iaid))
      out.push_back(std::move(*row));
  }
  return out;
}

Result<std::optional<SubnetId>> Queries::subnet_id_of(const Ipv6Prefix& prefix,
                                                      Position known) const {
  // Subnets are few; the newest one with this prefix that was there is the one.
  std::map<SubnetId, std::pair<Position, EventKind>> newest;
  LEASELEDGER_TRY(
      views_->scan(View::kSubnetHistory, "", [&](std::string_view k, std::string_view v) {
        if (k.size() != 12 || position_of_key(k) > known) return true;
        const auto kind = static_cast<EventKind>(v.empty() ? 0 : v[0]);
        SubnetId id = 0;
        for (int i = 0; i < 4; ++i)
          id = id << 8 | static_cast<std::uint8_t>(k[static_cast<std::size_t>(i)]);
        if (kind == EventKind::kSubnetCreated || kind == EventKind::kSubnetDeleted)
          newest[id] = {position_of_key(k), kind};
        return true;
      }));
  for (auto it = newest.rbegin(); it != newest.rend(); ++it) {
    if (it->second.second == EventKind::kSubnetDeleted) continue;
    LEASELEDGER_ASSIGN(const Record record, read_record(log_, it->second.first));
    const auto* created = std::get_if<SubnetCreated>(&record.event);
    if (created != nullptr && created->subnet.prefix == prefix) return std::optional(it->first);
  }
  return std::optional<SubnetId>();
}

Result<std::vector<Ipv6Prefix>> Queries::ranges_of(const Ipv6Prefix& prefix, Position known) const {
  std::vector<Ipv6Prefix> out = {prefix};
  LEASELEDGER_ASSIGN(const auto id, subnet_id_of(prefix, known));
  if (!id) return out;
  std::vector<Position> pools;
  const std::string begin = subnet_key(*id, 0).substr(0, 4);
  LEASELEDGER_TRY(views_->scan_prefix(
      View::kSubnetHistory, begin, known, [&](std::string_view k, std::string_view v) {
        const auto kind = static_cast<EventKind>(v.empty() ? 0 : v[0]);
        if (kind == EventKind::kDelegationPoolAdded || kind == EventKind::kDelegationPoolRemoved)
          pools.push_back(position_of_key(k));
        return true;
      }));
  for (const Position position : pools) {
    LEASELEDGER_ASSIGN(const Record record, read_record(log_, position));
    if (const auto* added = std::get_if<DelegationPoolAdded>(&record.event)) {
      if (!prefix.contains(added->pool.prefix)) out.push_back(added->pool.prefix);
    } else if (const auto* removed = std::get_if<DelegationPoolRemoved>(&record.event)) {
      std::erase(out, removed->pool.prefix);
    }
  }
  std::ranges::sort(out);
  // Pools of one subnet may lie within each other; each key is wanted once.
  const auto inner = std::unique(
      out.begin(), out.end(), [](const auto& outer, const auto& p) { return outer.contains(p); });
  out.erase(inner, out.end());
  return out;
}

Result<LeasePage> Queries::leases_in(const Ipv6Prefix& prefix, const AsOf& as_of,
                                     std::optional<LeaseKey> after, std::size_t limit) const {
  LEASELEDGER_TRY(require_known(as_of.known));
  LeasePage page;
  page.as_of = as_of;
  LEASELEDGER_ASSIGN(const auto ranges, ranges_of(prefix, as_of.known));
  for (const auto& range : ranges) {
    if (after && range.last() < after->address) continue;
    // All entries of one key stand together; the row is made when the next key begins.
    std::optional<LeaseKey> current;
    std::vector<LeaseEntry> entries;
    Status status;
    const auto finish_key = [&]() -> Status {
      if (!current || entries.empty()) return {};
      LEASELEDGER_ASSIGN(auto row, row_at(*current, entries, as_of));
      entries.clear();
      if (row) page.leases.push_back(std::move(*row));
      return {};
    };
    const LeaseKey first{range.first(), 0};
    const std::string from = after && after->address >= range.address
                                 ? lease_history_key(*after, kEnd)
                                 : lease_history_key(first, 0);
    LEASELEDGER_TRY(
        views_->scan(View::kLeaseHistory, from, [&](std::string_view k, std::string_view v) {
          auto entry = decode_lease_entry(k, v);
          if (!entry) {
            status = tl::unexpected(entry.error());
            return false;
          }
          if (entry->first.address > range.last()) return false;
          if (!range.contains(entry->first) || (after && entry->first <= *after)) return true;
          if (current != entry->first) {
            status = finish_key();
            if (!status || page.leases.size() > limit) return false;
            current = entry->first;
          }
          if (entry->second.position <= as_of.known && is_lease_fact(entry->second.kind)) {
            if (!as_of.effective) entries.clear();  // only the last one counts
            entries.push_back(entry->second);
          }
          return true;
        }));
    LEASELEDGER_TRY(status);
    LEASELEDGER_TRY(finish_key());
    if (page.leases.size() > limit) break;
  }
  if (page.leases.size() > limit) {
    page.leases.resize(limit);
    if (limit > 0) page.next = page.leases.back().lease.key;
  }
  return page;
}

Result<std::vector<LeaseKey>> Queries::keys_in(const Ipv6Prefix& prefix, Position known,
                                               std::optional<LeaseKey> after,
                                               std::size_t limit) const {
  LEASELEDGER_TRY(require_known(known));
  LEASELEDGER_ASSIGN(const auto ranges, ranges_of(prefix, known));
  std::vector<LeaseKey> out;
  for (const auto& range : ranges) {
    if (out.size() >= limit) break;
    if (after && range.last() < after->address) continue;
    const std::string from = after && after->address >= range.address
                                 ? lease_history_key(*after, kEnd)
                                 : lease_history_key({range.first(), 0}, 0);
    Status status;
    LEASELEDGER_TRY(
        views_->scan(View::kLeaseHistory, from, [&](std::string_view k, std::string_view v) {
          const auto entry = decode_lease_entry(k, v);
          if (!entry) {
            status = tl::unexpected(entry.error());
            return false;
          }
          const LeaseKey& key = entry->first;
          if (key.address > range.last() || out.size() >= limit) return false;
          if (range.contains(key) && entry->second.position <= known && (!after || key > *after) &&
              (out.empty() || out.back() != key))
            out.push_back(key);
          return true;
        }));
    LEASELEDGER_TRY(status);
  }
  return out;
}

Result<std::vector<LeaseRow>> Queries::expiring(Instant from, Instant to, const AsOf& as_of,
                                                std::size_t limit) const {
  LEASELEDGER_TRY(require_known(as_of.known));
  std::vector<std::pair<Position, LeaseKey>> candidates;
  Status status;
  const std::string end = expiry_key(to, 0);
  LEASELEDGER_TRY(
      views_->scan(View::kExpiry, expiry_key(from, 0), [&](std::string_view k, std::string_view v) {
        if (k >= end) return false;
        if (k.size() != 16 || v.size() != 17) {
          status =
              corrupt("expiry", "",
                      "entries as the projector writes them; 'leaseledger repair views' builds "
                      "them anew");
          return false;
        }
        if (position_of_key(k) <= as_of.known) {
          std::array<std::uint8_t, 16> octets{};
          std::copy_n(v.begin(), 16, octets.begin());
          candidates.emplace_back(position_of_key(k), LeaseKey{Ipv6Address::from_bytes(octets),
                                                               static_cast<std::uint8_t>(v[16])});
        }
        return true;
      }));
  LEASELEDGER_TRY(status);
  std::vector<LeaseRow> out;
  for (const auto& [position, key] : candidates) {
    if (out.size() >= limit) break;
    if (as_of.effective) {  // what was in force then
      LEASELEDGER_ASSIGN(auto row, lease(key, as_of));
      if (row && row->last == position) out.push_back(std::move(*row));
      continue;
    }
    LEASELEDGER_ASSIGN(const auto last, last_entry(key, as_of.known));
    if (!last || last->position != position) continue;  // renewed, shortened or ended since
    LEASELEDGER_ASSIGN(LeaseRow row, row_of(position, as_of.known));
    out.push_back(std::move(row));
  }
  return out;
}

// ---- who held what ------------------------------------------------------------------------------------------------

Result<HeldSpan> Queries::with_client(const Span& span, Position known) const {
  LEASELEDGER_ASSIGN(LeaseRow row, row_of(span.last, known));
  HeldSpan out;
  out.span = span;
  out.duid = row.lease.duid;
  out.iaid = row.lease.iaid;
  out.type = row.lease.type;
  out.description = std::move(row.description);
  out.subnet = row.subnet;
  return out;
}

Result<Holders> Queries::who(const Ipv6Address& address, Instant time, Position known) const {
  LEASELEDGER_TRY(require_known(known));
  Holders out;
  out.as_of = {known, time, time};
  std::optional<Span> before;
  std::optional<Span> after;
  const auto lengths = views_->lengths();
  for (int length = 128; length >= 0; --length) {
    if (!lengths[static_cast<std::size_t>(length)]) continue;
    const LeaseKey key{address.masked(static_cast<unsigned>(length)),
                       static_cast<std::uint8_t>(length)};
    LEASELEDGER_ASSIGN(const auto spans, spans_of(key, known));
    bool found = false;
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
      if (!found && span->covers(time)) {
        LEASELEDGER_ASSIGN(HeldSpan held, with_client(*span, known));
        out.holders.push_back(std::move(held));
        found = true;
      }
      if (span->until <= time && span->from < span->until &&
          (!before || span->until > before->until))
        before = *span;
      if (span->from > time && (!after || span->from < after->from)) after = *span;
    }
  }
  if (out.holders.empty()) {
    if (before) {
      LEASELEDGER_ASSIGN(out.before, with_client(*before, known));
    }
    if (after) {
      LEASELEDGER_ASSIGN(out.after, with_client(*after, known));
    }
  }
  return out;
}

Result<std::vector<HeldSpan>> Queries::history(const LeaseKey& key, bool covering,
                                               Position known) const {
  LEASELEDGER_TRY(require_known(known));
  std::vector<HeldSpan> out;
  const auto lengths = views_->lengths();
  for (int length = key.length; length >= 0; --length) {
    if (length != key.length && (!covering || !lengths[static_cast<std::size_t>(length)])) continue;
    const LeaseKey wanted{key.address.masked(static_cast<unsigned>(length)),
                          static_cast<std::uint8_t>(length)};
    LEASELEDGER_ASSIGN(const auto spans, spans_of(wanted, known));
    for (const auto& span : spans) {
      LEASELEDGER_ASSIGN(HeldSpan held, with_client(span, known));
      out.push_back(std::move(held));
    }
  }
  std::ranges::stable_sort(
      out, {}, [](const HeldSpan& held) { return std::pair(held.span.from, held.span.first); });
  return out;
}

Result<std::vector<HeldSpan>> Queries::held_by(const Duid& duid, Instant from, Instant to,
                                               Position known) const {
  LEASELEDGER_TRY(require_known(known));
  std::map<LeaseKey, std::set<Position>> tenures;
  const std::string prefix = client_history_prefix(duid);
  Status status;
  LEASELEDGER_TRY(views_->scan_prefix(View::kClientHistory, prefix, known,
                                      [&](std::string_view k, std::string_view v) {
                                        auto entry = decode_client_entry(k, v);
                                        if (!entry) {
                                          status = tl::unexpected(entry.error());
                                          return false;
                                        }
                                        if (entry->tenure != 0)
                                          tenures[entry->key].insert(entry->tenure);
                                        return true;
                                      }));
  LEASELEDGER_TRY(status);
  std::vector<HeldSpan> out;
  for (const auto& [key, of_client] : tenures) {
    LEASELEDGER_ASSIGN(auto spans, spans_of(key, known));
    std::ranges::stable_sort(spans, {}, &Span::from);
    std::map<std::pair<Iaid, LeaseType>, HeldSpan> open;  // the one that the next may go on
    for (const auto& span : spans) {
      if (!of_client.contains(span.tenure) || span.until == span.from) continue;
      LEASELEDGER_ASSIGN(HeldSpan held, with_client(span, known));
      if (held.duid != duid) continue;
      const auto [it, is_new] = open.try_emplace({held.iaid, held.type}, held);
      if (is_new) continue;
      if (it->second.span.until < span.from) {
        out.push_back(std::exchange(it->second, std::move(held)));
      } else {
        merge(it->second, std::move(held));
      }
    }
    for (auto& [client, held] : open) out.push_back(std::move(held));
  }
  std::erase_if(
      out, [&](const HeldSpan& held) { return held.span.until <= from || held.span.from >= to; });
  std::ranges::stable_sort(
      out, {}, [](const HeldSpan& held) { return std::pair(held.span.from, held.span.first); });
  return out;
}

Result<std::vector<Position>> Queries::proof(const Span& span, Position known) const {
  LEASELEDGER_TRY(require_known(known));
  LEASELEDGER_ASSIGN(const auto entries, entries_of(span.key, known));
  std::vector<Position> out;
  for (const auto& entry : entries) {
    if (entry.position >= span.first && entry.position <= std::max(span.last, span.end))
      out.push_back(entry.position);
  }
  return out;
}

// ---- figures ------------------------------------------------------------------------------------------------------

Result<UsageRow> Queries::usage(const Ipv6Prefix& subnet, Position position) const {
  LEASELEDGER_TRY(require_known(position));
  LEASELEDGER_ASSIGN(const auto id, subnet_id_of(subnet, position));
  if (!id) return tl::unexpected(missing_subnet(subnet));
  UsageRow row;
  row.id = *id;
  row.prefix = subnet;
  row.as_of = position;
  Position stored = 0;
  const std::string prefix = subnet_key(*id, 0).substr(0, 4);
  Status status;
  LEASELEDGER_TRY(views_->scan_newest(View::kUsage, prefix, position,
                                      [&](std::string_view k, std::string_view v) {
                                        auto usage = decode_usage(v);
                                        if (usage) {
                                          row.usage = *usage;
                                          stored = position_of_key(k);
                                        } else {
                                          status = tl::unexpected(usage.error());
                                        }
                                        return false;
                                      }));
  LEASELEDGER_TRY(status);
  // A row is missing at multiples at which nothing had changed, so the fold may begin at the last multiple.
  const Position begin = std::max(stored, position / kUsageEvery * kUsageEvery);
  Record record;
  LEASELEDGER_TRY(
      log_.read(begin + 1, position, Direction::kForward, [&](const StoredRecord& each) {
        status = decode_record(each.bytes, record);
        if (!status) return false;
        const LeaseFact* fact = lease_fact_of(record.event);
        if (fact != nullptr && fact->lease.subnet_id == *id) count(record, row.usage);
        return true;
      }));
  LEASELEDGER_TRY(status);
  if (subnet.length >= 65) {
    const std::uint64_t size = 1ULL << (128 - subnet.length);
    const std::uint64_t used = row.usage.active + row.usage.declined + row.usage.reserved;
    row.free = size - std::min(size, used);
  }
  return row;
}

Result<std::uint64_t> Queries::lapsed(const Ipv6Prefix& subnet, const AsOf& as_of) const {
  LEASELEDGER_TRY(require_known(as_of.known));
  LEASELEDGER_ASSIGN(const auto id, subnet_id_of(subnet, as_of.known));
  if (!id) return tl::unexpected(missing_subnet(subnet));
  LEASELEDGER_ASSIGN(const auto ranges, ranges_of(subnet, as_of.known));
  std::uint64_t count = 0;
  for (const auto& range : ranges) {
    std::optional<std::pair<LeaseKey, LeaseEntry>> last;
    const auto judge = [&] {
      count += last && last->second.subnet_id == *id && !ends(last->second.kind) &&
               last->second.state == LeaseState::kActive &&
               last->second.valid_until <= as_of.judged_at;
      last.reset();
    };
    Status status;
    LEASELEDGER_TRY(views_->scan(View::kLeaseHistory, lease_history_key({range.first(), 0}, 0),
                                 [&](std::string_view k, std::string_view v) {
                                   auto entry = decode_lease_entry(k, v);
                                   if (!entry) status = tl::unexpected(entry.error());
                                   if (!entry || entry->first.address > range.last()) return false;
                                   if (entry->second.position > as_of.known ||
                                       !is_lease_fact(entry->second.kind) ||
                                       !range.contains(entry->first))
                                     return true;
                                   if (last && last->first != entry->first) judge();
                                   last = *entry;
                                   return true;
                                 }));
    LEASELEDGER_TRY(status);
    judge();
  }
  return count;
}

// ---- the log ------------------------------------------------------------------------------------------------------

Result<std::vector<Position>> Queries::positions_about(const LogFilter& filter) const {
  std::set<Position> about_key;
  std::set<Position> about_duid;
  const auto note = [&](std::set<Position>& out, Position position) {
    if (position >= filter.from && position <= filter.to) out.insert(position);
  };
  if (filter.key) {
    const auto lengths = views_->lengths();
    for (int length = filter.key->length; length >= 0; --length) {
      if (!lengths[static_cast<std::size_t>(length)]) continue;
      const LeaseKey key{filter.key->address.masked(static_cast<unsigned>(length)),
                         static_cast<std::uint8_t>(length)};
      const std::string prefix = key_prefix(key);
      LEASELEDGER_TRY(views_->scan_prefix(View::kLeaseHistory, prefix, kEnd,
                                          [&](std::string_view k, std::string_view) {
                                            note(about_key, position_of_key(k));
                                            return true;
                                          }));
    }
    if (filter.key->length < kAddressLength) {
      const LeaseKey first{filter.key->address, 0};
      const std::string last = lease_history_key({filter.key->last(), kAddressLength}, kEnd);
      LEASELEDGER_TRY(views_->scan(View::kLeaseHistory, lease_history_key(first, 0),
                                   [&](std::string_view k, std::string_view v) {
                                     if (k > last) return false;
                                     if (const auto entry = decode_lease_entry(k, v);
                                         entry && filter.key->contains(entry->first))
                                       note(about_key, position_of_key(k));
                                     return true;
                                   }));
    }
  }
  if (filter.duid) {
    const std::string prefix = client_history_prefix(*filter.duid);
    LEASELEDGER_TRY(views_->scan_prefix(View::kClientHistory, prefix, kEnd,
                                        [&](std::string_view k, std::string_view) {
                                          note(about_duid, position_of_key(k));
                                          return true;
                                        }));
  }
  std::vector<Position> out;
  if (filter.key && filter.duid) {
    std::ranges::set_intersection(about_key, about_duid, std::back_inserter(out));
  } else {
    const auto& only = filter.key ? about_key : about_duid;
    out.assign(only.begin(), only.end());
  }
  return out;
}

Status Queries::log(const LogFilter& filter,
                    const std::function<bool(const Record&)>& visit) const {
  return log(filter,
             [&](const StoredRecord& /*stored*/, const Record& record) { return visit(record); });
}

Status Queries::log(const LogFilter& filter,
                    const std::function<bool(const StoredRecord&, const Record&)>& visit) const {
  std::uint64_t left = filter.limit;
  if (left == 0) return {};
  Record record;
  Status status;
  const auto consider = [&](const StoredRecord& stored) {
    status = decode_record(stored.bytes, record);
    if (!status) return false;
    if (!filter.actor.empty() && record.actor != filter.actor) return true;
    if (filter.kind && kind_of(record.event) != *filter.kind) return true;
    return visit(stored, record) && --left > 0;
  };
  const Position to = std::min(filter.to, position());
  const Position from = std::max<Position>(filter.from, 1);
  if (!filter.key && !filter.duid) {
    if (from > to) return {};
    LEASELEDGER_TRY(log_.read(from, to, filter.direction, consider));
    return status;
  }
  LEASELEDGER_ASSIGN(auto positions, positions_about(filter));
  if (filter.direction == Direction::kBackward) std::ranges::reverse(positions);
  for (const Position position : positions) {
    if (position > to) continue;
    bool go_on = true;
    LEASELEDGER_TRY(
        log_.read(position, position, Direction::kForward, [&](const StoredRecord& stored) {
          go_on = consider(stored);
          return go_on;
        }));
    LEASELEDGER_TRY(status);
    if (!go_on) break;
  }
  return status;
}

Result<std::optional<std::pair<Position, Position>>> Queries::find_command(
    std::string_view actor, const CommandId& id) const {
  std::vector<Position> found;
  const std::string prefix = command_id_key(actor, id, 0).substr(0, 24);
  LEASELEDGER_TRY(views_->scan_prefix(View::kCommandIds, prefix, kEnd,
                                      [&](std::string_view k, std::string_view) {
                                        found.push_back(position_of_key(k));
                                        return true;
                                      }));
  if (found.empty()) return std::optional<std::pair<Position, Position>>();
  // The key has a hash of the principal's name; the record has the name.
  LEASELEDGER_ASSIGN(const Record record, read_record(log_, found.front()));
  if (record.actor != actor) return std::optional<std::pair<Position, Position>>();
  return std::optional(std::pair(found.front(), found.back()));
}

Result<std::optional<CommandId>> Queries::greatest_command(std::string_view actor) const {
  std::optional<CommandId> out;
  CommandId last;
  last.fill(0xFF);
  const std::string from = command_id_key(actor, last, kEnd);
  LEASELEDGER_TRY(
      views_->scan_back(View::kCommandIds, from, [&](std::string_view k, std::string_view) {
        if (k.starts_with(std::string_view(from).substr(0, 8)))
          std::copy_n(k.begin() + 8, last.size(), out.emplace().begin());
        return false;
      }));
  return out;
}

}  // namespace leaseledger
