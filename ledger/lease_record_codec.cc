#include "ledger/lease_record_codec.h"

#include <bit>
#include <cstring>
#include <span>
#include <string_view>

namespace leaseledger {
namespace {

static_assert(std::endian::native == std::endian::little, "Cap'n Proto's words are little-endian");

std::uint64_t to_ns(Instant instant) {
  return static_cast<std::uint64_t>(instant.time_since_epoch().count());
}

constexpr std::size_t words_for(std::size_t octets) { return (octets + 7) / 8; }

/// Writes one message in the order of canonical form: a struct's data, its pointers, then what each pointer leads to.
class Writer {
 public:
  explicit Writer(std::uint64_t* words) : words_(words) {}
  std::size_t size() const { return next_; }

  /// Leaves room for the root pointer.
  std::size_t root() { return next_++; }

  /// A struct that the pointer at `pointer` leads to. Zero words at the end of the data are left out, as the form demands.
  /// Returns where its pointers are; all `pointers` must be set but null ones in between, which are so already.
  std::size_t structure(std::size_t pointer, std::span<const std::uint64_t> data,
                        std::size_t pointers) {
    std::size_t size = data.size();
    while (size > 0 && data[size - 1] == 0) --size;
    words_[pointer] = offset_from(pointer) << 2 | size << 32 | pointers << 48;
    for (std::size_t i = 0; i < size; ++i) words_[next_++] = data[i];
    const std::size_t at = next_;
    for (std::size_t i = 0; i < pointers; ++i) words_[next_++] = 0;
    return at;
  }

  void data(std::size_t pointer, const void* octets, std::size_t size) {
    list(pointer, octets, size, size);
  }
  void text(std::size_t pointer, std::string_view text) {
    list(pointer, text.data(), text.size(), text.size() + 1);  // with its NUL
  }
  void text_unless_empty(std::size_t pointer, std::string_view value) {
    if (!value.empty()) text(pointer, value);
  }

 private:
  std::uint64_t offset_from(std::size_t pointer) const {
    return static_cast<std::uint64_t>(next_ - pointer - 1) & 0x3fff'ffff;
  }
  void list(std::size_t pointer, const void* octets, std::size_t size, std::size_t count) {
    constexpr std::uint64_t kList = 1;
    constexpr std::uint64_t kOctets = 2;
    words_[pointer] =
        kList | offset_from(pointer) << 2 | kOctets << 32 | static_cast<std::uint64_t>(count) << 35;
    const std::size_t words = words_for(count);
    if (words == 0) return;
    words_[next_ + words - 1] = 0;
    if (words > 1) words_[next_ + words - 2] = 0;  // a NUL may stand alone in the last word
    if (size != 0) std::memcpy(words_ + next_, octets, size);
    next_ += words;
  }

