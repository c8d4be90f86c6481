#pragma once
// How the program writes answers: rows that become a table for people, or json, jsonl or csv for programs.

#include "ledger/result.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger::cli {

using Json = nlohmann::ordered_json;

enum class Format { kTable, kJson, kJsonl, kCsv };
Result<Format> parse_format(std::string_view text);

/// A column of the table and csv forms: which member of the row, and its heading.
struct Column {
  std::string member;
  std::string heading;
};

/// Rows of one kind, in one format. Rows are objects; nested values are written as compact JSON in table and csv.
class Rows {
 public:
  /// `kind` names the rows in JSON: {"schemaVersion": 1, "kind": "leases", "items": [...]}.
  Rows(Format format, std::string kind, std::vector<Column> columns, std::FILE* out = stdout);
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  void add(const Json& row);
  /// Writes what waits (jsonl and csv wait for nothing, tables for their widths). For following a log.
  void flush();
  /// The end. In table form `empty` is written when there were no rows.
  void finish(std::string_view empty = "");
  std::size_t count() const { return count_; }

 private:
  void write_table();

  Format format_;
  std::string kind_;
  std::vector<Column> columns_;
  std::FILE* out_;
  std::vector<std::vector<std::string>> waiting_;
  std::size_t count_ = 0;
  bool heading_written_ = false;
  bool finished_ = false;
};

/// One object: "name  value" lines in table form, one JSON object in json and jsonl, two lines in csv.
void write_object(Format format, const Json& object, std::FILE* out = stdout);

/// A cell as text: strings bare, null and "" empty, others as JSON.
std::string cell_text(const Json& value);

/// Columns that `text` takes on a terminal.
std::size_t display_width(std::string_view text);

/// A bar on standard error while something long goes on; nothing when standard error is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  bool operator()(std::uint64_t done, std::uint64_t total);
  /// The same, where what is counted is not what the work is measured by: rows of a file of octets.
  void operator()(std::uint64_t done, std::uint64_t total, std::uint64_t items, const char* unit);
  /// Takes the bar away, for a line of text in its place; it comes back with the next step.
  void clear();

 private:
  bool due(double now, std::uint64_t total) const;
  void draw(double now, double share, double rate, const char* unit);

  std::string label_;
  bool on_;
  bool drawn_ = false;
  double started_;
  double drawn_at_ = 0;
};

}  // namespace leaseledger::cli
