// LeaseBook::image and LeaseBook::load: docs/formats/lease_book.md.

#include "ledger/book_image.h"

#include "ledger/book_octets.h"
#include "ledger/check.h"
#include "ledger/lease_book.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

namespace leaseledger {
namespace {

constexpr std::array<std::uint8_t, kBookMagicOctets> kMagic = {'L', 'L', 'B', 'O', 'O', 'K', 0, 2};
constexpr std::size_t kPrelude = kBookMagicOctets + 8;  // magic, octets of the header
constexpr std::size_t kChecksum = 16;

using Checksum = std::array<std::uint8_t, kChecksum>;

/// XXH3-128 of the octets; `seed` keeps pieces of other places or files from passing.
Checksum checksum_of(std::span<const std::uint8_t> octets, std::uint64_t seed) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(octets.data(), octets.size(), seed));
  Checksum out;
  std::ranges::copy(canonical.digest, out.begin());
  return out;
}

std::uint64_t seed_of(Position position, std::size_t array, std::size_t chunk) {
  return position * 0x9e37'79b9'7f4a'7c15U + (std::uint64_t{array} << 48) + chunk;
}

tl::unexpected<Error> damaged() {
  return corrupt("book snapshot", "", "the octets that BookImage::write wrote");
}

}  // namespace

bool is_book_of_older_version(std::span<const std::uint8_t> magic) {
  return std::ranges::equal(magic.first(kBookMagicOctets - 1),
                            std::span(kMagic).first(kBookMagicOctets - 1)) &&
         magic[kBookMagicOctets - 1] < kMagic.back();
}

// ---- writing ----------------------------------------------------------------------------------------------------

BookImage::~BookImage() {
  for (const auto& array : arrays_) array->drop();
}

void BookImage::write(const std::function<void(std::span<const std::uint8_t>)>& sink) {
  LEASELEDGER_CHECK(!written_);
  written_ = true;
  sink(header_);
  std::vector<std::uint8_t> octets;
  for (std::size_t array = 0; array < arrays_.size(); ++array) {
    for (std::size_t chunk = 0; chunk < arrays_[array]->chunks(); ++chunk) {
      arrays_[array]->take(chunk, octets);
      const Checksum checksum = checksum_of(octets, seed_of(position_, array, chunk));
      octets.insert(octets.end(), checksum.begin(), checksum.end());
      sink(octets);
    }
    arrays_[array]->settle();
  }
}

std::shared_ptr<BookImage> LeaseBook::image() const {
  LEASELEDGER_CHECK(!savepoint_);
  if (!image_.expired()) return nullptr;
  const std::shared_ptr<BookImage> image(new BookImage);
  image->position_ = position_;
  std::vector<std::uint8_t> header;
  {
    const std::function<void(std::span<const std::uint8_t>)> keep =
        [&header](std::span<const std::uint8_t> part) {
          header.insert(header.end(), part.begin(), part.end());
        };
    BookWriter out(keep);
    write_state(out);
    for (const auto& [id, entry] : subnets_) {
      for (const auto figure : {entry.usage.active, entry.usage.declined, entry.usage.reserved})
        out.number(figure);
    }
    out.number(static_cast<std::uint64_t>(by_key_.size()));
    out.number(static_cast<std::uint64_t>(by_client_.size()));
    leases_.write_figures(out);
  }
  auto& all = image->header_;
  all.assign(kMagic.begin(), kMagic.end());
  for (unsigned i = 0; i < 8; ++i)
    all.push_back(static_cast<std::uint8_t>(header.size() >> (8 * i)));
  all.insert(all.end(), header.begin(), header.end());
  const Checksum checksum = checksum_of(all, 0);
  all.insert(all.end(), checksum.begin(), checksum.end());
  leases_.visit_arrays([&](const auto& array) { image->arrays_.push_back(array.take_image()); });
  image_ = image;
  return image;
}

// ---- reading ----------------------------------------------------------------------------------------------------

namespace {

/// Pieces of work, each of 4096 slots.
constexpr std::size_t kWorthAThread = 4;

/// Work that two threads do: `body(n)` once for each n below `count`. Stops early when one says false; false then.
template <typename Body>
bool share(std::size_t count, Body body) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> good{true};
  const auto run = [&] {
    for (std::size_t n = next++; n < count && good; n = next++) {
      if (!body(n)) good = false;
    }
  };
  if (count < kWorthAThread) {
    run();
    return good;
  }
  std::thread other(run);
  run();
  other.join();
  return good;
}

/// Enters every live slot, the cache line of each index entry fetched ahead.
template <typename Wanted, typename HashOf>
void fill_index(SlotIndex& index, std::size_t count, std::uint32_t end, Wanted wanted,
                HashOf hash_of) {
  constexpr std::size_t kAhead = 64;
  struct Waiting {
    std::uint64_t hash;
    std::uint32_t slot;
  };
  std::array<Waiting, kAhead> waiting;
  std::size_t entered = 0;
  std::size_t seen = 0;
  index.reserve(count, end);
  for (std::uint32_t slot = 0; slot < end; ++slot) {
    if (!wanted(slot)) continue;
    auto& place = waiting[seen % kAhead];
    if (seen >= kAhead) {
      index.insert(place.hash, place.slot, hash_of);
      ++entered;
    }
    place = {hash_of(slot), slot};
    index.prefetch(place.hash);
    ++seen;
  }
  for (; entered < seen; ++entered)
    index.insert(waiting[entered % kAhead].hash, waiting[entered % kAhead].slot, hash_of);
}