  std::uint64_t* words_;
  std::size_t next_ = 0;
};

void write(Writer& out, std::size_t pointer, const Description& in) {
  const std::uint64_t data[] = {in.owner.high, in.owner.low,
                                in.server_subnet_id |
                                    static_cast<std::uint64_t>(in.hardware_type) << 32 |
                                    static_cast<std::uint64_t>(in.hardware_source) << 48,
                                static_cast<std::uint64_t>(in.fqdn_forward) |
                                    static_cast<std::uint64_t>(in.fqdn_reverse) << 1};
  const std::size_t at = out.structure(pointer, data, 5);
  out.text_unless_empty(at, in.owner_name);
  if (!in.hardware_address.empty())
    out.data(at + 1, in.hardware_address.data(), in.hardware_address.size());
  out.text_unless_empty(at + 2, in.context);
  out.text_unless_empty(at + 3, in.comment);
  out.text(at + 4, in.name);
}

void write(Writer& out, std::size_t pointer, const Lease& in, Position own) {
  const std::uint64_t data[] = {
      in.key.address.high,
      in.key.address.low,
      to_ns(in.valid_until),
      to_ns(in.preferred_until),
      in.tenure == 0 ? own : in.tenure,
      in.described == 0 ? own : in.described,
      static_cast<std::uint32_t>(in.iaid) | static_cast<std::uint64_t>(in.subnet_id) << 32,
      in.key.length | static_cast<std::uint64_t>(in.type) << 8 |
          static_cast<std::uint64_t>(in.state) << 16};
  out.data(out.structure(pointer, data, 1), in.duid.bytes().data(), in.duid.size());
}

/// Words that suffice for the record, whatever its content.
std::size_t most_words(const RecordView& record, const LeaseFact& fact) {
  std::size_t octets = record.actor.size() + record.door.size() + record.fingerprint.size() +
                       record.cause.size() + fact.lease.duid.size();
  if (fact.description) {
    const Description& d = *fact.description;
    octets += d.owner_name.size() + d.hardware_address.size() + d.context.size() +
              d.comment.size() + d.name.size();
  }
  return octets / 8 + 64;
}

}  // namespace

void encode_lease_record(const RecordView& record, EventKind kind, const LeaseFact& fact,
                         std::vector<std::uint64_t>& out) {
  const std::size_t begin = out.size();
  out.resize(begin + most_words(record, fact));
  Writer writer(out.data() + begin);
  const std::uint64_t data[] = {record.position, to_ns(record.recorded_at),
                                to_ns(record.effective_at), static_cast<std::uint64_t>(kind)};
  const std::size_t root = writer.root();
  const std::size_t at = writer.structure(root, data, 6);
  writer.text(at, record.actor);
  writer.text_unless_empty(at + 1, record.door);
  if (record.command_id != nullptr)
    writer.data(at + 2, record.command_id->data(), record.command_id->size());
  if (!record.fingerprint.empty())
    writer.data(at + 3, record.fingerprint.data(), record.fingerprint.size());
  writer.text_unless_empty(at + 4, record.cause);
  const std::uint64_t reason[] = {static_cast<std::uint64_t>(fact.reason)};
  const std::size_t fields = writer.structure(at + 5, reason, 2);
  if (fact.description) write(writer, fields, *fact.description);
  write(writer, fields + 1, fact.lease, record.position);
  out.resize(begin + writer.size());
}

// ---- reading ----------------------------------------------------------------------------------------------------

namespace {

/// A message that is looked at word by word. Every access is checked; what is not there makes it bad.
class Message {
 public:
  explicit Message(std::span<const std::uint8_t> bytes)
      : words_(reinterpret_cast<const std::uint64_t*>(bytes.data())), size_(bytes.size() / 8) {}

  struct Structure {
    std::size_t data = 0;
    std::size_t data_words = 0;
    std::size_t pointers = 0;
    std::size_t pointer_count = 0;
  };
  bool good() const { return good_; }

