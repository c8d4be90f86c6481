#pragma once
// A book and the rules, without log or handler: run a command, look at its facts and at the book.

#include "commands/command.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leaseledger::test {

inline Ipv6Address addr(const char* text) { return Ipv6Address::parse(text).value(); }
inline Ipv6Prefix prefix(const char* text) { return Ipv6Prefix::parse(text).value(); }
inline LeaseKey key(const char* text) { return parse_lease_key(text).value(); }
inline Duid duid(const char* text) { return Duid::parse(text).value(); }
inline Instant at(const char* text) { return parse_instant(text, "test").value(); }

class BookFixture : public ::testing::Test {
 protected:
  /// Validates, decides and folds. The code that the command gets.
  Win32 run(const Command& command) { return run_at(command, now_); }

  Win32 run_at(const Command& command, Instant effective_at) {
    facts_.clear();
    error_ = {};
    if (auto valid = validate(command); !valid) return refused(valid.error());
    Decision decision;
    const auto before = book_.digest();
    auto decided = decide(book_, command, Moment{now_, effective_at}, decision);
    EXPECT_EQ(book_.digest(), before) << "decide() changed the book";
    if (!decided) return refused(decided.error());
    for (const auto& pending : decision.events()) {
      const Position position = book_.position() + 1;
      const auto folded = evolve(
          book_, position, Instant{std::chrono::nanoseconds{position}},
          pending.effective_at == kUnset ? effective_at : pending.effective_at, pending.event);
      EXPECT_TRUE(folded) << folded.error().to_string();
      facts_.push_back(pending);
    }
    const auto sound = book_.check_invariants();
    EXPECT_TRUE(sound) << sound.error().to_string();
    return Win32::kSuccess;
  }

  /// Kinds of the last command's facts: "LeaseExpired ClientCreated".
  std::string facts() const {
    std::string out;
    for (const auto& fact : facts_)
      out += (out.empty() ? "" : " ") + std::string(name_of(kind_of(fact.event)));
    return out;
  }

  void have_subnet(const char* text = "2001:db8:1::/64") {
    ASSERT_EQ(run(CreateSubnet{.prefix = prefix(text)}), Win32::kSuccess);
  }

  static CreateClient client(const char* address, const char* duid_text, std::uint32_t iaid = 1) {
    CreateClient out;
    out.key = key(address);
    out.duid = duid(duid_text);
    out.iaid = Iaid{iaid};
    return out;
  }

  static ReportLease report(const char* address, const char* duid_text,
                            ReportedState state = ReportedState::kActive,
                            std::uint32_t valid = 3600) {
    ReportLease out;
    out.key = key(address);
    out.duid = duid(duid_text);
    out.iaid = Iaid{1};
    out.state = state;
    out.valid_lifetime = Lifetime{valid};
    return out;
  }

  void advance(std::chrono::seconds step) { now_ += step; }

  LeaseBook book_;
  Instant now_ = at("2026-03-01T00:00:00Z");
  std::vector<PendingEvent> facts_;
  Error error_;

 private:
  Win32 refused(const Error& error) {
    error_ = error;
    EXPECT_FALSE(error.expected.empty()) << "an error says what would be right";
    return error.code;
  }
};

}  // namespace leaseledger::test
