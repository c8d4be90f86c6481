#pragma once
// The views: what each record enters where. Pure functions from a record to entries; keys are unique and never overwritten,
// so that entries can be stored in bulk and in any order. All entries of a view have the same size. Format: docs/formats/views.md.
// Flow: ledger/event_log.h -> [views.h] -> view_store.h

#include "ledger/lease_book.h"
#include "ledger/record.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace leaseledger {

enum class View : std::uint8_t {
  kLeaseHistory,   ///< lease key, position -> what happened
  kClientHistory,  ///< digest of the DUID, IAID, type, position -> lease key, tenure
  kExpiry,         ///< end of valid lifetime, position -> lease key
  kSubnetHistory,  ///< subnet, position -> kind
  kUsage,          ///< subnet, position -> figures, now and then
  kCommandIds,     ///< principal, command id, position
};
inline constexpr std::size_t kViews = 6;
std::string_view name_of(View view);  ///< "lease_history".

/// Stored with the views; others are built again. A change in what records enter, not only in how, makes another one.
inline constexpr std::uint8_t kViewsFormat = 3;

/// Octets of a view's keys and values, and of what a filter knows its keys by (0: it has none).
constexpr std::size_t key_bytes(View view) {
  constexpr std::size_t kBytes[kViews] = {25, 29, 16, 12, 12, 32};
  return kBytes[static_cast<std::size_t>(view)];
}
constexpr std::size_t value_bytes(View view) {
  constexpr std::size_t kBytes[kViews] = {30, 25, 17, 1, 64, 0};
  return kBytes[static_cast<std::size_t>(view)];
}
constexpr std::size_t entry_bytes(View view) { return key_bytes(view) + value_bytes(view); }
constexpr std::size_t filter_bytes(View view) {
  constexpr std::size_t kBytes[kViews] = {17, 16, 0, 0, 0, 24};
  return kBytes[static_cast<std::size_t>(view)];
}

/// Entries of each view, one after the other.
using Entries = std::array<std::string, kViews>;

/// Positions at which figures of the touched subnets are written.
inline constexpr Position kUsageEvery = 4096;

/// An entry of kLeaseHistory, decoded.
struct LeaseEntry {
  Position position = 0;
  EventKind kind = EventKind::kUnknown;
  LeaseState state = LeaseState::kEnded;
  Instant effective_at{};
  Instant valid_until{};
  Position tenure = 0;
  SubnetId subnet_id = 0;
};

/// An entry of kClientHistory, decoded.
struct ClientEntry {
  Position position = 0;
  Iaid iaid{};
  LeaseType type = LeaseType::kNa;
  LeaseKey key;
  Position tenure = 0;
};

// Keys. Numbers are big-endian, so that the order of keys is the order of numbers.
std::string lease_history_key(const LeaseKey& key, Position position);
std::string client_history_key(const Duid& duid, Iaid iaid, LeaseType type, Position position);
std::string client_history_prefix(const Duid& duid);
std::string expiry_key(Instant valid_until, Position position);
std::string subnet_key(SubnetId subnet, Position position);
std::string command_id_key(std::string_view actor, const CommandId& id, Position position);

Result<std::pair<LeaseKey, LeaseEntry>> decode_lease_entry(std::string_view key,
                                                           std::string_view value);
Result<ClientEntry> decode_client_entry(std::string_view key, std::string_view value);
Result<SubnetUsage> decode_usage(std::string_view value);
Position position_of_key(std::string_view key);  ///< the last 8 octets of any key.

/// What a fact does to the figures of its subnet; the state before it is not needed.
void count(const Record& record, SubnetUsage& usage);

/// Makes the entries of records in log order. Holds what must be known of the records before: figures of each subnet and the
/// prefix lengths in use, small and stored with the views.
class ViewWriter {
 public:
  /// Appends the entries of `record`, whose position must be position() + 1. kCorrupt for an event of a newer version.
  Status add(const Record& record, Entries& out);

  Position position() const { return position_; }
  /// Lengths of all lease keys there have been, for look-ups through delegation.
  const std::bitset<129>& lengths() const { return lengths_; }

  std::string save() const;
  static Result<ViewWriter> load(std::string_view bytes);

 private:
  Position position_ = 0;
  std::bitset<129> lengths_;
  struct Figures {
    SubnetUsage usage;
    bool touched = false;  // since the last multiple of kUsageEvery
  };
  std::unordered_map<SubnetId, Figures> figures_;
  std::vector<SubnetId> touched_;
};

/// Order-independent digest of a view's content: equal contents give equal digests, however they are stored.
struct ViewDigest {
  std::uint64_t entries = 0;
  std::array<std::uint64_t, 2> sum{};
  void add(std::string_view key, std::string_view value);
  friend bool operator==(const ViewDigest&, const ViewDigest&) = default;
};
using ViewDigests = std::array<ViewDigest, kViews>;

}  // namespace leaseledger
