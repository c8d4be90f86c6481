#include "projections/views.h"

#include "ledger/check.h"

#define XXH_INLINE_ALL  // short inputs: the call would cost more than the hash
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace leaseledger {
namespace {

void put(std::string& out, std::uint64_t value, unsigned octets) {
  for (unsigned i = octets; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t get(std::string_view in, unsigned octets) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < octets; ++i) value = value << 8 | static_cast<std::uint8_t>(in[i]);
  return value;
}

void put(std::string& out, const LeaseKey& key) {
  put(out, key.address.high, 8);
  put(out, key.address.low, 8);
  put(out, key.length, 1);
}

LeaseKey get_key(std::string_view in) {
  return {{get(in, 8), get(in.substr(8), 8)}, static_cast<std::uint8_t>(get(in.substr(16), 1))};
}

/// Instants are signed; with the sign bit turned their order is the order of octets.
std::uint64_t ordered(Instant instant) {
  return static_cast<std::uint64_t>(instant.time_since_epoch().count()) ^ (1ULL << 63);
}
Instant from_ordered(std::uint64_t value) {
  return Instant{std::chrono::nanoseconds{static_cast<std::int64_t>(value ^ (1ULL << 63))}};
}

tl::unexpected<Error> damaged(View view) {
  return corrupt(
      std::string(name_of(view)), "",
      "entries as the projector writes them; 'leaseledger repair views' builds them anew");
}

constexpr std::size_t kKeySize = 17;

/// One more entry of `view`, to be written from the first octet on.
class EntryWriter {
 public:
  EntryWriter(Entries& out, View view) : out_(out[static_cast<std::size_t>(view)]) {
    const std::size_t begin = out_.size();
    out_.resize(begin + entry_bytes(view));
    at_ = out_.data() + begin;
  }
  ~EntryWriter() { LEASELEDGER_CHECK(at_ == out_.data() + out_.size()); }
  EntryWriter(const EntryWriter&) = delete;
  EntryWriter& operator=(const EntryWriter&) = delete;

  void u64(std::uint64_t value) {
    value = __builtin_bswap64(value);
    octets(&value, 8);
  }
  void u32(std::uint32_t value) {
    value = __builtin_bswap32(value);
    octets(&value, 4);
  }
  void u8(std::uint8_t value) { *at_++ = static_cast<char>(value); }
  void octets(const void* data, std::size_t size) {
    std::memcpy(at_, data, size);
    at_ += size;
  }
  void lease_key(const LeaseKey& key) {
    u64(key.address.high);
    u64(key.address.low);
    u8(key.length);
  }

 private:
  std::string& out_;
  char* at_;
};

void write_usage(EntryWriter& out, const SubnetUsage& u) {
  for (const auto figure :
       {u.active, u.declined, u.reserved, u.created, u.renewed, u.released, u.expired, u.deleted})
    out.u64(figure);
}

std::optional<std::string> argument(const Arguments& arguments, std::string_view name) {
  for (const auto& [key, value] : arguments) {
    if (key == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(View view) {
  switch (view) {
    case View::kLeaseHistory:
      return "lease_history";
    case View::kClientHistory:
      return "client_history";
    case View::kExpiry:
      return "expiry";
    case View::kSubnetHistory:
      return "subnet_history";
    case View::kUsage:
      return "usage";
    case View::kCommandIds:
      return "command_ids";
  }
  return "?";
}

std::string lease_history_key(const LeaseKey& key, Position position) {
  std::string out;
  put(out, key);
  put(out, position, 8);
  return out;
}

std::string client_history_prefix(const Duid& duid) {
  const XXH128_hash_t digest = XXH3_128bits(duid.bytes().data(), duid.size());
  std::string out;
  put(out, digest.high64, 8);
  put(out, digest.low64, 8);
  return out;
}

std::string client_history_key(const Duid& duid, Iaid iaid, LeaseType type, Position position) {
  std::string out = client_history_prefix(duid);
  put(out, static_cast<std::uint32_t>(iaid), 4);
  put(out, static_cast<std::uint64_t>(type), 1);
  put(out, position, 8);
  return out;
}

std::string expiry_key(Instant valid_until, Position position) {
  std::string out;
  put(out, ordered(valid_until), 8);
  put(out, position, 8);
  return out;
}

std::string subnet_key(SubnetId subnet, Position position) {
  std::string out;
  put(out, subnet, 4);
  put(out, position, 8);
  return out;
}

std::string command_id_key(std::string_view actor, const CommandId& id, Position position) {
  std::string out;
  put(out, XXH3_64bits(actor.data(), actor.size()), 8);
  out.append(reinterpret_cast<const char*>(id.data()), id.size());
  put(out, position, 8);
  return out;
}

Position position_of_key(std::string_view key) {
  return key.size() < 8 ? 0 : get(key.substr(key.size() - 8), 8);
}

Result<std::pair<LeaseKey, LeaseEntry>> decode_lease_entry(std::string_view key,
                                                           std::string_view value) {
  if (key.size() != key_bytes(View::kLeaseHistory) ||
      value.size() != value_bytes(View::kLeaseHistory))
    return damaged(View::kLeaseHistory);
  LeaseEntry entry;
  entry.position = position_of_key(key);
  entry.kind = static_cast<EventKind>(value[0]);
  entry.state = static_cast<LeaseState>(value[1]);
  entry.effective_at = from_ordered(get(value.substr(2), 8));
  entry.valid_until = from_ordered(get(value.substr(10), 8));
  entry.tenure = get(value.substr(18), 8);
  entry.subnet_id = static_cast<SubnetId>(get(value.substr(26), 4));
  return std::pair(get_key(key), entry);
}

Result<ClientEntry> decode_client_entry(std::string_view key, std::string_view value) {
  if (key.size() != key_bytes(View::kClientHistory) ||
      value.size() != value_bytes(View::kClientHistory))
    return damaged(View::kClientHistory);
  const auto rest = key.substr(16);
  ClientEntry entry;
  entry.iaid = Iaid{static_cast<std::uint32_t>(get(rest, 4))};
  entry.type = static_cast<LeaseType>(rest[4]);
  entry.position = position_of_key(key);
  entry.key = get_key(value);
  entry.tenure = get(value.substr(kKeySize), 8);
  return entry;
}

Result<SubnetUsage> decode_usage(std::string_view value) {
  if (value.size() != 64) return damaged(View::kUsage);
  SubnetUsage u;
  std::size_t at = 0;
  for (auto* figure : {&u.active, &u.declined, &u.reserved, &u.created, &u.renewed, &u.released,
                       &u.expired, &u.deleted}) {
    *figure = get(value.substr(at), 8);
    at += 8;
  }
  return u;
}

void count(const Record& record, SubnetUsage& usage) {
  const LeaseFact* fact = lease_fact_of(record.event);
  if (fact == nullptr) return;
  const auto figure = [&usage](LeaseState state) -> std::uint64_t& {
    return state == LeaseState::kActive     ? usage.active
           : state == LeaseState::kDeclined ? usage.declined
                                            : usage.reserved;
  };
  const bool begins = fact->lease.tenure == record.position;
  switch (kind_of(record.event)) {
    case EventKind::kClientCreated:
      ++figure(fact->lease.state);
      ++usage.created;
      break;
    case EventKind::kLeaseRenewed:
      if (begins) {
        --usage.reserved;
        ++usage.active;
      }
      ++usage.renewed;
      break;
    case EventKind::kLeaseDeclined:
      if (!begins) --usage.active;
      ++usage.declined;
      break;
    case EventKind::kLeaseReleased:
      --figure(fact->lease.state);
      ++usage.released;
      break;
    case EventKind::kLeaseExpired:
      --figure(fact->lease.state);
      ++usage.expired;
      break;
    case EventKind::kClientDeleted:
      --figure(fact->lease.state);
      ++usage.deleted;
      break;
    default:
      break;
  }
}

Status ViewWriter::add(const Record& record, Entries& out) {
  LEASELEDGER_CHECK(record.position == position_ + 1);
  const EventKind kind = kind_of(record.event);
  if (kind == EventKind::kUnknown) {
    return fail(
        Win32::kRevisionMismatch, ErrorKind::kCorrupt, "record at position",
        std::to_string(record.position),
        "an event that this version knows; it was written by a newer leaseledger, use that one");
  }
  const auto enter_lease = [&](const LeaseKey& key, const LeaseEntry& entry) {
    EntryWriter to(out, View::kLeaseHistory);
    to.lease_key(key);
    to.u64(record.position);
    to.u8(static_cast<std::uint8_t>(entry.kind));
    to.u8(static_cast<std::uint8_t>(entry.state));
    to.u64(ordered(entry.effective_at));
    to.u64(ordered(entry.valid_until));
    to.u64(entry.tenure);
    to.u32(entry.subnet_id);
    lengths_.set(key.length);
  };
  const auto enter_client = [&](const Duid& duid, Iaid iaid, LeaseType type, const LeaseKey& key,
                                Position tenure) {
    const XXH128_hash_t digest = XXH3_128bits(duid.bytes().data(), duid.size());
    EntryWriter to(out, View::kClientHistory);
    to.u64(digest.high64);
    to.u64(digest.low64);
    to.u32(static_cast<std::uint32_t>(iaid));
    to.u8(static_cast<std::uint8_t>(type));
    to.u64(record.position);
    to.lease_key(key);
    to.u64(tenure);
  };

  SubnetId subnet = 0;
  if (const LeaseFact* fact = lease_fact_of(record.event)) {
    const Lease& lease = fact->lease;
    subnet = lease.subnet_id;
    enter_lease(lease.key, {record.position, kind, lease.state, record.effective_at,
                            lease.valid_until, lease.tenure, lease.subnet_id});
    enter_client(lease.duid, lease.iaid, lease.type, lease.key, lease.tenure);
    const bool gone = kind == EventKind::kLeaseReleased || kind == EventKind::kLeaseExpired ||
                      kind == EventKind::kClientDeleted;
    if (!gone && lease.valid_until != kForever) {
      EntryWriter to(out, View::kExpiry);
      to.u64(ordered(lease.valid_until));
      to.u64(record.position);
      to.lease_key(lease.key);
    }
    Figures& figures = figures_[subnet];
    count(record, figures.usage);
    if (!std::exchange(figures.touched, true)) touched_.push_back(subnet);
  }
  const auto about_command = [&](const Arguments& arguments) {
    const auto address = argument(arguments, "address");
    const auto key =
        address ? parse_lease_key(*address) : Result<LeaseKey>(tl::unexpected(Error{}));
    if (key)
      enter_lease(
          *key, {record.position, kind, LeaseState::kEnded, record.effective_at, Instant{}, 0, 0});
    const auto text = argument(arguments, "duid");
    const auto duid = text ? Duid::parse(*text) : Result<Duid>(tl::unexpected(Error{}));
    if (duid) {
      std::uint32_t iaid = 0;
      if (const auto number = argument(arguments, "iaid"))
        iaid = static_cast<std::uint32_t>(std::strtoul(number->c_str(), nullptr, 10));
      enter_client(*duid, Iaid{iaid}, LeaseType::kNa, key ? *key : LeaseKey{}, 0);
    }
  };
  std::visit(
      [&](const auto& event) {
        using T = std::decay_t<decltype(event)>;
        if constexpr (std::is_same_v<T, CommandRefused> || std::is_same_v<T, NothingChanged>)
          about_command(event.arguments);
        if constexpr (requires { event.subnet.id; }) subnet = event.subnet.id;
        if constexpr (requires { event.reservation; }) subnet = event.reservation.subnet_id;
        if constexpr (requires { event.exclusion; }) subnet = event.exclusion.subnet_id;
        if constexpr (requires { event.pool; }) subnet = event.pool.subnet_id;
        if constexpr (requires { event.reservation; }) {
          const Reservation& about = event.reservation;
          enter_lease(about.key, {record.position, kind, LeaseState::kEnded, record.effective_at,
                                  Instant{}, 0, about.subnet_id});
          enter_client(about.duid, about.iaid, about.type, about.key, 0);
        }
      },
      record.event);
  if (subnet != 0 && lease_fact_of(record.event) == nullptr) {
    EntryWriter to(out, View::kSubnetHistory);
    to.u32(subnet);
    to.u64(record.position);
    to.u8(static_cast<std::uint8_t>(kind));
    if (kind == EventKind::kSubnetCreated) figures_[subnet] = {};
    if (kind == EventKind::kSubnetDeleted) figures_.erase(subnet);
  }
  if (record.command_id) {
    EntryWriter to(out, View::kCommandIds);
    to.u64(XXH3_64bits(record.actor.data(), record.actor.size()));
    to.octets(record.command_id->data(), record.command_id->size());
    to.u64(record.position);
  }
  if (record.position % kUsageEvery == 0) {
    for (const SubnetId id : touched_) {
      const auto it = figures_.find(id);
      if (it == figures_.end() || !std::exchange(it->second.touched, false)) continue;
      EntryWriter to(out, View::kUsage);
      to.u32(id);
      to.u64(record.position);
      write_usage(to, it->second.usage);
    }
    touched_.clear();
  }
  position_ = record.position;
  return {};
}

std::string ViewWriter::save() const {
  std::string out;
  put(out, kViewsFormat, 1);
  put(out, position_, 8);
  for (std::size_t i = 0; i < lengths_.size(); ++i) out += lengths_[i] ? '\1' : '\0';
  const std::map<SubnetId, Figures> in_order(figures_.begin(), figures_.end());
  put(out, in_order.size(), 4);
  for (const auto& [id, figures] : in_order) {
    put(out, id, 4);
    const SubnetUsage& u = figures.usage;
    for (const auto figure :
         {u.active, u.declined, u.reserved, u.created, u.renewed, u.released, u.expired, u.deleted})
      put(out, figure, 8);
    put(out, figures.touched ? 1 : 0, 1);
  }
  return out;
}

Result<ViewWriter> ViewWriter::load(std::string_view bytes) {
  const auto bad = [] { return corrupt("views", "", "a watermark as the projector writes it"); };
  ViewWriter out;
  const auto take = [&](std::size_t size) {
    const auto part = bytes.substr(0, size);
    bytes.remove_prefix(std::min(size, bytes.size()));
    return part;
  };
  if (bytes.size() < 1 + 8 + 129 + 4) return bad();
  if (const auto format = get(take(1), 1); format != kViewsFormat) {
    return fail(Win32::kRevisionMismatch, ErrorKind::kCorrupt, "views",
                "format " + std::to_string(format), "format " + std::to_string(kViewsFormat));
  }
  out.position_ = get(take(8), 8);
  const auto lengths = take(129);
  for (std::size_t i = 0; i < 129; ++i) out.lengths_[i] = lengths[i] != 0;
  for (auto n = get(take(4), 4); n > 0; --n) {
    if (bytes.size() < 69) return bad();
    const auto id = static_cast<SubnetId>(get(take(4), 4));
    Figures& figures = out.figures_[id];
    LEASELEDGER_ASSIGN(figures.usage, decode_usage(take(64)));
    figures.touched = get(take(1), 1) != 0;
    if (figures.touched) out.touched_.push_back(id);
  }
  if (!bytes.empty()) return bad();
  return out;
}

void ViewDigest::add(std::string_view key, std::string_view value) {
  const std::uint64_t of_key = XXH3_64bits(key.data(), key.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(value.data(), value.size(), of_key);
  ++entries;
  sum[0] += hash.low64;
  sum[1] += hash.high64 ^ of_key;
}

}  // namespace leaseledger
