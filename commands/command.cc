#include "commands/command.h"

namespace leaseledger {

std::string_view name_of(const Command& command) {
  return std::visit([](const auto& c) -> std::string_view { return c.kName; }, command);
}

const LeaseKey* lease_key_of(const Command& command) {
  return std::visit(
      [](const auto& c) -> const LeaseKey* {
        if constexpr (requires { c.key; }) {
          return &c.key;
        } else {
          return nullptr;
        }
      },
      command);
}

Status validate(const Command& command) {
  return std::visit([](const auto& c) { return validate(c); }, command);
}

Status decide(const LeaseBook& book, const Command& command, const Moment& moment,
              Decision& decision) {
  return std::visit([&](const auto& c) { return decide(book, c, moment, decision); }, command);
}

}  // namespace leaseledger
