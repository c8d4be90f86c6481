#pragma once
// Reports that the ledger did not take, in a file, in their order: written while the ledger is away, sent again when it is back. The
// same report may be sent twice, since the file is cut only when it is empty of news; its ids make it count once.
//
// Format: 8 octets "LLSPOOL1", then entries of a length and a checksum (XXH32 of the text), 4 octets little-endian each, and the
// text. A torn last entry is left out. Nothing is synced: what a crash of the machine takes, the ledger's reconciler brings back.

#include <cstdint>
#include <string>
#include <vector>

namespace leaseledger::kea_hook {

class Spool {
 public:
  /// "" for none. What an earlier process left is there again.
  Spool(std::string path, std::uint64_t limit);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Why the file cannot be used; "" when it can, or when there is none.
  const std::string& problem() const { return problem_; }
  bool usable() const { return fd_ >= 0; }

  /// False when there is no room, or no file.
  bool append(const std::string& text);
  /// Up to `most` entries behind those that were sent; empty when there are none.
  std::vector<std::string> next(std::size_t most);
  /// What next() gave last has arrived.
  void sent();
  bool empty() const { return read_at_ == end_; }
  std::uint64_t bytes() const { return end_ - read_at_; }

 private:
  bool open();
  std::uint64_t scan(std::uint64_t from, std::size_t most, std::vector<std::string>* out);

  const std::string path_;
  const std::uint64_t limit_;
  std::string problem_;
  int fd_ = -1;
  std::uint64_t end_ = 0;
  std::uint64_t read_at_ = 0;
  std::uint64_t next_at_ = 0;  // behind what next() gave
};

}  // namespace leaseledger::kea_hook
