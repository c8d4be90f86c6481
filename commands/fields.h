#pragma once
// The fields of a command as text, for JSON, refusal records and error messages. Each command lists its fields once, in
// its visit(); everything that treats them alike is built on that.

#include "commands/command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leaseledger {

/// The command's fields as (name, text), those that are not given left out.
Arguments arguments_of(const Command& command);

/// One field in text form as JSON wants it: `quoted` is false for numbers and booleans.
struct FieldText {
  std::string name;
  std::string text;
  bool quoted = true;
};
std::vector<FieldText> field_texts(const Command& command);

/// Names of a command's fields; the ones that must be given come first in `required`.
struct FieldNames {
  std::vector<std::string_view> all;
  std::vector<std::string_view> required;
};

/// The command of that name ("CreateClient") from its fields as text. kInvalid names the field that is unknown, missing
/// or has a value that cannot be read, and says what would be right.
Result<Command> make_command(std::string_view name, const Arguments& fields);

/// All command names, in the order of Command.
std::vector<std::string_view> command_names();

/// Octets that tell commands apart: 8 over the whole, then 2 for each field: if_last_event, effective_at, and those of the
/// command in the order of its visit(). The cause does not count: a retry may give another. Not a
/// cryptographic digest: it catches the mistaken reuse of an id, docs/formats/event_log.md.
std::string fingerprint_of(const Envelope& envelope);
/// The same into `out`, which keeps its memory.
void fingerprint_into(const Envelope& envelope, std::string& out);

/// The first field in which the command differs from the one that `fingerprint` was made of; "command" when it is another
/// kind; nullopt when they are the same.
std::optional<std::string> differing_field(const Envelope& envelope, std::string_view fingerprint);

}  // namespace leaseledger
