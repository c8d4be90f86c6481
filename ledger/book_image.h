#pragma once
// A LeaseBook as it was at one moment, to be written to a file while the book goes on. Format: docs/formats/lease_book.md.
// Flow: LeaseBook::image() -> [book_image.h] -> replay/book_snapshots.h; back by LeaseBook::load()

#include "ledger/array_image.h"
#include "ledger/event.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace leaseledger {

class LeaseBook;

/// Belongs to one thread, any one. The book copies what it changes until the image is destroyed, so keep it no longer than
/// needed: at the worst it takes as much memory as the book.
class BookImage {
 public:
  ~BookImage();
  BookImage(const BookImage&) = delete;
  BookImage& operator=(const BookImage&) = delete;

  /// The last record folded in.
  Position position() const { return position_; }

  /// Passes the file's octets to `sink` in pieces. Once; the image can only be dropped then.
  void write(const std::function<void(std::span<const std::uint8_t>)>& sink);

 private:
  friend class LeaseBook;
  BookImage() = default;

  Position position_ = 0;
  std::vector<std::uint8_t> header_;
  std::vector<std::shared_ptr<ArrayImage>> arrays_;  // in the order of the file
  bool written_ = false;
};

/// Reads `out.size()` octets of a file from `offset` on; false when it cannot. Called on two threads at a time.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::uint8_t> out)>;

/// The first octets of every image; those of the first version, which cannot be loaded any more, end in 1.
inline constexpr std::size_t kBookMagicOctets = 8;
bool is_book_of_older_version(std::span<const std::uint8_t> magic);

}  // namespace leaseledger
