#pragma once
// A file that is there whole or not at all: written under another name, made durable, and only then called by its own.

#include "ledger/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace leaseledger::cli {

/// Where a verb writes to: a file, or standard output for "-".
class OutputFile {
 public:
  /// ERROR_FILE_EXISTS when `name` is there and not to be overwritten; ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND.
  static Result<OutputFile> create(const std::string& name, bool overwrite);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  /// What was not committed is gone.
  ~OutputFile();

  Status write(std::string_view text);
  /// The end: the file has its name and is on disk.
  Status commit();

 private:
  OutputFile() = default;
  Status flush();

  std::filesystem::path path_;  // "" for standard output
  std::filesystem::path temporary_;
  int fd_ = -1;
  bool overwrite_ = false;
  std::string waiting_;
};

}  // namespace leaseledger::cli
