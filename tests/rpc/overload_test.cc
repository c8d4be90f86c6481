// More than there is room for: a clear "busy" at once, and nothing that was going on is disturbed.

#include "adapters/rpc/async_client.h"
#include "adapters/rpc/leaseledger.capnp.h"
#include "adapters/rpc/wire_commands.h"
#include "tests/support/daemon.h"

#include <capnp/rpc-twoparty.h>
#include <gmock/gmock.h>
#include <kj/async-io.h>

#include <atomic>

namespace leaseledger::test {
namespace {

using testing::HasSubstr;

Envelope create(unsigned number) {
  CreateClient command;
  command.key = parse_lease_key("2001:db8:1::" + std::to_string(number / 9000 + 1) + ":" +
                                std::to_string(number % 9000))
                    .value();
  char duid[32];
  std::snprintf(duid, sizeof duid, "000300010200%08x", number);
  command.duid = Duid::parse(duid).value();
  command.iaid = Iaid{number};
  return {.command = command};
}

void have_subnet(Service& service) {
  CreateSubnet command;
  command.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value();
  const auto answers = service.submit(std::vector<Envelope>{{.command = command}}, Chain::kEach);
  ASSERT_TRUE(answers && answers->front().accepted());
}

TEST(Overload, OneConnectionTooManyIsToldSo) {
  Daemon daemon("[limits]\nconnections = 3\n");
  ASSERT_TRUE(daemon.start());
  std::vector<std::unique_ptr<rpc::Client>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(daemon.client().value());
  const auto refused = daemon.client();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Win32::kBusy);
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
  EXPECT_THAT(refused.error().to_string(), HasSubstr("3 are open"));
  for (const auto& client : clients) EXPECT_TRUE(client->info());
  clients.pop_back();
  for (int i = 0; i < 100 && !daemon.client(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(daemon.client());
}

TEST(Overload, OnePrincipalCannotTakeAllConnections) {
  Daemon daemon("[limits]\nconnections_per_principal = 2\n");
  ASSERT_TRUE(daemon.start());
  const auto one = daemon.client().value();
  const auto two = daemon.client().value();
  const auto refused = daemon.client();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Win32::kBusy);
  EXPECT_THAT(refused.error().to_string(), HasSubstr("unix:"));
}

TEST(Overload, ABurstIsAnsweredBusyAtOnceAndWhatWasAcceptedIsThere) {
  Daemon daemon("[limits]\nwaiting_commands = 256\nbatch = 100\n");
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  have_subnet(*client);
  constexpr unsigned kBatches = 300;
  std::atomic<unsigned> accepted = 0;
  std::atomic<unsigned> busy = 0;
  std::atomic<unsigned> answered = 0;
  for (unsigned i = 0; i < kBatches; ++i) {
    std::vector<Envelope> commands;
    for (unsigned j = 0; j < 100; ++j) commands.push_back(create(i * 100 + j + 1));
    client->submit_async(
        std::move(commands), Chain::kAllOrNothing, [&](Result<std::vector<Answer>> answers) {
          if (answers) {
            accepted += static_cast<unsigned>(answers->size());
          } else {
            EXPECT_EQ(answers.error().code, Win32::kBusy) << answers.error().to_string();
            busy += 100;
          }
          ++answered;
        });
  }
  for (int i = 0; i < 3000 && answered < kBatches; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(answered, kBatches);
  EXPECT_GT(busy, 0U);
  EXPECT_GT(accepted, 0U);
  EXPECT_EQ(client->stats().value().leases, accepted);
}

TEST(Overload, TooLargeABatchIsRefusedByName) {
  Daemon daemon("[limits]\nbatch = 10\n");
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  EXPECT_EQ(client->info().value().max_batch, 10U);
  std::vector<Envelope> commands;
  for (unsigned i = 0; i < 11; ++i) commands.push_back(create(i));
  const auto answers = client->submit(commands, Chain::kEach);
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error().code, Win32::kInvalidParameter);
  EXPECT_THAT(answers.error().to_string(), HasSubstr("at most 10 in one call"));
}

TEST(Overload, TooLargeAMessageEndsItsConnectionOnly) {
  Daemon daemon("[limits]\nmessage_bytes = \"64KiB\"\n");
  ASSERT_TRUE(daemon.start());
  const auto good = daemon.client().value();
  have_subnet(*good);
  rpc::ClientOptions options = daemon.options();
  options.retry_for = std::chrono::milliseconds(200);
  const auto client = rpc::Client::connect(options).value();
  std::vector<Envelope> commands = {create(1)};
  std::get<CreateClient>(commands.front().command).comment = std::string(200'000, 'x');
  EXPECT_FALSE(client->submit(commands, Chain::kEach));
  EXPECT_TRUE(good->info());
  EXPECT_TRUE(good->submit(std::vector<Envelope>{create(2)}, Chain::kEach));
}

TEST(Overload, IdleConnectionsAreClosedAndSubscribersAreNotIdle) {
  Daemon daemon("[limits]\nidle_timeout = \"1s\"\n");
  ASSERT_TRUE(daemon.start());
  rpc::ClientOptions options = daemon.options();
  options.retry_for = std::chrono::milliseconds(0);
  const auto idle = rpc::Client::connect(options).value();
  const auto writer = daemon.client().value();
  have_subnet(*writer);
  std::atomic<Position> seen = 0;
  std::atomic<bool> stop = false;
  Status followed;
  std::thread follower([&] {
    const auto client = rpc::Client::connect(options).value();
    followed = client->follow(
        1,
        [&](const StoredRecord& stored) {
          seen = stored.position;
          return true;
        },
        [&] { return !stop.load(); });
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  EXPECT_FALSE(idle->info()) << "closed, and this client does not try again";
  EXPECT_TRUE(writer->submit(std::vector<Envelope>{create(1)}, Chain::kEach)) << "connects again";
  for (int i = 0; i < 300 && seen < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(seen, 2U);
  stop = true;
  follower.join();
  EXPECT_TRUE(followed) << followed.error().to_string();
}

TEST(Overload, StatesAreFewForEachPrincipal) {
  Daemon daemon("[limits]\nstates_per_principal = 2\n");
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  have_subnet(*client);
  auto one = client->state_at(1).value();
  const auto two = client->state_at(1).value();
  const auto refused = client->state_at(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Win32::kBusy);
  one.reset();
  Result<std::unique_ptr<PastState>> again = client->state_at(1);
  for (int i = 0; i < 100 && !again; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    again = client->state_at(1);
  }
  EXPECT_TRUE(again);
}

// ---- the stream, by a client of another kind than ours ---------------------------------------------------------------

namespace schema = rpc::schema;

class Sink final : public schema::Commands::Answers::Server {
 public:
  explicit Sink(std::vector<Answer>& out) : out_(out) {}
  kj::Promise<void> answers(AnswersContext context) override {
    for (const auto each : context.getParams().getAnswers()) out_.push_back(rpc::read_answer(each));
    return kj::READY_NOW;
  }

 private:
  std::vector<Answer>& out_;
};

TEST(Overload, AStreamOfCommandsIsAnsweredOneByOneInOrder) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  have_subnet(*daemon.client().value());
  auto io = kj::setupAsyncIo();
  auto stream = io.provider->getNetwork()
                    .parseAddress(daemon.server().c_str())
                    .wait(io.waitScope)
                    ->connect()
                    .wait(io.waitScope);
  capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::CLIENT);
  auto system = capnp::makeRpcClient(network);
  capnp::MallocMessageBuilder message;
  auto id = message.getRoot<capnp::rpc::twoparty::VatId>();
  id.setSide(capnp::rpc::twoparty::Side::SERVER);
  auto ledger = system.bootstrap(id).castAs<schema::Ledger>();
  auto commands = ledger.commandsRequest().send().getCommands();
  std::vector<Answer> answers;
  auto open = commands.streamRequest();
  open.setAnswers(kj::heap<Sink>(answers));
  auto writing = open.send().getStream();
  constexpr unsigned kCommands = 25'000;
  for (unsigned next = 0; next < kCommands;) {
    auto request = writing.writeRequest();
    auto list = request.initCommands(500);
    for (unsigned i = 0; i < 500; ++i, ++next)  // every tenth is refused: the lease is there
      rpc::write_command(create(next % 10 == 9 ? next - 1 : next), list[i]);
    request.send().wait(io.waitScope);
  }
  // One that cannot be read at all does not overtake the others.
  auto unreadable = writing.writeRequest();
  unreadable.initCommands(1);
  unreadable.send().wait(io.waitScope);
  const auto ended = writing.endRequest().send().wait(io.waitScope);
  EXPECT_FALSE(ended.hasError());
  EXPECT_EQ(ended.getCommands(), kCommands + 1);
  ASSERT_EQ(answers.size(), kCommands + 1);
  EXPECT_EQ(answers.back().code, Win32::kInvalidParameter);
  EXPECT_EQ(answers.back().error.field, "command");
  for (unsigned i = 0; i < kCommands; ++i) {
    EXPECT_EQ(answers[i].code, i % 10 == 9 ? Win32::kDhcpClientExists : Win32::kSuccess) << i;
    if (i % 10 != 9 && i % 10 != 0) EXPECT_GT(answers[i].first, answers[i - 1].first);
  }
}

}  // namespace
}  // namespace leaseledger::test
