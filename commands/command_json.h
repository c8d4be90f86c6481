#pragma once
// Commands and answers as JSON: the form of `leaseledger submit`, of refusal records and of the HTTP door.
// {"command": "CreateClient", "address": "2001:db8::1", "duid": "00:01:..", "iaid": 7, "id": "<uuid>", "cause": "ticket 42"}

#include "commands/command.h"
#include "commands/command_handler.h"

#include <string>
#include <string_view>

namespace leaseledger {

/// One command with its envelope from one JSON object. Numbers and booleans may be given as such or as text. kInvalid names
/// the field that is unknown, missing, given twice or has a value that cannot be read.
Result<Envelope> envelope_from_json(std::string_view json);

/// The reverse, on one line.
std::string envelope_to_json(const Envelope& envelope);

/// {"ok": true, "code": 0, "name": "ERROR_SUCCESS", "first": 12, "last": 12, "asOf": 11} and for a refusal also
/// "field", "value", "expected"; "repeated": true for the first answer again. One line.
std::string answer_to_json(const Answer& answer);

}  // namespace leaseledger
