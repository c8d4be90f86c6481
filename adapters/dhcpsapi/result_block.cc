#include "adapters/dhcpsapi/result_block.h"

#include "adapters/dhcpsapi/text.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace leaseledger::dhcpsapi {
namespace {

struct Given {
  std::mutex mutex;
  std::unordered_map<void*, std::unique_ptr<ResultBlock>> blocks;
};

/// Never destroyed: other threads may free while the process ends.
Given& given() {
  static Given* const all = new Given;
  return *all;
}

}  // namespace

WCHAR* ResultBlock::text(std::string_view utf8) {
  if (utf8.empty()) return nullptr;
  std::u16string units = to_utf16(utf8);
  // A NUL inside would end the text for whoever reads it.
  units.resize(std::min(units.size(), units.find(u'\0')));
  WCHAR* out = make<WCHAR>(units.size() + 1);
  std::ranges::copy(units, out);
  return out;
}

DHCP_CLIENT_UID ResultBlock::octets(std::span<const std::uint8_t> bytes) {
  DHCP_CLIENT_UID out{static_cast<DWORD>(bytes.size()), make<BYTE>(bytes.size())};
  std::ranges::copy(bytes, out.Data);
  return out;
}

void remember_result(std::unique_ptr<ResultBlock> block, void* top) {
  const std::lock_guard lock(given().mutex);
  given().blocks.emplace(top, std::move(block));
}

void free_result(void* top) {
  std::unique_ptr<ResultBlock> block;  // freed without the lock
  const std::lock_guard lock(given().mutex);
  if (const auto found = given().blocks.find(top); found != given().blocks.end()) {
    block = std::move(found->second);
    given().blocks.erase(found);
  }
}

std::size_t results_outstanding() {
  const std::lock_guard lock(given().mutex);
  return given().blocks.size();
}

void lock_results() { given().mutex.lock(); }
void unlock_results() { given().mutex.unlock(); }

}  // namespace leaseledger::dhcpsapi
