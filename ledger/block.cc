#include "ledger/block.h"

#include "ledger/check.h"

#include <lz4.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace leaseledger {
namespace {

static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

/// The stored header, field by field.
struct StoredHeader {
  std::uint8_t format;
  std::uint8_t codec;
  std::uint16_t reserved;
  std::uint32_t count;
  std::uint64_t first;
  std::uint32_t raw_bytes;
  std::uint32_t checksum;
};
static_assert(sizeof(StoredHeader) == kBlockHeaderBytes);

/// Bytes of the table of `count` end offsets, padded so that the records behind it are aligned.
std::size_t table_bytes(std::size_t count) { return (count * 4 + 7) / 8 * 8; }

std::uint32_t checksum_of(Position first, std::span<const std::uint8_t> body) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(body.data(), body.size(), first));
}

std::span<std::uint8_t> bytes_of(std::vector<std::uint64_t>& words) {
  return {reinterpret_cast<std::uint8_t*>(words.data()), words.size() * 8};
}

tl::unexpected<Error> bad(std::string what) {
  return corrupt("log block", std::move(what),
                 "a block written by leaseledger; restore from a backup");
}

}  // namespace

std::string_view name_of(BlockCodec codec) { return codec == BlockCodec::kLz4 ? "lz4" : "raw"; }

std::optional<BlockCodec> block_codec_from_name(std::string_view name) {
  if (name == "raw") return BlockCodec::kRaw;
  if (name == "lz4") return BlockCodec::kLz4;
  return std::nullopt;
}

std::size_t BlockWriter::write(const RecordBatch& batch, std::size_t index, std::string& out) {
  LEASELEDGER_CHECK(index < batch.size());
  const auto ends = batch.ends();
  const std::uint32_t begin = index == 0 ? 0 : ends[index - 1];
  std::size_t stop = index + 1;
  while (stop < ends.size() &&
         table_bytes(stop + 1 - index) + (ends[stop] - begin) <= target_bytes_)
    ++stop;

  const std::size_t count = stop - index;
  const std::size_t table = table_bytes(count);
  const std::size_t raw_bytes = table + (ends[stop - 1] - begin);
  LEASELEDGER_CHECK(raw_bytes <= UINT32_MAX);
  body_.resize(raw_bytes / 8);
  const auto body = bytes_of(body_);
  body_[table / 8 - 1] = 0;  // padding of the table
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t end = ends[index + i] - begin;
    std::memcpy(body.data() + 4 * i, &end, 4);
  }
  std::memcpy(body.data() + table, batch.bytes().data() + begin, raw_bytes - table);

  StoredHeader header{kBlockFormat,
                      static_cast<std::uint8_t>(BlockCodec::kRaw),
                      0,
                      static_cast<std::uint32_t>(count),
                      batch.first_position() + index,
                      static_cast<std::uint32_t>(raw_bytes),
                      0};
  header.checksum = checksum_of(header.first, body);
  std::size_t stored_bytes = 0;
  if (codec_ == BlockCodec::kLz4 && raw_bytes >= kCompressFromBytes &&
      raw_bytes <= LZ4_MAX_INPUT_SIZE) {
    // No room for a result that saves less than an eighth: LZ4 then gives up and returns 0.
    const std::size_t room = raw_bytes - raw_bytes / 8;
    out.resize(kBlockHeaderBytes + room);
    stored_bytes = static_cast<std::size_t>(LZ4_compress_default(
        reinterpret_cast<const char*>(body.data()), out.data() + kBlockHeaderBytes,
        static_cast<int>(raw_bytes), static_cast<int>(room)));
  }
  if (stored_bytes != 0) {
    header.codec = static_cast<std::uint8_t>(BlockCodec::kLz4);
    out.resize(kBlockHeaderBytes + stored_bytes);
  } else {
    out.resize(kBlockHeaderBytes + raw_bytes);
    std::memcpy(out.data() + kBlockHeaderBytes, body.data(), raw_bytes);
  }
  std::memcpy(out.data(), &header, sizeof header);
  return stop;
}

Result<BlockHeader> read_block_header(std::span<const std::uint8_t> stored) {
  if (stored.size() < kBlockHeaderBytes) return bad(std::to_string(stored.size()) + " bytes");
  StoredHeader in;
  std::memcpy(&in, stored.data(), sizeof in);
  if (in.format != kBlockFormat) {
    return fail(Win32::kRevisionMismatch, ErrorKind::kCorrupt, "log block",
                "format " + std::to_string(in.format),
                "format " + std::to_string(kBlockFormat) + "; use a newer leaseledger");
  }
  if (in.codec > static_cast<std::uint8_t>(BlockCodec::kLz4))
    return bad("codec " + std::to_string(in.codec));
  const std::size_t body = stored.size() - kBlockHeaderBytes;
  // LZ4 makes at most 255 bytes of one: a greater size is damage, not a reason to allocate 4 GiB.
  const bool size_fits = in.codec == 0 ? in.raw_bytes == body : in.raw_bytes / 256 <= body;
  if (in.reserved != 0 || in.first == 0 || in.count == 0 || in.raw_bytes % 8 != 0 || !size_fits ||
      in.raw_bytes / 12 < in.count) {
    return bad("contradictory header");
  }
  return BlockHeader{static_cast<BlockCodec>(in.codec), in.count, in.first, in.raw_bytes,
                     in.checksum};
}

Status Block::decode(std::span<const std::uint8_t> stored) {
  count_ = 0;
  LEASELEDGER_ASSIGN(const BlockHeader header, read_block_header(stored));
  body_.resize(header.raw_bytes / 8);
  const auto body = bytes_of(body_);
  const auto packed = stored.subspan(kBlockHeaderBytes);
  if (header.codec == BlockCodec::kRaw) {
    std::memcpy(body.data(), packed.data(), packed.size());
  } else if (header.raw_bytes > LZ4_MAX_INPUT_SIZE ||
             LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data()),
                                 reinterpret_cast<char*>(body.data()),
                                 static_cast<int>(packed.size()),
                                 static_cast<int>(body.size())) != static_cast<int>(body.size())) {
    return bad("LZ4 data that cannot be unpacked");
  }
  if (checksum_of(header.first, body) != header.checksum)
    return bad("checksum mismatch at position " + std::to_string(header.first));

  const std::size_t table = table_bytes(header.count);
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < header.count; ++i) {
    const std::uint32_t end = end_of(i);
    if (end <= before || end % 8 != 0)
      return bad("offsets out of order at position " + std::to_string(header.first));
    before = end;
  }
  if (table + before != header.raw_bytes)
    return bad("offsets that do not fill the block at position " + std::to_string(header.first));
  count_ = header.count;
  first_ = header.first;
  return {};
}

std::uint32_t Block::end_of(std::size_t index) const {
  std::uint32_t end = 0;
  std::memcpy(&end, reinterpret_cast<const std::uint8_t*>(body_.data()) + 4 * index, 4);
  return end;
}

std::span<const std::uint8_t> Block::record(Position position) const {
  LEASELEDGER_CHECK(contains(position));
  const std::size_t index = position - first_;
  const std::uint32_t begin = index == 0 ? 0 : end_of(index - 1);
  const auto* records = reinterpret_cast<const std::uint8_t*>(body_.data()) + table_bytes(count_);
  return {records + begin, end_of(index) - begin};
}

}  // namespace leaseledger
