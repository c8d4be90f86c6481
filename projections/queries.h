#pragma once
// The questions. Each can be asked now, as of a position, or as of a time on either axis:
//   known      what we knew: everything recorded up to a position, judged at a time;
//   effective  what was the case at a time, as far as that was known.
// Flow: view_store.h, ledger/event_log.h -> [queries.h] -> tools/, adapters/

#include "ledger/event_log.h"
#include "projections/tenure.h"
#include "projections/view_store.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace leaseledger {

/// The moment that a question is about.
struct AsOf {
  Position known = 0;  ///< only records up to this one count.
  std::optional<Instant>
      effective;  ///< what was the case then; otherwise the state after record `known`, judged at `judged_at`.
  Instant judged_at{};  ///< a lease whose valid lifetime is over at this time is not held any more.
};

/// A lease with everything that is known of it.
struct LeaseRow {
  Lease lease;
  Description description;
  Ipv6Prefix subnet;
  std::string subnet_name;
  Instant since{};        ///< when this holding began.
  Position first = 0;     ///< the record with which it began.
  Position last = 0;      ///< the last record about it that counts here.
  Instant recorded_at{};  ///< of that record.
  Instant effective_at{};
  std::string actor;
};

/// A span with its client.
struct HeldSpan {
  Span span;
  Duid duid;
  Iaid iaid{};
  LeaseType type = LeaseType::kNa;
  Description description;  ///< as last described within the span.
  Ipv6Prefix subnet;
};

/// Who held an address: at most one span for each key that covers it, the most specific first. Those behind the first hold a
/// delegated prefix around it.
struct Holders {
  AsOf as_of;
  std::vector<HeldSpan> holders;
  std::optional<HeldSpan>
      before;  ///< when nobody did: the span that ended last before, and the next one after.
  std::optional<HeldSpan> after;
};

struct LeasePage {
  AsOf
      as_of;  ///< give it back for the next page: the pages then belong together while the ledger changes.
  std::vector<LeaseRow> leases;  ///< in key order.
  std::optional<LeaseKey> next;  ///< ask again with this `after`; nullopt at the end.
};

struct UsageRow {
  SubnetId id = 0;
  Ipv6Prefix prefix;
  SubnetUsage usage;
  Position as_of = 0;
  std::optional<std::uint64_t>
      free;  ///< addresses without a record, where they can be counted (prefix length from 65).
};

/// Which records of the log are wanted; what is not given does not matter.
struct LogFilter {
  Position from = 1;
  Position to = ~Position{0};
  std::optional<LeaseKey> key;  ///< about this key, one that covers it, or one inside of it.
  std::optional<Duid> duid;
  std::string actor;
  std::optional<EventKind> kind;
  Direction direction = Direction::kForward;
  std::uint64_t limit = ~std::uint64_t{0};
};

/// Thread-safe. Borrows the log; holds the views for its lifetime. Every question is kInvalid when it is about a position that
/// the views have not reached: an answer is never as of an earlier one than it says.
class Queries {
 public:
  Queries(const EventLog& log, std::shared_ptr<const ViewStore> views)
      : log_(log), views_(std::move(views)) {}

  /// The views' position: what "now" is for these queries.
  Position position() const { return views_->position(); }
  AsOf now(Instant now) const { return {position(), std::nullopt, now}; }
  /// The state after record `position`, judged when that was recorded. kInvalid beyond position().
  Result<AsOf> at_position(Position position) const;
  /// What was known at `time`.
  Result<AsOf> known_at(Instant time) const;

  /// The lease at `key`; nullopt when nobody has a live record there.
  Result<std::optional<LeaseRow>> lease(const LeaseKey& key, const AsOf& as_of) const;
  /// Leases of a client; all IAIDs of the DUID when `iaid` is not given. In key order.
  Result<std::vector<LeaseRow>> leases_of(const Duid& duid, std::optional<Iaid> iaid,
                                          const AsOf& as_of) const;
  /// Leases with keys inside `prefix`, and, when that is a subnet, those of its delegation pools.
  Result<LeasePage> leases_in(const Ipv6Prefix& prefix, const AsOf& as_of,
                              std::optional<LeaseKey> after, std::size_t limit) const;
  /// Leases whose valid lifetime ends in [from, to), soonest first.
  Result<std::vector<LeaseRow>> expiring(Instant from, Instant to, const AsOf& as_of,
                                         std::size_t limit) const;

