#include "adapters/kea/lease_file.h"

#include "ledger/read_number.h"

#include <algorithm>
#include <string_view>

namespace leaseledger::kea {
namespace {

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto comma = line.find(',');
    out.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

/// Kea escapes the separator and '&' as &#xHH, without a semicolon: util/csv_file.cc.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::string octet;
    if (text.substr(i, 3) == "&#x" && i + 5 <= text.size() &&
        from_hex(text.substr(i + 3, 2), octet)) {
      out += octet;
      i += 5;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace

bool LeaseFile::read_line() {
  if (!std::getline(*in_, text_)) return false;
  ended_in_newline_ = !in_->eof();
  ++line_;
  if (!text_.empty() && text_.back() == '\r') text_.pop_back();
  return true;
}

Result<LeaseFile> LeaseFile::open(std::istream& in) {
  LeaseFile file(in);
  if (!file.read_line()) return invalid("file", "", "a lease file of Kea; this one is empty");
  const auto names = split(file.text_);
  file.columns_.count = names.size();
  const std::pair<std::string_view, int*> known[] = {
      {"address", &file.columns_.address},
      {"duid", &file.columns_.duid},
      {"valid_lifetime", &file.columns_.valid_lifetime},
      {"expire", &file.columns_.expire},
      {"subnet_id", &file.columns_.subnet_id},
      {"pref_lifetime", &file.columns_.pref_lifetime},
      {"lease_type", &file.columns_.lease_type},
      {"iaid", &file.columns_.iaid},
      {"prefix_len", &file.columns_.prefix_len},
      {"fqdn_fwd", &file.columns_.fqdn_fwd},
      {"fqdn_rev", &file.columns_.fqdn_rev},
      {"hostname", &file.columns_.hostname},
      {"hwaddr", &file.columns_.hwaddr},
      {"state", &file.columns_.state},
      {"user_context", &file.columns_.user_context},
      {"hwtype", &file.columns_.hwtype},
      {"hwaddr_source", &file.columns_.hwaddr_source},
      {"pool_id", &file.columns_.pool_id}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const auto& [name, column] : known) {
      if (names[i] == name) *column = static_cast<int>(i);
    }
  }
  if (file.columns_.duid < 0 && std::ranges::find(names, "client_id") != names.end()) {
    return invalid("header", file.text_.substr(0, 120),
                   "the header of a DHCPv6 lease file of Kea, kea-leases6.csv; this is one of "
                   "DHCPv4 (kea-leases4.csv), and this ledger is of DHCPv6");
  }
  for (const auto& [name, column] : known) {
    const bool needed = name == "address" || name == "duid" || name == "valid_lifetime" ||
                        name == "expire" || name == "lease_type" || name == "iaid" ||
                        name == "prefix_len";
    if (needed && *column < 0) {
      return invalid(
          "header", file.text_.substr(0, 120),
          "the header of a DHCPv6 lease file of Kea, with a column " + std::string(name));
    }
  }
  return file;
}

std::string_view LeaseFile::format_version() const {
  if (columns_.pool_id >= 0) return "5.0";
  if (columns_.hwtype >= 0) return "4.0";
  if (columns_.user_context >= 0) return "3.1";
  if (columns_.state >= 0) return "3.0";
  return columns_.hwaddr >= 0 ? "2.0" : "1.0";
}

Result<std::optional<LeaseRow>> LeaseFile::next() {
  while (read_line()) {
    if (text_.empty()) continue;
    LEASELEDGER_ASSIGN(LeaseRow row, parse());
    return std::optional(std::move(row));
  }
  return std::optional<LeaseRow>();
}

Result<LeaseRow> LeaseFile::parse() const {
  const auto cells = split(text_);
  if (cells.size() != columns_.count) {
    const bool torn_tail = !ended_in_newline_;
    return invalid("row", std::to_string(cells.size()) + " fields",
                   std::to_string(columns_.count) + " fields as in the header" +
                       (cells.size() > columns_.count ? "; several rows are glued together here"
                        : torn_tail                   ? "; the end of the file is torn off"
                                                      : "; the row is torn off"));
  }
  if (!ended_in_newline_)
    return invalid("row", "no newline",
                   "a newline at the end; the last row may be torn off inside its last field");
  const auto cell = [&](int column) {
    return column < 0 ? std::string_view{} : cells[static_cast<std::size_t>(column)];
  };
  LeaseRow row;
  row.line = line_;
  row.text = text_;

  unsigned type = 0;
  LEASELEDGER_TRY(read_number("lease_type", cell(columns_.lease_type), 2, type));
  row.type = type == 0 ? LeaseType::kNa : type == 1 ? LeaseType::kTa : LeaseType::kPd;
  unsigned length = 0;
  LEASELEDGER_TRY(read_number("prefix_len", cell(columns_.prefix_len), 128, length));
  LEASELEDGER_ASSIGN(const Ipv6Address address, Ipv6Address::parse(cell(columns_.address)));
  if ((row.type == LeaseType::kPd) == (length == kAddressLength) || length == 0) {
    return invalid(
        "prefix_len", std::to_string(length),
        row.type == LeaseType::kPd ? "1 to 127 for a delegated prefix" : "128 for an address");
  }
  // Kea stores a prefix as the command gave it, host bits and all; the lease is the prefix.
  row.key = {address.masked(length), static_cast<std::uint8_t>(length)};

  LEASELEDGER_ASSIGN(row.duid, Duid::parse(cell(columns_.duid)));
  if (row.duid == *Duid::parse("00") || row.duid == *Duid::parse("00:00:00")) row.duid = Duid{};
  std::uint32_t iaid = 0;
  LEASELEDGER_TRY(read_number("iaid", cell(columns_.iaid), 0xFFFF'FFFFU, iaid));
  row.iaid = Iaid{iaid};
  std::uint32_t seconds = 0;
  LEASELEDGER_TRY(
      read_number("valid_lifetime", cell(columns_.valid_lifetime), 0xFFFF'FFFFU, seconds));
  row.valid_lifetime = Lifetime{seconds};
  if (!cell(columns_.pref_lifetime).empty()) {
    LEASELEDGER_TRY(
        read_number("pref_lifetime", cell(columns_.pref_lifetime), 0xFFFF'FFFFU, seconds));
    row.preferred_lifetime = Lifetime{seconds};
  }
  std::uint64_t expire = 0;
  LEASELEDGER_TRY(read_number("expire", cell(columns_.expire), 9'000'000'000ULL, expire));
  if (expire < row.valid_lifetime.count()) {
    return invalid("expire", std::to_string(expire),
                   "seconds since 1970, not before valid_lifetime " +
                       std::to_string(row.valid_lifetime.count()));
  }
  row.expire = Instant{std::chrono::seconds{static_cast<std::int64_t>(expire)}};
  row.cltt = row.expire - std::chrono::seconds{row.valid_lifetime.count()};
  if (!cell(columns_.state).empty())
    LEASELEDGER_TRY(read_number("state", cell(columns_.state), 4, row.state));
  if (!cell(columns_.subnet_id).empty())
    LEASELEDGER_TRY(
        read_number("subnet_id", cell(columns_.subnet_id), 0xFFFF'FFFFU, row.subnet_id));
  if (!cell(columns_.hwtype).empty())
    LEASELEDGER_TRY(read_number("hwtype", cell(columns_.hwtype), 0xFFFF, row.hardware_type));
  if (!cell(columns_.hwaddr_source).empty())
    LEASELEDGER_TRY(
        read_number("hwaddr_source", cell(columns_.hwaddr_source), 0xFFFF, row.hardware_source));
  row.fqdn_forward = cell(columns_.fqdn_fwd) == "1";
  row.fqdn_reverse = cell(columns_.fqdn_rev) == "1";
  row.hostname = unescape(cell(columns_.hostname));
  row.hardware_address = std::string(cell(columns_.hwaddr));
  row.user_context = unescape(cell(columns_.user_context));
  return row;
}

}  // namespace leaseledger::kea
