#pragma once
// Files and what is submitted from them.

#include "adapters/service/service.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <string>

namespace leaseledger::cli {

/// A file, or standard input for "-".
class Input {
 public:
  explicit Input(const std::string& name) {
    if (name != "-") file_.open(name, std::ios::binary);
    from_file_ = name != "-";
  }
  explicit operator bool() const { return !from_file_ || file_.is_open(); }
  std::istream& stream() { return from_file_ ? static_cast<std::istream&>(file_) : std::cin; }

 private:
  std::ifstream file_;
  bool from_file_ = false;
};

inline tl::unexpected<Error> cannot_read(const std::string& name) {
  return fail(Win32::kFileNotFound, ErrorKind::kNotFound, "FILE", name,
              "a file that can be read, or - for standard input");
}

/// `wanted` commands in one submission, or as many as the ledger takes: a daemon's limit is in its configuration.
inline Result<std::size_t> at_most_together(Service& ledger, std::size_t wanted) {
  LEASELEDGER_ASSIGN(const ServiceInfo info, ledger.info());
  return std::clamp<std::size_t>(info.max_batch, 1, wanted);
}

}  // namespace leaseledger::cli
