#include "ledger/win32.h"

#include <algorithm>
#include <array>

namespace leaseledger {
namespace {

constexpr Win32Entry kTable[] = {
#define LEASELEDGER_WIN32(enumerator, identifier, number, meaning) \
  {Win32::enumerator, identifier, meaning},
#include "ledger/win32_codes.def"
#undef LEASELEDGER_WIN32
};

// find() searches by halves; strictly: no number twice.
static_assert(std::ranges::is_sorted(kTable, std::ranges::less_equal{}, &Win32Entry::code));

constexpr Win32Entry kAliases[] = {
#define LEASELEDGER_WIN32(enumerator, identifier, number, meaning)
#define LEASELEDGER_WIN32_ALIAS(identifier, number) {static_cast<Win32>(number), identifier, ""},
#include "ledger/win32_codes.def"
#undef LEASELEDGER_WIN32_ALIAS
#undef LEASELEDGER_WIN32
};

const Win32Entry* find(Win32 code) {
  const auto* it = std::ranges::lower_bound(kTable, code, {}, &Win32Entry::code);
  return it != std::end(kTable) && it->code == code ? it : nullptr;
}

}  // namespace

std::span<const Win32Entry> win32_table() { return kTable; }

std::string_view name_of(Win32 code) {
  const auto* entry = find(code);
  return entry == nullptr ? "ERROR_?" : entry->name;
}

std::string_view meaning_of(Win32 code) {
  const auto* entry = find(code);
  return entry == nullptr ? "" : entry->meaning;
}

std::optional<Win32> win32_from_name(std::string_view name) {
  for (const std::span<const Win32Entry> table :
       {std::span<const Win32Entry>(kTable), std::span<const Win32Entry>(kAliases)}) {
    const auto it = std::ranges::find(table, name, &Win32Entry::name);
    if (it != table.end()) return it->code;
  }
  return std::nullopt;
}

}  // namespace leaseledger
