// From commands to durable facts: roles, batches, chains, ids, preconditions, refusals.

#include "commands/command_handler.h"

#include "commands/fields.h"
#include "ledger/memory_log.h"
#include "tests/commands/book_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace leaseledger::test {
namespace {

class HandlerFixture : public ::testing::Test {
 protected:
  void SetUp() override { restart(); }

  /// A new handler on the same log, as after a restart: nothing is known but what the log says.
  void restart() {
    handler_.reset();
    LeaseBook book;
    ASSERT_TRUE(log_.read(1, log_.tail(), Direction::kForward, [&](const StoredRecord& stored) {
      Record record;
      EXPECT_TRUE(decode_record(stored.bytes, record));
      EXPECT_TRUE(evolve(book, record));
      return true;
    }));
    ids_.log = &log_;
    handler_ = CommandHandler::start(log_, std::move(book), &ids_, clock_, options_).value();
  }

  /// Looks ids up in the log itself, up to where it was at the last restart.
  struct LogIds final : CommandIds {
    MemoryLog* log = nullptr;
    Result<std::optional<std::pair<Position, Position>>> find(std::string_view actor,
                                                              const CommandId& id) const override {
      std::optional<std::pair<Position, Position>> found;
      LEASELEDGER_TRY(
          log->read(1, log->tail(), Direction::kForward, [&](const StoredRecord& stored) {
            Record record;
            EXPECT_TRUE(decode_record(stored.bytes, record));
            if (record.actor == actor && record.command_id == id)
              found = {found ? found->first : record.position, record.position};
            return true;
          }));
      return found;
    }
    Position projected() const override { return log->tail(); }
  };

  Answer submit(const Command& command, const Principal& who) {
    return handler_->submit(who, Envelope{.command = command}).value();
  }
  Answer submit(const Command& command) { return submit(command, admin_); }
  std::vector<Answer> submit_all(const std::vector<Envelope>& commands,
                                 Chain chain = Chain::kEach) {
    return handler_->submit(admin_, commands, chain).value();
  }
  Record record(Position position) { return read_record(log_, position).value(); }
  static Envelope with_id(const Command& command, std::uint8_t number) {
    Envelope out{.command = command};
    out.id.emplace()[15] = number;
    return out;
  }
  static CreateClient client(const char* address, const char* client_duid) {
    CreateClient out;
    out.key = key(address);
    out.duid = duid(client_duid);
    out.iaid = Iaid{1};
    return out;
  }
  void have_subnet() {
    ASSERT_TRUE(submit(CreateSubnet{.prefix = prefix("2001:db8:1::/64")}).accepted());
  }

