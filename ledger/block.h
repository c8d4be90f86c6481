#pragma once
// Blocks: the records of one append, packed into values of about 16 KiB and compressed. One put for each record would
// cost the writer half of its throughput. Format: docs/formats/event_log.md.
// Flow: record.h -> [block.h] -> rocksdb_log.h

#include "ledger/record.h"
#include "ledger/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger {

/// Numbers are stored.
enum class BlockCodec : std::uint8_t { kRaw = 0, kLz4 = 1 };
std::string_view name_of(BlockCodec codec);  ///< "raw", "lz4".
std::optional<BlockCodec> block_codec_from_name(std::string_view name);

inline constexpr std::uint8_t kBlockFormat = 1;
inline constexpr std::size_t kBlockHeaderBytes = 24;
inline constexpr std::uint32_t kDefaultBlockTargetBytes = 16384;
/// Smaller bodies are stored raw: compressing them gains less than it costs.
inline constexpr std::size_t kCompressFromBytes = 1024;

/// Cuts a batch into blocks. Keeps its buffers; one for each appender.
class BlockWriter {
 public:
  /// A body holds as many records as fit into `target_bytes`, and at least one.
  BlockWriter(BlockCodec codec, std::uint32_t target_bytes)
      : codec_(codec), target_bytes_(target_bytes) {}

  /// Encodes the block that begins with record `index` of `batch` into `out`, which is overwritten.
  /// Returns the index of the first record that is not in it; batch.size() ends the batch.
  std::size_t write(const RecordBatch& batch, std::size_t index, std::string& out);

 private:
  BlockCodec codec_;
  std::uint32_t target_bytes_;
  std::vector<std::uint64_t> body_;
};

/// What the header of a block says. Read from a stored value without looking at its body.
struct BlockHeader {
  BlockCodec codec = BlockCodec::kRaw;
  std::uint32_t count = 0;
  Position first = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t checksum = 0;
  Position last() const { return first + count - 1; }
};
/// kCorrupt when `stored` is shorter than a header or the header contradicts itself; kCorrupt with
/// ERROR_REVISION_MISMATCH for a format that this version does not know.
Result<BlockHeader> read_block_header(std::span<const std::uint8_t> stored);

/// A decoded block. Keeps its buffer from one decode() to the next.
class Block {
 public:
  /// Checks everything: sizes, offsets, checksum. After an error the block is empty.
  Status decode(std::span<const std::uint8_t> stored);

  bool empty() const { return count_ == 0; }
  Position first() const { return first_; }
  Position last() const { return first_ + count_ - 1; }
  bool contains(Position position) const {
    return position >= first_ && position - first_ < count_;
  }
  std::size_t memory_bytes() const { return sizeof *this + body_.capacity() * 8; }
  /// 8-byte aligned, valid until the next decode(). `position` must be contained; CHECKed.
  std::span<const std::uint8_t> record(Position position) const;

 private:
  std::uint32_t end_of(std::size_t index) const;

  std::vector<std::uint64_t> body_;
  std::uint32_t count_ = 0;
  Position first_ = 0;
};

}  // namespace leaseledger
