#pragma once
// JSON as Kea speaks it on its control channels.

#include "ledger/result.h"

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <span>
#include <string>
#include <string_view>

namespace leaseledger::kea {

using Json = nlohmann::json;

/// Result codes of Kea's commands: cc/command_interpreter.h.
enum class ResultCode {
  kSuccess = 0,
  kError = 1,
  kUnsupported = 2,
  kEmpty = 3,
  kConflict = 4,  ///< since Kea 2.3; kError before.
};

/// The answer to a command.
struct Reply {
  ResultCode result = ResultCode::kSuccess;
  std::string text;
  Json arguments;  ///< left out when null.
};

/// A value, or the answer that says what is wrong.
template <typename T>
using OrReply = tl::expected<T, Reply>;

inline tl::unexpected<Reply> refuse(std::string text, ResultCode result = ResultCode::kError) {
  return tl::unexpected(Reply{result, std::move(text), {}});
}

/// Text as Kea writes it: keys in order, a space behind '{', ':' and ',' and in front of '}'.
std::string to_text(const Json& json);
/// `list`: as over HTTP, where the answer stands in a list.
std::string to_text(const Reply& reply, bool list);

/// A JSON value; the error is a sentence for the caller. Depth is bounded, and numbers must be such that Kea takes them.
OrReply<Json> parse_json(std::string_view text);

/// Where the value at `path` ("arguments", "iaid") begins in `text`, as Kea's messages have it: "(<wire>:0:40)". "" when it
/// is not there.
std::string place_of(std::string_view text, std::span<const std::string_view> path);

}  // namespace leaseledger::kea

/// LEASELEDGER_KEA_ASSIGN(auto x, f()) binds the value of f() or returns its Reply.
#define LEASELEDGER_KEA_ASSIGN(declaration, expression) \
  LEASELEDGER_KEA_ASSIGN_INNER(LEASELEDGER_CONCAT(kea_result_, __LINE__), declaration, expression)
#define LEASELEDGER_KEA_ASSIGN_INNER(name, declaration, expression) \
  auto name = (expression);                                         \
  if (!name) return tl::unexpected(std::move(name).error());        \
  declaration = std::move(*name)
