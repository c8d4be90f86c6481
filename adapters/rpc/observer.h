#pragma once
// What a server tells about itself, for metrics. Every function is called in the event loop's thread and returns at once.

#include "commands/command_handler.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace leaseledger::rpc {

class Observer {
 public:
  virtual ~Observer() = default;
  /// Commands that were submitted together have been answered, `seconds` after the first of them came in. `kinds` are
  /// their indexes in Command.
  virtual void answered(std::span<const std::uint8_t> /*kinds*/,
                        std::span<const Answer> /*answers*/, double /*seconds*/) {}
  /// A whole submission was refused: busy, disk full.
  virtual void submission_refused(std::size_t /*commands*/, Win32 /*code*/) {}
  virtual void question(std::string_view /*name*/, Win32 /*code*/, double /*seconds*/) {}
  virtual void connected(std::string_view /*transport*/, int /*change*/) {}
  virtual void connection_refused(std::string_view /*reason*/) {}
  virtual void subscribed(int /*change*/) {}
  virtual void records_sent(std::size_t /*count*/) {}
};

}  // namespace leaseledger::rpc