/// Reads chunk `chunk` of an array into place. `offset` is where the array begins.
template <typename Array>
bool read_chunk(const ReadAt& read, Array& array, std::size_t chunk, std::uint64_t offset,
                std::uint64_t seed) {
  const std::span<std::uint8_t> octets(array.chunk(chunk), array.chunk_octets(chunk));
  const std::uint64_t at = offset + std::uint64_t{chunk} * (Array::kChunkOctets + kChecksum);
  Checksum checksum;
  return read(at, octets) && read(at + octets.size(), checksum) &&
         checksum == checksum_of(octets, seed);
}

template <typename Array>
std::uint64_t octets_in_file(const Array& array, std::uint32_t size) {
  const std::uint64_t chunks =
      (std::uint64_t{size} + Array::kChunkElements - 1) / Array::kChunkElements;
  return std::uint64_t{size} * array.kElementOctets + chunks * kChecksum;
}

}  // namespace

Result<LeaseBook> LeaseBook::load(const ReadAt& read, std::uint64_t size) {
  std::array<std::uint8_t, kPrelude> prelude{};
  if (size < kPrelude + kChecksum || !read(0, prelude)) return damaged();
  if (!std::ranges::equal(std::span(prelude).first(kBookMagicOctets), kMagic)) return damaged();
  std::uint64_t header_octets = 0;
  for (unsigned i = 0; i < 8; ++i)
    header_octets |= std::uint64_t{prelude[kBookMagicOctets + i]} << (8 * i);
  if (header_octets > size - kPrelude - kChecksum) return damaged();
  std::vector<std::uint8_t> header(kPrelude + header_octets);
  Checksum checksum;
  if (!read(0, header) || !read(header.size(), checksum) || checksum != checksum_of(header, 0))
    return damaged();

  LeaseBook book;
  BookReader in{std::span<const std::uint8_t>(header).subspan(kPrelude)};
  if (!book.read_state(in)) return damaged();
  for (auto& [id, entry] : book.subnets_) {
    for (auto* figure : {&entry.usage.active, &entry.usage.declined, &entry.usage.reserved})
      *figure = in.number<std::uint64_t>();
  }
  const auto with_key = in.number<std::uint64_t>();
  const auto with_client = in.number<std::uint64_t>();
  LeaseSlots& leases = book.leases_;
  const LeaseSlots::Figures figures = LeaseSlots::read_figures(in);
  if (!in.ok() || !in.at_end()) return damaged();

  // The sizes must be the file's own before memory is asked for.
  std::uint64_t end = header.size() + kChecksum;
  std::vector<std::uint64_t> begins;
  leases.visit_arrays([&](const auto& array) {
    begins.push_back(end);
    end += octets_in_file(array, figures.sizes[begins.size() - 1]);
  });
  if (end != size || with_key > figures.sizes.back() || with_client > with_key) return damaged();

  bool good = true;
  std::size_t number = 0;
  leases.visit_arrays([&](auto& array) {
    const std::size_t n = number++;
    array.resize_to_fill(figures.sizes[n]);
    if (n + 1 == figures.sizes.size()) return;  // the slots
    for (std::size_t chunk = 0; chunk < array.chunks() && good; ++chunk)
      good = read_chunk(read, array, chunk, begins[n], seed_of(book.position_, n, chunk));
  });
  if (!good || !leases.restore(figures)) return damaged();

  // A group of the expiry summary belongs to one thread.
  constexpr std::size_t kTogether = ExpirySummary::kGroupSlots / LeaseSlots::Slots::kChunkElements;
  static_assert(kTogether > 0 &&
                ExpirySummary::kGroupSlots % LeaseSlots::Slots::kChunkElements == 0);
  auto& slots = leases.slots_;
  std::atomic<std::uint64_t> live{0};
  const std::size_t groups = (slots.chunks() + kTogether - 1) / kTogether;
  const bool whole = share(groups, [&](std::size_t group) {
    const std::size_t last = std::min(slots.chunks(), (group + 1) * kTogether);
    for (std::size_t chunk = group * kTogether; chunk < last; ++chunk) {
      if (!read_chunk(read, slots, chunk, begins.back(),
                      seed_of(book.position_, begins.size() - 1, chunk))) {
        return false;
      }
      const auto counted = leases.restore_chunk(chunk);
      if (!counted) return false;
      live += *counted;
    }
    return true;
  });
  if (!whole || live != with_key) return damaged();

  const auto fill_by_key = [&] {
    fill_index(
        book.by_key_, with_key, leases.end(), [&](std::uint32_t slot) { return leases.live(slot); },
        [&](std::uint32_t slot) { return leases.key_hash(slot); });
  };
  const auto fill_by_client = [&] {
    fill_index(
        book.by_client_, with_client, leases.end(),
        [&](std::uint32_t slot) {
          return leases.live(slot) && leases.state(slot) != LeaseState::kDeclined;
        },
        [&](std::uint32_t slot) { return leases.client_hash(slot); });
  };
  if (groups < kWorthAThread) {
    fill_by_key();
    fill_by_client();
  } else {
    std::thread other(fill_by_client);
    fill_by_key();
    other.join();
  }
  if (book.by_client_.size() != with_client) return damaged();
  return book;
}

}  // namespace leaseledger
