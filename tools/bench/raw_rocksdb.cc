// The yardstick: what the disk and RocksDB give when nothing else is done.

#include "tools/bench/made_up_commands.h"
#include "tools/bench/write_load.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <bit>
#include <chrono>

namespace leaseledger::bench {
namespace {

constexpr std::size_t kPool = 65'536;
constexpr std::size_t kValueBytes = 16'384;

/// The bytes that a ledger stores for CreateClient commands with ids.
RecordBatch make_records() {
  RecordBatch out;
  const Instant start = SystemClock().now();
  for (std::size_t i = 0; i < kPool; ++i) out.add(record_of(i, start));
  return out;
}

rocksdb::Options options() {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.info_log_level = rocksdb::WARN_LEVEL;
  out.allow_concurrent_memtable_write = false;
  out.bytes_per_sync = 1 << 20;
  out.use_direct_io_for_flush_and_compaction = true;
  out.max_background_jobs = 2;
  out.stats_dump_period_sec = 0;
  out.compression = rocksdb::kNoCompression;
  out.write_buffer_size = std::size_t{64} << 20;
  out.max_write_buffer_number = 4;
  out.level_compaction_dynamic_level_bytes = true;
  out.level0_slowdown_writes_trigger = out.level0_stop_writes_trigger = 1 << 20;
  out.soft_pending_compaction_bytes_limit = out.hard_pending_compaction_bytes_limit = 0;
  return out;
}

}  // namespace

Result<Measurement> raw_rocksdb(const std::filesystem::path& directory, std::size_t group,
                                double seconds) {
  using Steady = std::chrono::steady_clock;
  const auto failed = [&](const rocksdb::Status& status) {
    return fail(Win32::kWriteFault, ErrorKind::kIo, directory.string(), status.ToString(),
                "a directory that RocksDB can write to");
  };
  static const RecordBatch records = make_records();
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options(), directory.string(), &opened); !status.ok())
    return failed(status);
  const std::unique_ptr<rocksdb::DB> db(opened);

  Measurement out;
  out.system = "raw RocksDB";
  out.workload = "create";
  out.mode = "groups of " + std::to_string(group);
  out.batch = group;
  out.durability = "fsync before the answer";
  out.note = "values of 16 KiB, one thread, nothing else";
  rocksdb::WriteOptions durable;
  durable.sync = true;
  rocksdb::WriteBatch batch;
  std::string value;
  std::uint64_t position = 1;
  const auto start = Steady::now();
  const auto end =
      start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  auto before = start;
  for (; before < end;) {
    batch.Clear();
    for (std::size_t i = 0; i < group;) {
      value.clear();
      const std::uint64_t key = __builtin_bswap64(position);
      do {
        const auto bytes = records.record(position % kPool);
        value.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        ++position;
        ++i;
      } while (i < group && value.size() + records.record(position % kPool).size() <= kValueBytes);
      batch.Put(std::string_view(reinterpret_cast<const char*>(&key), sizeof key), value);
    }
    if (const auto status = db->Write(durable, &batch); !status.ok()) return failed(status);
    const auto now = Steady::now();
    out.latencies.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(now - before).count()));
    before = now;
  }
  out.operations = position - 1;
  out.seconds = std::chrono::duration<double>(before - start).count();
  return out;
}

}  // namespace leaseledger::bench