  MemoryLog log_;
  LogIds ids_;
  ManualClock clock_{at("2026-03-01T00:00:00Z")};
  HandlerOptions options_;
  Principal admin_{"unix:alice", Role::kAdministrator, "test"};
  Principal user_{"unix:bob", Role::kUser, "test"};
  Principal nobody_{"unix:eve", Role::kNone, "test"};
  std::unique_ptr<CommandHandler> handler_;
};

TEST_F(HandlerFixture, TheSeedAnswersItsFiveCodes) {
  EXPECT_EQ(submit(client("2001:db8:1::5", "00:aa")).code, Win32::kDhcpSubnetNotPresent);
  have_subnet();
  EXPECT_EQ(submit(client("2001:db8:1::5", "00:aa"), user_).code, Win32::kAccessDenied);
  EXPECT_EQ(submit(client("2001:db8:1::5", "00:aa"), nobody_).code, Win32::kAccessDenied);
  EXPECT_EQ(submit(client("2001:db8:1::5", "")).code, Win32::kInvalidParameter);
  EXPECT_EQ(submit(client("2001:db8:1::5", "00:aa")).code, Win32::kSuccess);
  EXPECT_EQ(submit(client("2001:db8:1::5", "00:aa")).code, Win32::kDhcpClientExists);
}

TEST_F(HandlerFixture, TheRoleIsCheckedBeforeEverythingElse) {
  EXPECT_EQ(submit(client("2001:db8:1::5", ""), user_).code, Win32::kAccessDenied);
}

TEST_F(HandlerFixture, ARefusalIsRecordedWithWhoWhatAndWhy) {
  have_subnet();
  const Answer answer = submit(client("2001:db8:9::5", "00:aa"));
  ASSERT_NE(answer.first, 0U);
  const Record refusal = record(answer.first);
  EXPECT_EQ(refusal.actor, "unix:alice");
  const auto& refused = std::get<CommandRefused>(refusal.event);
  EXPECT_EQ(refused.command, "CreateClient");
  EXPECT_EQ(refused.code, Win32::kDhcpSubnetNotPresent);
  EXPECT_EQ(refused.field, "address");
  EXPECT_EQ(refused.arguments[0],
            (std::pair<std::string, std::string>("address", "2001:db8:9::5")));
}

TEST_F(HandlerFixture, ARefusalChangesNothingButTheTrail) {
  have_subnet();
  Hash before{};
  handler_->read_book([&](const LeaseBook& book) { before = book.digest(); });
  const Position tail = log_.tail();
  submit(client("2001:db8:9::5", "00:aa"));
  handler_->read_book([&](const LeaseBook& book) {
    EXPECT_EQ(book.lease_count(), 0U);
    EXPECT_EQ(book.position(), tail + 1);
  });
  EXPECT_EQ(log_.tail(), tail + 1);
}

TEST_F(HandlerFixture, TimesIncreaseEvenWhenTheClockGoesBack) {
  have_subnet();
  clock_.advance(-std::chrono::seconds{30});
  submit(client("2001:db8:1::5", "00:aa"));
  EXPECT_GT(record(2).recorded_at, record(1).recorded_at);
  clock_.advance(-std::chrono::hours{2});
  const auto refused =
      handler_->submit(admin_, Envelope{.command = client("2001:db8:1::6", "00:bb")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
  EXPECT_EQ(log_.tail(), 2U);
}

TEST_F(HandlerFixture, LaterCommandsOfABatchSeeTheEarlierOnes) {
  const auto answers = submit_all({{.command = CreateSubnet{.prefix = prefix("2001:db8:1::/64")}},
                                   {.command = client("2001:db8:1::5", "00:aa")},
                                   {.command = client("2001:db8:1::5", "00:bb")},
                                   {.command = DeleteClient{key("2001:db8:1::5")}},
                                   {.command = client("2001:db8:1::5", "00:bb")}});
  std::vector<Win32> codes;
  for (const auto& answer : answers) codes.push_back(answer.code);
  EXPECT_EQ(codes, (std::vector{Win32::kSuccess, Win32::kSuccess, Win32::kDhcpClientExists,
                                Win32::kSuccess, Win32::kSuccess}));
}

TEST_F(HandlerFixture, AChainIsDoneWholeOrNotAtAll) {
  have_subnet();
  const auto done = submit_all({{.command = client("2001:db8:1::5", "00:aa")},
                                {.command = client("2001:db8:1::6", "00:bb")}},
                               Chain::kAllOrNothing);
  EXPECT_TRUE(done[0].accepted() && done[1].accepted());
  Hash before{};
  handler_->read_book([&](const LeaseBook& book) { before = book.digest(); });
  const Position tail = log_.tail();
  const auto refused = submit_all({{.command = CreateSubnet{.prefix = prefix("2001:db8:2::/64")}},
                                   {.command = client("2001:db8:2::5", "00:cc")},
                                   {.command = client("2001:db8:1::5", "00:dd")},
                                   {.command = DeleteClient{key("2001:db8:1::6")}}},
                                  Chain::kAllOrNothing);
  ASSERT_EQ(refused.size(), 4U);
  EXPECT_EQ(refused[0].code, Win32::kOperationAborted);
  EXPECT_EQ(refused[1].code, Win32::kOperationAborted);
  EXPECT_EQ(refused[2].code, Win32::kDhcpClientExists);
  EXPECT_EQ(refused[3].code, Win32::kOperationAborted);
  EXPECT_EQ(log_.tail(), tail + 4);
  handler_->read_book([&](const LeaseBook& book) {
    EXPECT_EQ(book.lease_count(), 2U);
    EXPECT_EQ(book.subnets().size(), 1U);
    EXPECT_TRUE(book.check_invariants());
  });
  restart();  // and the log folds to the same
  handler_->read_book([&](const LeaseBook& book) { EXPECT_EQ(book.lease_count(), 2U); });
}

TEST_F(HandlerFixture, AnIdGetsItsFirstAnswerAgainAcceptedOrRefused) {
  have_subnet();
  for (const bool after_restart : {false, true}) {
    if (after_restart) restart();
    const Answer first =
        handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:aa"), 1)).value();
    EXPECT_EQ(first.code, Win32::kSuccess);
    EXPECT_EQ(first.first, 2U);
    EXPECT_EQ(first.repeated, after_restart);
    const Answer again =
        handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:aa"), 1)).value();
    EXPECT_EQ(again.code, Win32::kSuccess);
    EXPECT_EQ(again.first, 2U);
    EXPECT_TRUE(again.repeated);
    const Answer refused =
        handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:bb"), 2)).value();
    EXPECT_EQ(refused.code, Win32::kDhcpClientExists);
    EXPECT_EQ(refused.first, 3U);
    EXPECT_EQ(refused.error.field, "address");
  }
  submit(DeleteClient{key("2001:db8:1::5")});
  EXPECT_EQ(handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:bb"), 2))->code,
            Win32::kDhcpClientExists)
      << "the first answer, not today's";
}

TEST_F(HandlerFixture, AnIdTwiceInOneBatchIsDoneOnce) {
  have_subnet();
  const auto answers = submit_all(
      {with_id(client("2001:db8:1::5", "00:aa"), 1), with_id(client("2001:db8:1::5", "00:aa"), 1)});
  EXPECT_TRUE(answers[1].repeated);
  EXPECT_EQ(answers[0].first, answers[1].first);
  EXPECT_EQ(log_.tail(), 2U);
}

TEST_F(HandlerFixture, TheSameIdWithAnotherCommandNamesTheFieldThatDiffers) {
  have_subnet();
  for (const bool after_restart : {false, true}) {
    if (after_restart) restart();
    handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:aa"), 1)).value();
    const Position tail = log_.tail();
    const Answer other =
        handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:bb"), 1)).value();
    EXPECT_EQ(other.code, Win32::kInvalidParameter);
    EXPECT_EQ(other.error.field, "duid");
    EXPECT_EQ(handler_->submit(admin_, with_id(DeleteClient{key("2001:db8:1::5")}, 1))->error.field,
              "command");
    Envelope cause = with_id(client("2001:db8:1::5", "00:aa"), 1);
    cause.cause = "another ticket";
    EXPECT_TRUE(handler_->submit(admin_, cause)->repeated) << "a retry may name another cause";
    Envelope late = with_id(client("2001:db8:1::5", "00:aa"), 1);
    late.effective_at = at("2026-02-01T00:00:00Z");
    EXPECT_EQ(handler_->submit(admin_, late)->error.field, "effective_at");
    EXPECT_EQ(log_.tail(), tail);
  }
}

TEST_F(HandlerFixture, IdsBelongToTheirPrincipal) {
  have_subnet();
  handler_->submit(nobody_, with_id(client("2001:db8:1::5", "00:aa"), 1)).value();
  EXPECT_TRUE(handler_->submit(admin_, with_id(client("2001:db8:1::5", "00:aa"), 1))->accepted())
      << "nobody else can use up an id";
}

TEST_F(HandlerFixture, AnIdThatChangedNothingIsRememberedToo) {
  have_subnet();
  ReportLease report;
  report.key = key("2001:db8:1::5");
  report.duid = duid("00:aa");
  report.state = ReportedState::kReleased;
  const Answer first = handler_->submit(admin_, with_id(report, 7)).value();
  EXPECT_EQ(kind_of(record(first.first).event), EventKind::kNothingChanged);
  CreateClient create = client("2001:db8:1::5", "00:aa");
  create.iaid = Iaid{0};
  ASSERT_TRUE(submit(create).accepted());
  EXPECT_TRUE(handler_->submit(admin_, with_id(report, 7))->repeated)
      << "and does not end the lease that came later";
}

TEST_F(HandlerFixture, PreconditionsCompareTheLastEventOfTheLease) {
  have_subnet();
  Envelope create{.command = client("2001:db8:1::5", "00:aa")};
  create.if_last_event = 7;
  EXPECT_EQ(handler_->submit(admin_, create)->code, Win32::kRevisionMismatch);
  create.if_last_event = 0;
  const Answer created = handler_->submit(admin_, create).value();
  EXPECT_TRUE(created.accepted());
  Envelope remove{.command = DeleteClient{key("2001:db8:1::5")}};
  remove.if_last_event = created.first + 1;
  const Answer stale = handler_->submit(admin_, remove).value();
  EXPECT_EQ(stale.code, Win32::kRevisionMismatch);
  EXPECT_EQ(stale.error.kind, ErrorKind::kConflict);
  remove.if_last_event = created.first;
  EXPECT_TRUE(handler_->submit(admin_, remove)->accepted());
  Envelope subnet{.command = DeleteSubnet{prefix("2001:db8:1::/64")}};
  subnet.if_last_event = 1;
  EXPECT_EQ(handler_->submit(admin_, subnet)->code, Win32::kInvalidParameter);
}

TEST_F(HandlerFixture, RefusalsAreLimitedForEachPrincipalAndCounted) {
  options_.refusal_limits = {.burst = 3, .per_minute = 2};
  restart();
  have_subnet();
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(submit(client("2001:db8:1::5", "00:aa"), nobody_).code, Win32::kAccessDenied);
  EXPECT_EQ(log_.tail(), 4U);
  submit(client("2001:db8:9::5", "00:aa"), user_);
  EXPECT_EQ(log_.tail(), 5U) << "another principal has his own limit";
  clock_.advance(std::chrono::seconds{31});
  submit(client("2001:db8:1::5", "00:aa"), nobody_);
  EXPECT_EQ(std::get<CommandRefused>(record(6).event).suppressed, 7U);
  for (int i = 0; i < 5; ++i) submit(client("2001:db8:1::5", "00:aa"), nobody_);
  EXPECT_TRUE(handler_->flush_refusal_counts());
  const Record summary = record(log_.tail());
  EXPECT_EQ(summary.actor, "unix:eve");
  EXPECT_EQ(std::get<CommandRefused>(summary.event).suppressed, 5U);
  EXPECT_EQ(std::get<CommandRefused>(summary.event).command, "");
  const Position tail = log_.tail();
  EXPECT_TRUE(handler_->flush_refusal_counts());
  EXPECT_EQ(log_.tail(), tail);
}

TEST_F(HandlerFixture, OverTheLimitAnIdIsNotUsedUp) {
  options_.refusal_limits = {.burst = 1, .per_minute = 1};
  restart();
  have_subnet();
  submit(client("2001:db8:1::5", "00:aa"), nobody_);
  EXPECT_EQ(handler_->submit(nobody_, with_id(client("2001:db8:1::5", "00:aa"), 1))->code,
            Win32::kBusy);
  Principal promoted = nobody_;
  promoted.role = Role::kAdministrator;
  EXPECT_TRUE(handler_->submit(promoted, with_id(client("2001:db8:1::5", "00:aa"), 1))->accepted());
}

TEST_F(HandlerFixture, PreviewSaysWhatWouldHappenAndDoesNothing) {
  have_subnet();
  const std::vector<Envelope> commands = {{.command = client("2001:db8:1::5", "00:aa")},
                                          {.command = client("2001:db8:1::5", "00:bb")}};
  for (const Chain chain : {Chain::kEach, Chain::kAllOrNothing}) {
    const auto preview = handler_->preview(admin_, commands, chain).value();
    EXPECT_EQ(preview[1].answer.code, Win32::kDhcpClientExists);
    EXPECT_EQ(preview[0].answer.accepted(), chain == Chain::kEach);
    ASSERT_EQ(preview[1].records.size(), 1U);
    EXPECT_EQ(log_.tail(), 1U);
    handler_->read_book([](const LeaseBook& book) {
      EXPECT_EQ(book.position(), 1U);
      EXPECT_EQ(book.lease_count(), 0U);
    });
  }
  EXPECT_TRUE(submit(client("2001:db8:1::5", "00:bb")).accepted());
}

TEST_F(HandlerFixture, AnotherWriterFencesThisOne) {
  have_subnet();
  ASSERT_TRUE(log_.begin_epoch());
  const auto fenced =
      handler_->submit(admin_, Envelope{.command = client("2001:db8:1::5", "00:aa")});
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().kind, ErrorKind::kIo);
  EXPECT_FALSE(handler_->submit(admin_, Envelope{.command = client("2001:db8:1::6", "00:aa")}))
      << "and it stays so";
}

TEST_F(HandlerFixture, ManyThreadsGetOneAnswerEach) {
  have_subnet();
  std::vector<std::thread> threads;
  std::atomic<int> accepted = 0;
  std::atomic<int> exists = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 200; ++i) {
        CreateClient create = client("2001:db8:1::", "00:aa");
        create.key.address.low = i;  // all threads want the same addresses
        create.iaid = Iaid{static_cast<std::uint32_t>(t * 1000 + static_cast<int>(i))};
        const auto answer = handler_->submit(admin_, Envelope{.command = create});
        ASSERT_TRUE(answer);
        ++(answer->accepted() ? accepted : exists);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(accepted, 200);
  EXPECT_EQ(exists, 1400);
  handler_->read_book([](const LeaseBook& book) { EXPECT_EQ(book.lease_count(), 200U); });
}

TEST_F(HandlerFixture, AnswersOfSubmissionsThatNobodyWaitsForComeOnceEachAndInOrder) {
  have_subnet();
  constexpr std::uint64_t kSubmissions = 3000;
  std::mutex mutex;
  std::vector<std::uint64_t> order;
  std::atomic<int> wrong = 0;
  for (std::uint64_t i = 0; i < kSubmissions; ++i) {
    CreateClient create = client("2001:db8:1::", "00:aa");
    create.key.address.low = i / 2;  // each address twice: the second time it is taken
    create.iaid = Iaid{static_cast<std::uint32_t>(i)};
    handler_->submit_async(
        admin_, {Envelope{.command = create}}, Chain::kEach,
        [&, i](Result<std::vector<Answer>> answers) {
          const Win32 wanted = i % 2 == 0 ? Win32::kSuccess : Win32::kDhcpClientExists;
          if (!answers || answers->size() != 1 || answers->front().code != wanted) ++wrong;
          const std::lock_guard lock(mutex);
          order.push_back(i);
        });
  }
  handler_.reset();  // waits for all
  EXPECT_EQ(wrong, 0);
  ASSERT_EQ(order.size(), kSubmissions);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  restart();
  handler_->read_book(
      [](const LeaseBook& book) { EXPECT_EQ(book.lease_count(), kSubmissions / 2); });
}

TEST_F(HandlerFixture, SubmissionsOfAnySizeAreAppendedInTheirOrder) {
  // A small one that waits between large ones must not overtake those that are on their way to the log.
  have_subnet();
  constexpr std::uint64_t kSizes[] = {3000, 10, 4090, 1, 4096, 300, 5, 4000, 200, 4095};
  std::uint64_t number = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::vector<Position> lasts;
  for (int round = 0; round < 6; ++round) {
    for (const std::uint64_t size : kSizes) {
      std::vector<Envelope> commands;
      for (std::uint64_t i = 0; i < size; ++i, ++number) {
        CreateClient create = client("2001:db8:1::", "00:aa");
        create.key.address.low = number;
        create.iaid = Iaid{static_cast<std::uint32_t>(number)};
        commands.push_back({.command = create});
      }
      handler_->submit_async(admin_, std::move(commands), Chain::kEach,
                             [&](Result<std::vector<Answer>> answers) {
                               ASSERT_TRUE(answers) << answers.error().to_string();
                               accepted += answers->size();
                               lasts.push_back(answers->back().last);
                             });
    }
  }
  handler_.reset();
  EXPECT_EQ(accepted, number);
  EXPECT_TRUE(std::ranges::is_sorted(lasts));
  EXPECT_EQ(log_.tail(), number + 1);
  restart();
}

TEST_F(HandlerFixture, AnIdThatIsBeingWrittenGetsItsFirstAnswerToo) {
  have_subnet();
  std::mutex mutex;
  std::vector<Answer> answers;
  for (int round = 0; round < 3; ++round) {
    std::vector<Envelope> commands;  // large, so that groups are decided while others are written
    for (std::uint64_t i = 0; i < 600; ++i) {
      CreateClient create = client("2001:db8:1::", "00:aa");
      create.key.address.low = i;
      create.iaid = Iaid{static_cast<std::uint32_t>(i)};
      Envelope envelope{.command = create};
      envelope.id.emplace()[15] = static_cast<std::uint8_t>(i);
      (*envelope.id)[14] = static_cast<std::uint8_t>(i >> 8);
      commands.push_back(envelope);
    }
    handler_->submit_async(admin_, std::move(commands), Chain::kEach,
                           [&](Result<std::vector<Answer>> given) {
                             const std::lock_guard lock(mutex);
                             ASSERT_TRUE(given);
                             answers.insert(answers.end(), given->begin(), given->end());
                           });
  }
  handler_.reset();
  ASSERT_EQ(answers.size(), 1800U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_TRUE(answers[i].accepted());
    EXPECT_EQ(answers[i].repeated, i >= 600) << i;
    EXPECT_EQ(answers[i].first, 2 + i % 600) << i;
  }
  EXPECT_EQ(log_.tail(), 601U);
}

TEST_F(HandlerFixture, TooMuchThatWaitsIsRefusedAtOnce) {
  options_.max_waiting = 10;
  restart();
  std::vector<Envelope> many(11, Envelope{.command = DeleteClient{key("2001:db8:1::5")}});
  const auto refused = handler_->submit(admin_, many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Win32::kBusy);
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
  bool told = false;
  handler_->submit_async(admin_, many, Chain::kEach, [&](Result<std::vector<Answer>> answers) {
    told = !answers && answers.error().code == Win32::kBusy;
  });
  EXPECT_TRUE(told);
  EXPECT_EQ(log_.tail(), 0U);
  many.pop_back();
  EXPECT_TRUE(handler_->submit(admin_, many)) << "and the next is taken";
}

TEST_F(HandlerFixture, ReadersOfTheBookNeverSeeWhatIsNotDurable) {
  have_subnet();
  std::atomic<bool> over = false;
  std::thread reader([&] {
    while (!over) {
      handler_->read_book([&](const LeaseBook& book) { ASSERT_EQ(book.position(), log_.tail()); });
    }
  });
  for (std::uint64_t i = 0; i < 40; ++i) {
    std::vector<Envelope> commands;
    for (std::uint64_t j = 0; j < 500; ++j) {
      CreateClient create = client("2001:db8:1::", "00:aa");
      create.key.address.low = i * 1000 + j;
      create.iaid = Iaid{static_cast<std::uint32_t>(i * 1000 + j)};
      commands.push_back({.command = create});
    }
    handler_->submit_async(admin_, std::move(commands), Chain::kEach,
                           [](Result<std::vector<Answer>> answers) { ASSERT_TRUE(answers); });
  }
  while (log_.tail() < 1 + 40 * 500) std::this_thread::yield();
  over = true;
  reader.join();
}

TEST(CommandFields, EveryCommandComesBackFromItsText) {
  for (const auto name : command_names()) {
    Arguments fields = {{"address", "2001:db8:1::5"},
                        {"prefix", "2001:db8:1::/64"},
                        {"subnet", "2001:db8:1::/64"},
                        {"first", "::1"},
                        {"last", "::2"}};
    Result<Command> command = make_command(name, fields);
    for (int i = 0; i < 6 && !command; ++i) {  // take away what the command does not have
      std::erase_if(fields,
                    [&](const auto& field) { return field.first == command.error().field; });
      command = make_command(name, fields);
    }
    ASSERT_TRUE(command) << name << ": " << command.error().to_string();
    const auto again = make_command(name, arguments_of(*command));
    ASSERT_TRUE(again) << name;
    EXPECT_EQ(arguments_of(*again), arguments_of(*command));
    EXPECT_EQ(fingerprint_of({.command = *again}), fingerprint_of({.command = *command}));
  }
}

TEST(CommandFields, SayWhatIsUnknownMissingAndUnreadable) {
  const auto error = [](const Arguments& fields) {
    return make_command("CreateClient", fields).error();
  };
  EXPECT_EQ(error({}).field, "address");
  EXPECT_EQ(error({{"address", "2001:db8::1"}, {"adress", "2001:db8::1"}}).field, "adress");
  EXPECT_EQ(error({{"address", "2001:db8::1"}, {"iaid", "4294967296"}}).field, "iaid");
  EXPECT_EQ(error({{"address", "2001:db8::zz"}}).value, "2001:db8::zz");
  EXPECT_EQ(make_command("CreateClent", {}).error().field, "command");
}

}  // namespace
}  // namespace leaseledger::test