  /// Who held `address` at `time`, as far as was known after record `known`.
  Result<Holders> who(const Ipv6Address& address, Instant time, Position known) const;
  /// All spans of `key` and, with `covering`, of the keys around it, oldest first.
  Result<std::vector<HeldSpan>> history(const LeaseKey& key, bool covering, Position known) const;
  /// Keys inside `prefix` about which there is anything in the log, in key order, those after `after`, at most `limit`; when
  /// `prefix` is a subnet, those of its delegation pools too.
  Result<std::vector<LeaseKey>> keys_in(const Ipv6Prefix& prefix, Position known,
                                        std::optional<LeaseKey> after, std::size_t limit) const;
  /// What a DUID held in [from, to): spans of a key and IAID, merged where they overlap or one follows the other without a gap.
  Result<std::vector<HeldSpan>> held_by(const Duid& duid, Instant from, Instant to,
                                        Position known) const;

  /// The positions of all records about the key of `span` from its first to its last or the one that ended it: its proof.
  Result<std::vector<Position>> proof(const Span& span, Position known) const;

  /// Figures of a subnet after record `position`. ERROR_DHCP_SUBNET_NOT_PRESENT when there was none.
  Result<UsageRow> usage(const Ipv6Prefix& subnet, Position position) const;
  /// How many of its active leases were over at `as_of.judged_at` without a record that says so. Reads the history of every key
  /// of the subnet, unlike usage().
  Result<std::uint64_t> lapsed(const Ipv6Prefix& subnet, const AsOf& as_of) const;

  /// The records that pass the filter, in its direction, until `visit` returns false.
  Status log(const LogFilter& filter, const std::function<bool(const Record&)>& visit) const;
  /// The same with their bytes.
  Status log(const LogFilter& filter,
             const std::function<bool(const StoredRecord&, const Record&)>& visit) const;

  /// First and last record with this id of this principal.
  Result<std::optional<std::pair<Position, Position>>> find_command(std::string_view actor,
                                                                    const CommandId& id) const;
  /// The greatest id, as octets, that this principal has used; nullopt when there is none.
  Result<std::optional<CommandId>> greatest_command(std::string_view actor) const;

 private:
  /// Versions of subnets by the position of their record: few, and read for every row.
  struct Subnets {
    std::mutex mutex;
    std::unordered_map<Position, Subnet> versions;
    /// For each subnet that was asked for: as of which position, and the position of the version.
    std::unordered_map<SubnetId, std::pair<Position, Position>> newest;
  };
  Result<std::vector<LeaseEntry>> entries_of(const LeaseKey& key, Position known) const;
  Result<std::optional<LeaseEntry>> last_entry(const LeaseKey& key, Position known) const;
  Result<std::vector<Span>> spans_of(const LeaseKey& key, Position known) const;
  Result<std::optional<LeaseRow>> row_at(const LeaseKey& key,
                                         const std::vector<LeaseEntry>& entries,
                                         const AsOf& as_of) const;
  Status require_known(Position known) const;
  Result<LeaseRow> row_of(Position position, Position known) const;
  Result<HeldSpan> with_client(const Span& span, Position known) const;
  Result<Subnet> subnet_at(SubnetId id, Position known) const;
  Result<std::optional<SubnetId>> subnet_id_of(const Ipv6Prefix& prefix, Position known) const;
  Result<std::vector<Ipv6Prefix>> ranges_of(const Ipv6Prefix& prefix, Position known) const;
  Result<std::vector<Position>> positions_about(const LogFilter& filter) const;

  const EventLog& log_;
  std::shared_ptr<const ViewStore> views_;
  std::shared_ptr<Subnets> subnets_ = std::make_shared<Subnets>();
};

}  // namespace leaseledger