  /// The struct that the pointer at `at` leads to.
  Structure structure(std::size_t at) {
    const std::uint64_t pointer = word(at);
    Structure out;
    if ((pointer & 3) != 0 || pointer == 0 || (pointer & 0x8000'0000) != 0) return bad(out);
    out.data = at + 1 + (pointer >> 2 & 0x3fff'ffff);
    out.data_words = pointer >> 32 & 0xffff;
    out.pointers = out.data + out.data_words;
    out.pointer_count = pointer >> 48;
    if (out.pointers + out.pointer_count > size_) return bad(out);
    return out;
  }
  std::uint64_t data(const Structure& in, std::size_t index) const {
    return index < in.data_words ? words_[in.data + index] : 0;
  }
  Structure child(const Structure& in, std::size_t index) {
    return index < in.pointer_count ? structure(in.pointers + index) : bad(Structure{});
  }
  /// Octets of a list, its NUL included when it is a text; empty for a null pointer.
  std::span<const std::uint8_t> octets(const Structure& in, std::size_t index) {
    const std::size_t at = in.pointers + index;
    const std::uint64_t pointer = index < in.pointer_count ? words_[at] : 0;
    if (pointer == 0) return {};
    const std::size_t begin = at + 1 + (pointer >> 2 & 0x3fff'ffff);
    const std::size_t count = pointer >> 35;
    constexpr std::uint64_t kOctetList = 1 | std::uint64_t{2} << 32;
    if ((pointer & 0x0000'0007'8000'0003) != kOctetList || begin > size_ ||
        words_for(count) > size_ - begin) {
      good_ = false;
      return {};
    }
    return {reinterpret_cast<const std::uint8_t*>(words_ + begin), count};
  }

 private:
  std::uint64_t word(std::size_t at) {
    if (at < size_) return words_[at];
    good_ = false;
    return 0;
  }
  Structure bad(Structure out) {
    good_ = false;
    out.data_words = out.pointer_count = 0;
    return out;
  }

  const std::uint64_t* words_;
  std::size_t size_;
  bool good_ = true;
};

Instant from_word(std::uint64_t word) {
  return Instant{std::chrono::nanoseconds{static_cast<std::int64_t>(word)}};
}

template <typename T>
LeaseFact& fact_of(Event& event) {
  if (auto* held = std::get_if<T>(&event)) return *held;
  return event.emplace<T>();
}

LeaseFact* fact_of(EventKind kind, Event& event) {
  switch (kind) {
    case EventKind::kClientCreated:
      return &fact_of<ClientCreated>(event);
    case EventKind::kClientChanged:
      return &fact_of<ClientChanged>(event);
    case EventKind::kLeaseRenewed:
      return &fact_of<LeaseRenewed>(event);
    case EventKind::kLeaseReleased:
      return &fact_of<LeaseReleased>(event);
    case EventKind::kLeaseDeclined:
      return &fact_of<LeaseDeclined>(event);
    case EventKind::kLeaseExpired:
      return &fact_of<LeaseExpired>(event);
    case EventKind::kClientDeleted:
      return &fact_of<ClientDeleted>(event);
    default:
      return nullptr;
  }
}

}  // namespace

bool decode_lease_record(std::span<const std::uint8_t> bytes, Record& out) {
  if (bytes.size() % 8 != 0) return false;
  Message in(bytes);
  const auto record = in.structure(0);
  const auto kind = static_cast<EventKind>(in.data(record, 3) & 0xffff);
  LeaseFact* fact = in.good() ? fact_of(kind, out.event) : nullptr;
  if (fact == nullptr) return false;
  const auto fields = in.child(record, 5);
  const auto lease = in.child(fields, 1);
  const auto actor = in.octets(record, 0);
  const auto id = in.octets(record, 2);
  const std::uint64_t last = in.data(lease, 7);
  if (!fact->lease.duid.assign(in.octets(lease, 0)) || !in.good() || actor.empty() ||
      (!id.empty() && id.size() != CommandId{}.size()) || (last & 0xff) > 128)
    return false;
  out.position = in.data(record, 0);
  out.recorded_at = from_word(in.data(record, 1));
  out.effective_at = from_word(in.data(record, 2));
  out.actor.assign(reinterpret_cast<const char*>(actor.data()), actor.size() - 1);
  out.door.clear();
  out.fingerprint.clear();
  out.cause.clear();
  if (id.empty()) {
    out.command_id.reset();
  } else {
    std::memcpy(out.command_id.emplace().data(), id.data(), id.size());
  }
  fact->reason = static_cast<Reason>(in.data(fields, 0) & 0xffff);
  fact->description.reset();
  Lease& to = fact->lease;
  to.key = {{in.data(lease, 0), in.data(lease, 1)}, static_cast<std::uint8_t>(last & 0xff)};
  to.valid_until = from_word(in.data(lease, 2));
  to.preferred_until = from_word(in.data(lease, 3));
  to.tenure = in.data(lease, 4);
  to.described = in.data(lease, 5);
  to.iaid = Iaid{static_cast<std::uint32_t>(in.data(lease, 6))};
  to.subnet_id = static_cast<SubnetId>(in.data(lease, 6) >> 32);
  to.type = static_cast<LeaseType>(last >> 8 & 0xff);
  to.state = static_cast<LeaseState>(last >> 16 & 0xff);
  return true;
}

}  // namespace leaseledger
