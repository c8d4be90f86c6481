// What a role gets of the schema itself: every method of every interface by plain Cap'n Proto, so that nothing that our own
// client does or leaves out hides what the daemon allows. The methods are taken from the schema: a new one is tried too.

#include "adapters/rpc/wire_commands.h"
#include "tests/support/daemon.h"
#include "tests/support/plain_client.h"

#include <capnp/dynamic.h>
#include <gmock/gmock.h>

namespace leaseledger::test {
namespace {

namespace schema = rpc::schema;
using testing::HasSubstr;

constexpr std::uint32_t kDenied = 5;  // ERROR_ACCESS_DENIED

Envelope create(unsigned number) {
  CreateClient command;
  command.key = parse_lease_key("2001:db8:1::" + std::to_string(number)).value();
  command.duid = Duid::parse("00030001020000000007").value();
  command.iaid = Iaid{number};
  return {.command = command, .cause = "tried"};
}

class Capabilities : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "is an administrator only as root";
    ASSERT_TRUE(daemon_.start());
    ours_ = daemon_.client().value();
    CreateSubnet subnet;
    subnet.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
    const auto answers = ours_->submit(std::vector<Envelope>{{.command = subnet}}, Chain::kEach);
    ASSERT_TRUE(answers && answers->front().accepted());
  }
  static std::uint32_t greet(PlainClient& client, schema::Role role) {
    auto request = client.ledger().greetRequest();
    request.setTool("plain");
    request.setAtMost(role);
    const auto answer = request.send().wait(client.scope());
    return answer.hasError() ? answer.getError().getCode() : 0;
  }
  /// Error code, or 0 with a capability.
  template <typename Request, typename Has>
  static std::uint32_t code_of(PlainClient& client, Request request, Has has) {
    auto answer = request.send().wait(client.scope());
    EXPECT_NE(has(answer), answer.hasError()) << "either the capability or an error";
    return answer.hasError() ? answer.getError().getCode() : 0;
  }
  Position tail() { return ours_->stats().value().records; }
  std::vector<Record> refusals() {
    std::vector<Record> out;
    EXPECT_TRUE(ours_->log({.kind = EventKind::kCommandRefused}, [&](const Record& record) {
      out.push_back(record);
      return true;
    }));
    return out;
  }

  /// Calls each method of the interface with nothing in its parameters; how many were answered and how many failed as RPC.
  struct Outcome {
    std::size_t answered = 0;
    std::size_t failed = 0;
    friend bool operator==(const Outcome&, const Outcome&) = default;
  };
  template <typename Interface>
  static Outcome call_each(PlainClient& client, typename Interface::Client capability) {
    Outcome out;
    const capnp::InterfaceSchema interface = capnp::Schema::from<Interface>();
    capnp::DynamicCapability::Client dynamic = kj::mv(capability);
    for (const auto method : interface.getMethods()) {
      const auto problem = kj::runCatchingExceptions([&] {
        client.timer()
            .timeoutAfter(20 * kj::SECONDS, dynamic.newRequest(method).send().ignoreResult())
            .wait(client.scope());
      });
      KJ_IF_MAYBE (exception, problem) {
        EXPECT_NE(exception->getType(), kj::Exception::Type::DISCONNECTED)
            << method.getProto().getName().cStr();
        EXPECT_NE(exception->getType(), kj::Exception::Type::OVERLOADED)
            << method.getProto().getName().cStr() << " is not answered";
        ++out.failed;
      } else {
        ++out.answered;
      }
    }
    return out;
  }
  template <typename Interface>
  static std::size_t methods() {
    return capnp::InterfaceSchema(capnp::Schema::from<Interface>()).getMethods().size();
  }

  Daemon daemon_{"[expiry]\nenabled = false\n"};
  std::unique_ptr<rpc::Client> ours_;
};

struct Wanted {
  schema::Role role;
  std::uint32_t commands;
  std::uint32_t questions;
};

