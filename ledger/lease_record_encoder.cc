#include "ledger/lease_record_encoder.h"

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
  const std::uint64_t data[] = {
      in.owner.high, in.owner.low,
      in.server_subnet_id | static_cast<std::uint64_t>(in.hardware_type) << 32 |
          static_cast<std::uint64_t>(in.hardware_source) << 48,
      static_cast<std::uint64_t>(in.fqdn_forward) | static_cast<std::uint64_t>(in.fqdn_reverse) << 1};
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

}  // namespace leaseledger
