#include "commands/command_json.h"

#include "commands/fields.h"

#include <nlohmann/json.hpp>

#include <set>

namespace leaseledger {
namespace {

using Json = nlohmann::ordered_json;

/// Parses one object and refuses a key that is given twice, of which the library would keep the last.
Result<Json> parse_object(std::string_view text) {
  std::string twice;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, watch);
  } catch (const Json::exception& e) {
    // The library's message names the place; it begins with "[json.exception.parse_error.101] ".
    std::string what = e.what();
    if (const auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    return invalid("json", std::string(text.substr(0, 80)), "one JSON object on one line; " + what);
  }
  if (!twice.empty()) return invalid(twice, "", "to be given once");
  if (!json.is_object()) return invalid("json", std::string(text.substr(0, 80)), "one JSON object");
  return json;
}

Result<std::string> text_of(const std::string& name, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_object()) return value.dump();
  return invalid(name, value.dump(), "text, a whole number that is not negative, true or false");
}

}  // namespace

Result<Envelope> envelope_from_json(std::string_view text) {
  LEASELEDGER_ASSIGN(const Json json, parse_object(text));
  Envelope envelope;
  std::string name;
  Arguments fields;
  for (const auto& [key, value] : json.items()) {
    if (value.is_null()) continue;
    LEASELEDGER_ASSIGN(std::string field, text_of(key, value));
    if (key == "command") {
      name = field;
    } else if (key == "id") {
      LEASELEDGER_ASSIGN(envelope.id, parse_command_id(field));
    } else if (key == "cause") {
      envelope.cause = field;
    } else if (key == "if_last_event") {
      if (!value.is_number_unsigned())
        return invalid(key, field, "a position, or 0 for no live record");
      envelope.if_last_event = value.get<std::uint64_t>();
    } else if (key == "effective_at") {
      LEASELEDGER_ASSIGN(envelope.effective_at, parse_instant(field, key));
    } else {
      fields.emplace_back(key, std::move(field));
    }
  }
  LEASELEDGER_ASSIGN(envelope.command, make_command(name, fields));
  return envelope;
}

std::string envelope_to_json(const Envelope& envelope) {
  Json json;
  json["command"] = name_of(envelope.command);
  if (envelope.id) json["id"] = format_command_id(*envelope.id);
  for (const auto& field : field_texts(envelope.command)) {
    if (field.quoted) {
      json[field.name] = field.text;
    } else {
      json[field.name] = Json::parse(field.text);
    }
  }
  if (!envelope.cause.empty()) json["cause"] = envelope.cause;
  if (envelope.if_last_event) json["if_last_event"] = *envelope.if_last_event;
  if (envelope.effective_at) json["effective_at"] = format_instant(*envelope.effective_at);
  return json.dump();
}

std::string answer_to_json(const Answer& answer) {
  Json json;
  json["ok"] = answer.accepted();
  json["code"] = static_cast<std::uint32_t>(answer.code);
  json["name"] = name_of(answer.code);
  if (answer.first != 0) {
    json["first"] = answer.first;
    json["last"] = answer.last;
  }
  json["asOf"] = answer.as_of;
  if (answer.repeated) json["repeated"] = true;
  if (!answer.accepted()) {
    if (!answer.error.field.empty()) json["field"] = answer.error.field;
    if (!answer.error.value.empty()) json["value"] = answer.error.value;
    json["expected"] = answer.error.expected;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace leaseledger