TEST_F(Capabilities, AreGivenByRoleOrThereIsAnErrorInstead) {
  for (const Wanted wanted :
       {Wanted{schema::Role::ADMINISTRATOR, 0, 0}, Wanted{schema::Role::USER, kDenied, 0},
        Wanted{schema::Role::NONE, kDenied, kDenied}}) {
    PlainClient client(daemon_.server());
    ASSERT_EQ(greet(client, wanted.role), 0U);
    auto& ledger = client.ledger();
    EXPECT_EQ(code_of(client, ledger.commandsRequest(), [](auto& a) { return a.hasCommands(); }),
              wanted.commands);
    EXPECT_EQ(code_of(client, ledger.queriesRequest(), [](auto& a) { return a.hasQueries(); }),
              wanted.questions);
    EXPECT_EQ(code_of(client, ledger.historyRequest(), [](auto& a) { return a.hasHistory(); }),
              wanted.questions);
    EXPECT_EQ(code_of(client, ledger.upkeepRequest(), [](auto& a) { return a.hasUpkeep(); }),
              wanted.commands);
  }
}

TEST_F(Capabilities, ThatWereDeniedCannotBeCalledAheadOfTheAnswer) {
  const Position before = tail();
  for (const Wanted wanted :
       {Wanted{schema::Role::ADMINISTRATOR, 0, 0}, Wanted{schema::Role::USER, kDenied, 0},
        Wanted{schema::Role::NONE, kDenied, kDenied}}) {
    PlainClient client(daemon_.server());
    ASSERT_EQ(greet(client, wanted.role), 0U);
    auto& ledger = client.ledger();
    const auto expected = [](std::uint32_t code, std::size_t methods) {
      return code == 0 ? Outcome{methods, 0} : Outcome{0, methods};
    };
    const auto commands =
        call_each<schema::Commands>(client, ledger.commandsRequest().send().getCommands());
    EXPECT_EQ(commands, expected(wanted.commands, methods<schema::Commands>()));
    const auto queries =
        call_each<schema::Queries>(client, ledger.queriesRequest().send().getQueries());
    EXPECT_EQ(queries, expected(wanted.questions, methods<schema::Queries>()));
    const auto history =
        call_each<schema::History>(client, ledger.historyRequest().send().getHistory());
    EXPECT_EQ(history, expected(wanted.questions, methods<schema::History>()));
    const auto upkeep =
        call_each<schema::Upkeep>(client, ledger.upkeepRequest().send().getUpkeep());
    EXPECT_EQ(upkeep, expected(wanted.commands, methods<schema::Upkeep>()));
  }
  EXPECT_EQ(tail(), before) << "nothing that was tried is in the ledger";
  EXPECT_TRUE(ours_->verify().value().ok());
  EXPECT_EQ(daemon_.stop(), 0);
}

TEST_F(Capabilities, ARoleThatWasGivenUpDoesNotComeBack) {
  PlainClient client(daemon_.server());
  ASSERT_EQ(greet(client, schema::Role::NONE), 0U);
  ASSERT_EQ(greet(client, schema::Role::ADMINISTRATOR), 0U);
  EXPECT_TRUE(client.ledger().commandsRequest().send().wait(client.scope()).hasError());
  EXPECT_TRUE(client.ledger().queriesRequest().send().wait(client.scope()).hasError());
  auto wrong = client.ledger().greetRequest();
  wrong.setAtMost(static_cast<schema::Role>(77));
  EXPECT_EQ(wrong.send().wait(client.scope()).getError().getCode(), 87U);
}

