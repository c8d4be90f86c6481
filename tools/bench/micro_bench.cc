// The parts of the write path and of replay by themselves: nanoseconds for each record.

#include "commands/fields.h"
#include "ledger/block.h"
#include "ledger/lease_book.h"
#include "ledger/merkle_tree.h"
#include "projections/segment.h"
#include "tools/bench/made_up_commands.h"

#include <benchmark/benchmark.h>
#include <utility>
#include <vector>

namespace leaseledger::bench {
namespace {

constexpr std::size_t kRecords = 8192;

const std::vector<Record>& records() {
  static const std::vector<Record> all = [] {
    std::vector<Record> out;
    for (std::uint64_t i = 0; i < kRecords; ++i)
      out.push_back(record_of(i, Instant{std::chrono::seconds{1'790'000'000}}));
    return out;
  }();
  return all;
}

const RecordBatch& encoded() {
  static const RecordBatch all = [] {
    RecordBatch out;
    for (const Record& record : records()) out.add(record);
    return out;
  }();
  return all;
}

void items(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kRecords);
}

void encode(benchmark::State& state) {
  RecordBatch batch;
  for (auto _ : state) {
    batch.clear();
    for (const Record& record : records()) batch.add(record);
  }
  items(state);
  state.counters["octets"] = static_cast<double>(batch.bytes().size()) / kRecords;
}
BENCHMARK(encode);

void decode_whole(benchmark::State& state) {
  Record out;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kRecords; ++i)
      benchmark::DoNotOptimize(decode_record(encoded().record(i), out));
  }
  items(state);
}
BENCHMARK(decode_whole);

void decode_for_folding(benchmark::State& state) {
  Record out;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kRecords; ++i)
      benchmark::DoNotOptimize(decode_fact(encoded().record(i), out));
  }
  items(state);
}
BENCHMARK(decode_for_folding);

void leaf_and_tree(benchmark::State& state) {
  Sha256 sha;
  for (auto _ : state) {
    MerkleTree tree;
    CompletedTiles completed;
    for (std::size_t i = 0; i < kRecords; ++i)
      tree.append(sha.leaf(encoded().record(i)), completed);
    benchmark::DoNotOptimize(tree.root());
  }
  items(state);
}
BENCHMARK(leaf_and_tree);

void pack_blocks(benchmark::State& state) {
  BlockWriter blocks(state.range(0) != 0 ? BlockCodec::kLz4 : BlockCodec::kRaw,
                     kDefaultBlockTargetBytes);
  std::string block;
  std::size_t octets = 0;
  for (auto _ : state) {
    octets = 0;
    for (std::size_t i = 0; i < kRecords;) {
      i = blocks.write(encoded(), i, block);
      octets += block.size();
    }
  }
  items(state);
  state.counters["octets"] = static_cast<double>(octets) / kRecords;
}
BENCHMARK(pack_blocks)->ArgName("lz4")->Arg(0)->Arg(1);

void fingerprint(benchmark::State& state) {
  std::vector<Envelope> envelopes;
  for (std::size_t i = 0; i < kRecords; ++i) envelopes.push_back({.command = create_of(i)});
  std::string out;
  for (auto _ : state) {
    for (const Envelope& envelope : envelopes) fingerprint_into(envelope, out);
  }
  items(state);
}
BENCHMARK(fingerprint);

void enter_and_sort_views(benchmark::State& state) {
  for (auto _ : state) {
    ViewWriter writer;
    Entries entries;
    for (const Record& record : records()) benchmark::DoNotOptimize(writer.add(record, entries));
    benchmark::DoNotOptimize(MemorySegment::sort(1, kRecords, std::move(entries)));
  }
  items(state);
}
BENCHMARK(enter_and_sort_views);

}  // namespace
}  // namespace leaseledger::bench

BENCHMARK_MAIN();
