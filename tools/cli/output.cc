#include "tools/cli/output.h"

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cwchar>
#include <unistd.h>

namespace leaseledger::cli {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

/// Text that cannot move the cursor or fake lines: control characters are shown as escapes.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out;
}

void write(std::FILE* out, std::string_view text) { std::fwrite(text.data(), 1, text.size(), out); }

}  // namespace

Result<Format> parse_format(std::string_view text) {
  if (text == "table") return Format::kTable;
  if (text == "json") return Format::kJson;
  if (text == "jsonl") return Format::kJsonl;
  if (text == "csv") return Format::kCsv;
  return invalid("output", std::string(text), "table, json, jsonl or csv");
}

std::string cell_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  return dump(value);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  std::mbstate_t state{};
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    wchar_t wide = 0;
    const std::size_t used = std::mbrtowc(&wide, at, static_cast<std::size_t>(end - at), &state);
    if (used == 0 || used == static_cast<std::size_t>(-1) || used == static_cast<std::size_t>(-2)) {
      ++width;
      ++at;
      state = {};
      continue;
    }
    const int columns = ::wcwidth(wide);
    width += columns > 0 ? static_cast<std::size_t>(columns) : 0;
    at += used;
  }
  return width;
}

Rows::Rows(Format format, std::string kind, std::vector<Column> columns, std::FILE* out)
    : format_(format), kind_(std::move(kind)), columns_(std::move(columns)), out_(out) {}

Rows::~Rows() {
  if (!finished_) finish();
}

void Rows::add(const Json& row) {
  switch (format_) {
    case Format::kJson:
      if (count_ == 0)
        write(out_, "{\"schemaVersion\":1,\"kind\":" + dump(kind_) + ",\"items\":[\n");
      write(out_, (count_ == 0 ? "" : ",\n") + dump(row));
      break;
    case Format::kJsonl:
      write(out_, dump(row) + "\n");
      break;
    case Format::kCsv:
    case Format::kTable: {
      std::vector<std::string> cells;
      for (const auto& column : columns_) {
        const auto it = row.find(column.member);
        cells.push_back(it == row.end() ? "" : cell_text(*it));
      }
      waiting_.push_back(std::move(cells));
      if (format_ == Format::kCsv) flush();
      break;
    }
  }
  ++count_;
}

void Rows::flush() {
  if (format_ == Format::kTable) {
    write_table();
  } else if (format_ == Format::kCsv) {
    if (!heading_written_) {
      std::string line;
      for (const auto& column : columns_)
        line += (line.empty() ? "" : ",") + csv_cell(column.member);
      write(out_, line + "\r\n");
      heading_written_ = true;
    }
    for (const auto& cells : waiting_) {
      std::string line;
      for (std::size_t i = 0; i < cells.size(); ++i)
        line += (i == 0 ? "" : ",") + csv_cell(cells[i]);
      write(out_, line + "\r\n");
    }
    waiting_.clear();
  }
  std::fflush(out_);
}

void Rows::write_table() {
  if (waiting_.empty()) return;
  std::vector<std::size_t> widths;
  for (const auto& column : columns_)
    widths.push_back(heading_written_ ? 0 : column.heading.size());
  std::vector<bool> used(columns_.size(), false);
  for (auto& cells : waiting_) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = printable(cells[i]);
      used[i] = used[i] || !cells[i].empty();
      widths[i] = std::max(widths[i], display_width(cells[i]));
    }
  }
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!used[i]) continue;  // a column in which nothing stands is left out
      const std::string& cell = cell_of(i);
      text += cell + std::string(widths[i] - std::min(widths[i], display_width(cell)) + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    write(out_, text + "\n");
  };
  if (!heading_written_)
    line([&](std::size_t i) -> const std::string& { return columns_[i].heading; });
  heading_written_ = true;
  for (const auto& cells : waiting_)
    line([&](std::size_t i) -> const std::string& { return cells[i]; });
  waiting_.clear();
}

void Rows::finish(std::string_view empty) {
  finished_ = true;
  switch (format_) {
    case Format::kJson:
      if (count_ == 0) write(out_, "{\"schemaVersion\":1,\"kind\":" + dump(kind_) + ",\"items\":[");
      write(out_, "\n]}\n");
      break;
    case Format::kJsonl:
      break;
    case Format::kCsv:
      flush();
      break;
    case Format::kTable:
      if (count_ == 0 && !empty.empty()) write(out_, std::string(empty) + "\n");
      write_table();
      break;
  }
  std::fflush(out_);
}

void write_object(Format format, const Json& object, std::FILE* out) {
  if (format == Format::kJson || format == Format::kJsonl) {
    Json whole;
    whole["schemaVersion"] = 1;
    whole.update(object);
    write(out, (format == Format::kJson ? whole.dump(2, ' ', false, Json::error_handler_t::replace)
                                        : dump(whole)) +
                   "\n");
    return;
  }
  std::size_t width = 0;
  for (const auto& [name, value] : object.items()) width = std::max(width, name.size());
  if (format == Format::kCsv) {
    std::string names;
    std::string values;
    for (const auto& [name, value] : object.items()) {
      names += (names.empty() ? "" : ",") + csv_cell(name);
      values +=
          (values.empty() && &value == &object.front() ? "" : ",") + csv_cell(cell_text(value));
    }
    write(out, names + "\r\n" + values + "\r\n");
    return;
  }
  for (const auto& [name, value] : object.items()) {
    const std::string text = printable(cell_text(value));
    if (!text.empty()) write(out, name + std::string(width - name.size() + 2, ' ') + text + "\n");
  }
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), on_(::isatty(STDERR_FILENO) == 1), started_(now_seconds()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

bool ProgressBar::due(double now, std::uint64_t total) const {
  return on_ && total != 0 && now - started_ >= 0.3 && now - drawn_at_ >= 0.1;
}

void ProgressBar::draw(double now, double share, double rate, const char* unit) {
  share = std::min(share, 1.0);
  std::string bar(30, '.');
  std::fill_n(bar.begin(), static_cast<std::size_t>(share * 30), '#');
  std::fprintf(stderr, "\r%s [%s] %3.0f %%  %.0f%s/s  %.0f s left\033[K", label_.c_str(),
               bar.c_str(), share * 100, rate, unit,
               share > 0 ? (now - started_) * (1 - share) / share : 0.0);
  std::fflush(stderr);
  drawn_ = true;
  drawn_at_ = now;
}

bool ProgressBar::operator()(std::uint64_t done, std::uint64_t total) {
  const double now = now_seconds();
  if (due(now, total)) {
    draw(now, static_cast<double>(done) / static_cast<double>(total),
         static_cast<double>(done) / (now - started_), "");
  }
  return true;
}

void ProgressBar::operator()(std::uint64_t done, std::uint64_t total, std::uint64_t items,
                             const char* unit) {
  const double now = now_seconds();
  if (!due(now, total)) return;
  draw(now, static_cast<double>(done) / static_cast<double>(total),
       static_cast<double>(items) / (now - started_), unit);
}

}  // namespace leaseledger::cli