TEST_F(Capabilities, AToolThatIsNoNameIsRefusedAndTheDoorStaysAsItWas) {
  for (const std::string& tool :
       {std::string("a b"), std::string("x\ny"), std::string(33, 'a'), std::string("../x"),
        std::string("\xff\xfe"), std::string("a\0b", 3)}) {
    PlainClient client(daemon_.server());
    auto request = client.ledger().greetRequest();
    request.setTool(kj::StringPtr(tool.c_str(), tool.size()));
    const auto answer = request.send().wait(client.scope());
    ASSERT_TRUE(answer.hasError()) << tool;
    EXPECT_EQ(answer.getError().getCode(), 87U) << tool;
    EXPECT_STREQ(answer.getError().getField().cStr(), "tool");
  }
}

TEST_F(Capabilities, WhatIsAttemptedWithoutThemIsRefusedAndRecorded) {
  std::size_t known = 0;
  for (const auto role : {schema::Role::USER, schema::Role::NONE}) {
    PlainClient client(daemon_.server());
    ASSERT_EQ(greet(client, role), 0U);
    auto request = client.ledger().attemptRequest();
    auto list = request.initCommands(3);
    rpc::write_command(create(1), list[0]);
    // list[1] is empty: it cannot be read
    rpc::write_command(create(2), list[2]);
    const auto answer = request.send().wait(client.scope());
    ASSERT_FALSE(answer.hasError());
    ASSERT_EQ(answer.getAnswers().size(), 3U);
    EXPECT_EQ(answer.getAnswers()[0].getError().getCode(), kDenied);
    EXPECT_NE(answer.getAnswers()[1].getError().getCode(), 0U);
    EXPECT_EQ(answer.getAnswers()[2].getError().getCode(), kDenied);
    const auto recorded = refusals();
    ASSERT_EQ(recorded.size(), known + 2);
    for (; known < recorded.size(); ++known) {
      EXPECT_EQ(recorded[known].actor, "unix:root");
      EXPECT_EQ(recorded[known].door, "unix/plain");
      EXPECT_EQ(recorded[known].cause, "tried");
      EXPECT_EQ(std::get<CommandRefused>(recorded[known].event).code, Win32::kAccessDenied);
      EXPECT_EQ(std::get<CommandRefused>(recorded[known].event).command, "CreateClient");
    }
  }
  EXPECT_EQ(ours_->stats().value().leases, 0U);
}

TEST_F(Capabilities, AnAdministratorsAttemptIsRefusedAndNotRecorded) {
  const Position before = tail();
  PlainClient client(daemon_.server());
  auto request = client.ledger().attemptRequest();
  rpc::write_command(create(1), request.initCommands(1)[0]);
  const auto answer = request.send().wait(client.scope());
  ASSERT_TRUE(answer.hasError());
  EXPECT_EQ(answer.getError().getCode(), kDenied);
  EXPECT_EQ(tail(), before);
}

TEST_F(Capabilities, TooManyAttemptsAtOnceAreNotRecorded) {
  const Position before = tail();
  PlainClient client(daemon_.server());
  ASSERT_EQ(greet(client, schema::Role::USER), 0U);
  auto request = client.ledger().attemptRequest();
  request.initCommands(4097);
  const auto answer = request.send().wait(client.scope());
  ASSERT_TRUE(answer.hasError());
  EXPECT_EQ(answer.getError().getCode(), 87U);
  EXPECT_THAT(answer.getError().getExpected().cStr(), HasSubstr("at most 4096 in one call"));
  EXPECT_EQ(tail(), before);
}

TEST_F(Capabilities, WithoutAGreetingTheDoorIsTheApi) {
  PlainClient client(daemon_.server());
  auto request = client.ledger().commandsRequest().send().getCommands().submitRequest();
  rpc::write_command(create(9), request.initCommands(1)[0]);
  const auto answer = request.send().wait(client.scope());
  ASSERT_FALSE(answer.hasError());
  ASSERT_FALSE(answer.getAnswers()[0].hasError());
  std::string door;
  ASSERT_TRUE(ours_->log({.from = tail()}, [&](const Record& record) {
    door = record.door;
    return true;
  }));
  EXPECT_EQ(door, "unix/api");
}

}  // namespace
}  // namespace leaseledger::test
