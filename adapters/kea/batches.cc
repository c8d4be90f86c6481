#include "adapters/kea/batches.h"

#include <xxhash.h>

#include <algorithm>
#include <chrono>

namespace leaseledger::kea {
namespace {

/// An id that was used for this very line, though what the line does not say itself (its time, by the lines around it or by
/// the zone; an IAID) was another then.
bool is_same_line(const Answer& answer) {
  return answer.code == Win32::kInvalidParameter && answer.first == 0 &&
         (answer.error.field == "effective_at" || answer.error.field == "iaid");
}

}  // namespace

CommandId id_of_line(std::string_view text, const std::string& server, Instant time) {
  const std::string whole = server + "\n" + std::string(text);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(whole.data(), whole.size()));
  CommandId id{};
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), id.begin());
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count());
  for (unsigned i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  // A UUID of version 8: RFC 9562 section 5.8.
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) | 0x80);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

Status Batches::add(Envelope command, std::uint64_t line, std::string text, std::uint64_t bytes) {
  filling_.commands.push_back(std::move(command));
  filling_.lines.emplace_back(line, std::move(text));
  filling_.bytes = bytes;
  filling_.rows = report_.rows;
  return filling_.commands.size() < size_ ? Status{} : send();
}

Status Batches::add_problem(RowProblem problem) {
  filling_.problems.push_back(std::move(problem));
  return filling_.problems.size() < size_ ? Status{} : send();
}

Status Batches::finish() {
  LEASELEDGER_TRY(send());
  return settle();
}

Status Batches::send() {
  LEASELEDGER_TRY(settle());
  std::swap(sent_, filling_);
  if (!sent_.commands.empty())
    answers_ = std::async(std::launch::async, [this] { return submit_(sent_.commands); });
  return {};
}

Status Batches::settle() {
  if (answers_.valid()) {
    LEASELEDGER_ASSIGN(const auto given, answers_.get());
    for (std::size_t i = 0; i < given.size(); ++i) {
      const Answer& answer = given[i];
      if (answer.repeated || is_same_line(answer)) {
        ++report_.repeated;
        if (!answer.repeated || answer.accepted()) continue;
      }
      if (answer.accepted()) {
        ++report_.accepted;
      } else {
        auto& [line, text] = sent_.lines[i];
        sent_.problems.push_back({line, answer.error, std::move(text)});
      }
    }
  }
  std::ranges::sort(sent_.problems, {}, &RowProblem::line);
  for (const auto& each : sent_.problems) problem_(each);
  report_.problems += sent_.problems.size();
  if (progress_ && sent_.bytes != 0) progress_(sent_.bytes, sent_.rows);
  sent_.commands.clear();
  sent_.lines.clear();
  sent_.problems.clear();
  sent_.bytes = 0;
  return {};
}

}  // namespace leaseledger::kea
