#include "adapters/kea/json.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace leaseledger::kea {
namespace {

constexpr int kDeepest = 64;

void write(const Json& json, std::string& out) {
  if (json.is_object()) {
    out += "{ ";
    const char* between = "";
    for (const auto& [key, value] : json.items()) {
      out += between;
      out += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace);
      out += ": ";
      write(value, out);
      between = ", ";
    }
    out += " }";
  } else if (json.is_array()) {
    out += "[ ";
    const char* between = "";
    for (const auto& value : json) {
      out += between;
      write(value, out);
      between = ", ";
    }
    out += " ]";
  } else {
    out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

/// Walks JSON text that is known to be good.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  /// The first value of the text; all of it when that does not end.
  std::string_view first_value() {
    skip_value();
    return text_.substr(0, at_);
  }

  std::optional<std::size_t> find(std::span<const std::string_view> path) {
    skip_space();
    // Kea counts the brace of an object too.
    if (path.empty()) return peek() == '{' || peek() == '[' ? at_ + 1 : at_;
    if (peek() == '[' && path.front().starts_with('#')) {
      ++at_;
      for (int left = std::atoi(path.front().data() + 1); left > 0; --left) {
        skip_value();
        if (peek() != ',') return std::nullopt;
        ++at_;
      }
      return find(path.subspan(1));
    }
    if (peek() != '{') return std::nullopt;
    ++at_;
    for (skip_space(); peek() == '"'; skip_space()) {
      const std::string_view key = string();
      skip_space();
      ++at_;  // the colon
      if (key == path.front()) return find(path.subspan(1));
      skip_value();
      skip_space();
      if (peek() == ',') ++at_;
    }
    return std::nullopt;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() &&
           (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r'))
      ++at_;
  }
  std::string_view string() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && peek() != '"') at_ += peek() == '\\' ? 2 : 1;
    const std::string_view out = text_.substr(begin, std::min(at_, text_.size()) - begin);
    ++at_;
    return out;
  }
  /// Stands behind the value and the blanks that follow it then.
  void skip_value() {
    skip_space();
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = peek();
      if (c == '"') {
        string();
        --at_;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return;
        if (--depth == 0) {
          ++at_;
          return skip_space();
        }
      } else if (c == ',' && depth == 0) {
        return;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string to_text(const Json& json) {
  std::string out;
  write(json, out);
  return out;
}

std::string to_text(const Reply& reply, bool list) {
  Json json{{"result", static_cast<int>(reply.result)}};
  if (!reply.text.empty()) json["text"] = reply.text;
  if (!reply.arguments.is_null()) json["arguments"] = reply.arguments;
  const std::string text = to_text(json);
  return list ? "[ " + text + " ]" : text;
}

OrReply<Json> parse_json(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return refuse("no command: the text is empty");
  if (std::string_view("{[\"-0123456789tfn").find(text[first]) == std::string_view::npos)
    return refuse(std::string("invalid first character ") + text[first]);
  bool too_deep = false;
  const auto callback = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  try {
    // Kea takes one command and leaves what comes behind it.
    const std::string_view one = text[first] == '{' ? Walker(text).first_value() : text;
    Json json = Json::parse(one, callback);
    if (too_deep) return refuse("the command is nested too deeply");
    return json;
  } catch (const Json::parse_error& error) {
    return refuse("not JSON, at octet " + std::to_string(error.byte) + " of the command");
  } catch (const Json::exception& error) {
    return refuse(std::string("not JSON: ") + error.what());
  }
}

std::string place_of(std::string_view text, std::span<const std::string_view> path) {
  const auto found = Walker(text).find(path);
  if (!found) return "";
  const std::string_view before = text.substr(0, *found);
  const auto line_begin = before.rfind('\n');
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t column =
      line_begin == std::string_view::npos ? *found : *found - line_begin - 1;
  return "(<wire>:" + std::to_string(lines) + ":" + std::to_string(column) + ")";
}

}  // namespace leaseledger::kea
