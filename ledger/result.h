#pragma once
// Result<T>: a value or an Error. Refusals and storage failures are values; broken invariants are CHECKs
// (ledger/check.h). The type is tl::expected, whose members are those of std::expected.

#include "ledger/win32.h"

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace leaseledger {

/// Named by what the caller does next.
enum class ErrorKind {
  kInvalid,  ///< mend the request: `field` has a value that can never be accepted.
  kDenied,   ///< ask somebody with the role.
  kRefused,  ///< the rules of the ledger say no in its present state; another request may be accepted.
  kNotFound,  ///< what was named is not there.
  kConflict,  ///< somebody was faster: read again, decide again.
  kBusy,      ///< try again later, nothing was done.
  kCorrupt,   ///< stored bytes are not what was written: restore or repair, see docs/operating.md.
  kIo,        ///< the outcome of a write is unknown: reopen the ledger, then ask what is there.
};

/// What went wrong, in four parts, so that every message can say what was wrong with which value and what would
/// have been right.
struct Error {
  Win32 code = Win32::kInvalidParameter;  ///< the number that the Windows API gives for it.
  ErrorKind kind = ErrorKind::kInvalid;
  std::string
      field;  ///< the field or file at fault, in the spelling of the JSON form; may be empty.
  std::string value;     ///< what was found there, as text; may be empty.
  std::string expected;  ///< what would be right, or what to do: one sentence without a full stop.

  /// "ERROR_INVALID_PARAMETER (87): duid '': 1 to 130 octets in hexadecimal".
  std::string to_string() const;
  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// The error branch of a Result: return fail(Win32::kInvalidParameter, ErrorKind::kInvalid, "duid", ...).
inline tl::unexpected<Error> fail(Win32 code, ErrorKind kind, std::string field, std::string value,
                                  std::string expected) {
  return tl::unexpected<Error>(
      Error{code, kind, std::move(field), std::move(value), std::move(expected)});
}

/// kInvalid with ERROR_INVALID_PARAMETER, the commonest refusal.
inline tl::unexpected<Error> invalid(std::string field, std::string value, std::string expected) {
  return fail(Win32::kInvalidParameter, ErrorKind::kInvalid, std::move(field), std::move(value),
              std::move(expected));
}

/// kCorrupt with ERROR_FILE_CORRUPT.
inline tl::unexpected<Error> corrupt(std::string field, std::string value, std::string expected) {
  return fail(Win32::kFileCorrupt, ErrorKind::kCorrupt, std::move(field), std::move(value),
              std::move(expected));
}

/// Aborts with the error's text unless `status` is good: for results that an invariant promises.
void check_ok(const Status& status, const char* file, int line);

}  // namespace leaseledger

#define LEASELEDGER_CHECK_OK(status) ::leaseledger::check_ok((status), __FILE__, __LINE__)

/// Returns the error of `expression` from the enclosing function, if it is one.
#define LEASELEDGER_TRY(expression)                                   \
  do {                                                                \
    auto&& leaseledger_status = (expression);                         \
    if (!leaseledger_status) [[unlikely]]                             \
      return ::tl::unexpected(std::move(leaseledger_status).error()); \
  } while (false)

#define LEASELEDGER_CONCAT_INNER(a, b) a##b
#define LEASELEDGER_CONCAT(a, b) LEASELEDGER_CONCAT_INNER(a, b)
/// LEASELEDGER_ASSIGN(auto x, f()) binds the value of f() or returns its error.
#define LEASELEDGER_ASSIGN(declaration, expression)                                        \
  LEASELEDGER_ASSIGN_INNER(LEASELEDGER_CONCAT(leaseledger_result_, __LINE__), declaration, \
                           expression)
#define LEASELEDGER_ASSIGN_INNER(name, declaration, expression) \
  auto name = (expression);                                     \
  if (!name) [[unlikely]]                                       \
    return ::tl::unexpected(std::move(name).error());           \
  declaration = std::move(*name)
