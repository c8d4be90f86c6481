// A real daemon, asked everything over its socket and compared with the ledger that it leaves behind.

#include "adapters/rpc/async_client.h"
#include "adapters/rpc/new_command_id.h"
#include "adapters/service/local_service.h"
#include "tests/support/daemon.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>

namespace leaseledger::test {
namespace {

using testing::HasSubstr;

Ipv6Prefix prefix(const char* text) { return Ipv6Prefix::parse(text).value(); }
LeaseKey key(const std::string& text) { return parse_lease_key(text).value(); }
Duid duid(unsigned n) {
  const std::uint8_t octets[] = {0,
                                 3,
                                 0,
                                 1,
                                 2,
                                 0,
                                 0x5e,
                                 static_cast<std::uint8_t>(n >> 16),
                                 static_cast<std::uint8_t>(n >> 8),
                                 static_cast<std::uint8_t>(n)};
  return Duid::from_bytes(octets).value();
}
Envelope create(const std::string& address, unsigned client, const std::string& name = "") {
  CreateClient command;
  command.key = key(address);
  command.duid = duid(client);
  command.iaid = Iaid{7};
  command.name = name;
  return {.command = command};
}
Envelope subnet(const char* text) {
  CreateSubnet command;
  command.prefix = prefix(text);
  command.name = "hall";
  return {.command = command};
}

TEST(RpcClient, SubmitsOneAndManyAndGetsTheRulesAnswers) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  const auto info = client->info().value();
  EXPECT_EQ(info.role, Role::kAdministrator);
  EXPECT_THAT(info.principal, HasSubstr("unix:"));

  const std::vector<Envelope> first = {subnet("2001:db8:1::/64")};
  EXPECT_TRUE(client->submit(first).value().front().accepted());
  const std::vector<Envelope> batch = {create("2001:db8:1::1", 1), create("2001:db8:1::1", 2),
                                       create("2001:db8:9::1", 3), create("2001:db8:1::4", 4)};
  const auto answers = client->submit(batch).value();
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_TRUE(answers[0].accepted());
  EXPECT_EQ(answers[1].code, Win32::kDhcpClientExists);
  EXPECT_EQ(answers[1].error.field, "address");
  EXPECT_EQ(answers[2].code, Win32::kDhcpSubnetNotPresent);
  EXPECT_TRUE(answers[3].accepted());
  const auto chained =
      client
          ->submit(std::vector{create("2001:db8:1::5", 5), create("2001:db8:1::1", 6)},
                   Chain::kAllOrNothing)
          .value();
  EXPECT_EQ(chained[0].code, Win32::kOperationAborted);
  EXPECT_EQ(chained[1].code, Win32::kDhcpClientExists);
  const auto row = client->lease(key("2001:db8:1::4"), {.at_least = answers[3].last}).value();
  ASSERT_TRUE(row.lease);
  EXPECT_EQ(row.lease->lease.duid, duid(4));
  EXPECT_FALSE(client->lease(key("2001:db8:1::5"), {}).value().lease);
  const Record record = read_record(client->log(), answers[3].first).value();
  EXPECT_EQ(record.door, "unix/test");
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(RpcClient, DoesARepeatedIdOnce) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  Envelope command = subnet("2001:db8:1::/64");
  command.id = rpc::new_command_id();
  const auto once = client->submit(std::span(&command, 1)).value().front();
  daemon.kill();
  ASSERT_TRUE(daemon.start());
  const auto again = client->submit(std::span(&command, 1)).value().front();  // the same client
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.first, once.first);
}

/// Every question, asked of a service; as text, so that two can be compared.
std::vector<std::string> everything(Service& service, Position tail, Instant now) {
  std::vector<std::string> out;
  const auto line = [&](const std::string& what, const auto& result, auto&& describe) {
    out.push_back(what + ": " + (result ? describe(*result) : result.error().to_string()));
  };
  const auto rows = [](const LeasePage& page) {
    std::string text = std::to_string(page.as_of.known);
    for (const auto& row : page.leases) {
      text += " " + format_lease_key(row.lease.key) + "=" + row.lease.duid.to_string() + "/" +
              std::to_string(static_cast<std::uint32_t>(row.lease.iaid)) + "/" +
              std::string(name_of(row.lease.state)) + "/" + row.description.name + "/" +
              row.description.comment + "/" + row.subnet.to_string() + "/" + row.subnet_name + "/" +
              format_instant(row.since) + "/" + format_instant(row.lease.valid_until) + "/" +
              format_instant(row.lease.preferred_until) + "/" + row.actor + "/" +
              std::to_string(row.first) + "-" + std::to_string(row.last) + "/" +
              format_instant(row.recorded_at) + format_instant(row.effective_at);
    }
    return text + (page.next ? " next " + format_lease_key(*page.next) : "");
  };
  const auto spans = [](const SpansAnswer& answer) {
    std::string text = std::to_string(answer.known);
    for (const auto& held : answer.spans) {
      text += " " + format_lease_key(held.span.key) + "=" + held.duid.to_string() + "/" +
              format_instant(held.span.from) + "-" + format_instant(held.span.until) + "/" +
              std::to_string(held.span.first) + "," + std::to_string(held.span.last) + "," +
              std::to_string(held.span.last_renewal) + "," + std::to_string(held.span.end) + "," +
              std::string(name_of(held.span.ended_by)) + "," + std::to_string(held.span.renewals) +
              held.description.name + held.subnet.to_string();
    }
    return text;
  };
  for (Position at = 0; at <= tail; ++at) {
    const When when{.position = at, .judged_at = now};
    const std::string suffix = "@" + std::to_string(at);
    line("leases" + suffix, service.leases_in(prefix("::/0"), when, {}, 3), rows);
    line("client" + suffix, service.leases_of(duid(1), {}, when), rows);
    line("iaid" + suffix, service.leases_of(duid(1), Iaid{8}, when), rows);
    line("expiring" + suffix, service.expiring(now, now + std::chrono::hours(24 * 30), when, 2),
         rows);
    line("history" + suffix, service.history(key("2001:db8:1::1"), true, when), spans);
    line("held" + suffix, service.held_by(duid(1), Instant::min(), Instant::max(), when), spans);
    line("who" + suffix, service.who(key("2001:db8:8000:100::5").address, when),
         [](const Holders& h) {
           std::string text = std::to_string(h.as_of.known) + format_instant(h.as_of.judged_at);
           for (const auto& each : h.holders) text += " " + each.duid.to_string();
           return text + (h.before ? " before" : "") + (h.after ? " after" : "");
         });
    line("subnets" + suffix, service.subnets(when, {}, 1), [](const SubnetPage& page) {
      std::string text = std::to_string(page.as_of) + "/" + std::to_string(page.total);
      for (const auto& row : page.subnets) {
        text += " " + row.subnet.prefix.to_string() + row.subnet.name + row.subnet.comment +
                std::to_string(row.subnet.valid_lifetime.count()) + "/" +
                std::to_string(row.usage.active) + "," + std::to_string(row.usage.created) + "," +
                std::to_string(row.usage.deleted) + "," + std::to_string(row.reservations) +
                std::to_string(row.exclusions) + std::to_string(row.pools);
      }
      return text + (page.next ? " next" : "");
    });
    line("subnet" + suffix, service.subnet(prefix("2001:db8:1::/64"), when),
         [](const SubnetAnswer& answer) {
           return std::to_string(answer.as_of) + (answer.row ? answer.row->subnet.name : "none");
         });
    for (const auto kind :
         {ElementKind::kReservation, ElementKind::kExclusion, ElementKind::kPool}) {
      line("elements" + suffix, service.elements({}, kind, when, 0, 10),
           [](const ElementPage& page) {
             std::string text = std::to_string(page.total);
             for (const auto& each : page.elements) {
               text += " " + each.subnet.to_string();
               if (each.reservation)
                 text +=
                     format_lease_key(each.reservation->key) + each.reservation->duid.to_string();
               if (each.exclusion)
                 text += each.exclusion->first.to_string() + each.exclusion->last.to_string();
               if (each.pool)
                 text +=
                     each.pool->prefix.to_string() + std::to_string(each.pool->delegated_length);
             }
             return text;
           });
    }
    const auto state = service.state_at(at);
    line("state" + suffix, state, [](const std::unique_ptr<PastState>& past) {
      std::string text = std::to_string(past->position()) + format_instant(past->recorded_at()) +
                         std::to_string(past->subnets()) + "," + std::to_string(past->leases()) +
                         to_hex(past->digest());
      std::optional<LeaseKey> after;
      do {
        const auto page = past->page(after, 2).value();
        for (const auto& row : page.rows)
          text += " " + format_lease_key(row.lease.lease.key) + row.subnet.to_string();
        after = page.next;
      } while (after);
      return text;
    });
    line("diff" + suffix, service.diff(at, tail), [](const Difference& difference) {
      std::string text;
      for (const auto& each : difference.leases) {
        text +=
            std::string(name_of(each.change)) + (each.before ? "b" : "") + (each.after ? "a" : "");
        for (const auto& field : each.fields) text += field;
      }
      for (const auto& each : difference.subnets)
        text += each.prefix.to_string() + std::to_string(each.created) + std::to_string(each.ended);
      return text;
    });
    line("root" + suffix, service.log().tree_head(at),
         [](const TreeHead& h) { return to_hex(h.root); });
    const auto hashes = [](const std::vector<Hash>& all) {
      std::string text;
      for (const auto& hash : all) text += to_hex(hash);
      return text;
    };
    line("inclusion" + suffix, service.log().inclusion_proof(at, tail), hashes);
    line("consistency" + suffix, service.log().consistency_proof(at, tail), hashes);
    if (at != 0) {
      line("record" + suffix, read_record(service.log(), at), [](const Record& record) {
        return to_hex(std::span(reinterpret_cast<const std::uint8_t*>(encode_record(record).data()),
                                encode_record(record).size()));
      });
    }
  }
  for (const auto& filter :
       {LogFilter{}, LogFilter{.direction = Direction::kBackward}, LogFilter{.from = 2, .limit = 3},
        LogFilter{.key = key("2001:db8:1::1")}, LogFilter{.duid = duid(1)},
        LogFilter{.actor = "nobody"}, LogFilter{.kind = EventKind::kCommandRefused},
        LogFilter{.to = 5, .direction = Direction::kBackward, .limit = 2}}) {
    std::string text;
    const auto ok = service.log(filter, [&](const Record& record) {
      text += " " + std::to_string(record.position) + std::string(name_of(kind_of(record.event)));
      return true;
    });
    out.push_back("log:" + text + (ok ? "" : ok.error().to_string()));
  }
  line("beyond", service.leases_in(prefix("::/0"), {.position = tail + 1}, {}, 3), rows);
  line("free", service.free_addresses({.subnet = prefix("2001:db8:1::/64"), .count = 3}),
       [](const FreeAddresses& free) {
         std::string text = free.reached_end ? "end" : "";
         for (const auto& each : free.addresses) text += " " + each.to_string();
         return text;
       });
  const auto verified = service.verify();
  line("verify", verified, [](const VerifyReport& r) {
    return std::to_string(r.tail) + to_hex(r.head.root) + to_hex(r.book_digest) +
           std::to_string(r.leases) + "," + std::to_string(r.view_entries) +
           (r.ok() ? "ok" : "bad");
  });
  line("replay", service.replay(), [](const ReplayReport& r) {
    return to_hex(r.replayed) + (r.equal() ? "equal" : "differs");
  });
  return out;
}

TEST(RpcClient, AnswersEveryQuestionAsTheDirectoryDoes) {
  Daemon daemon("[expiry]\nenabled = false\n");
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  std::vector<Envelope> commands = {subnet("2001:db8:1::/64"), subnet("2001:db8:2::/64")};
  commands.push_back(
      {.command = AddDelegationPool{prefix("2001:db8:1::/64"), prefix("2001:db8:8000::/40"), 56}});
  commands.push_back(
      {.command = AddExclusion{prefix("2001:db8:1::/64"), key("2001:db8:1::20").address,
                               key("2001:db8:1::2f").address}});
  commands.push_back({.command = AddReservation{prefix("2001:db8:1::/64"), key("2001:db8:1::99"),
                                                duid(9), Iaid{1}}});
  commands.push_back(create("2001:db8:1::1", 1, "one"));
  commands.push_back(create("2001:db8:2::1", 1, "zwei \xc3\xa4"));
  commands.push_back(create("2001:db8:8000:100::/56", 3, "three"));
  commands.push_back(create("2001:db8:1::1", 4));  // refused
  commands.push_back(
      {.command =
           RenewLease{key("2001:db8:1::1"), duid(1), Iaid{7}, {}, Lifetime{100}, Lifetime{200}}});
  SetSubnet set;
  set.prefix = prefix("2001:db8:2::/64");
  set.comment = "far";
  commands.push_back({.command = set, .cause = "ticket 7"});
  commands.push_back({.command = SetClient{key("2001:db8:1::1"), duid(5), Iaid{7}, "five", "new"}});
  commands.push_back({.command = ReleaseLease{key("2001:db8:2::1"), duid(1), Iaid{7}}});
  commands.push_back(
      {.command = DeclineLease{key("2001:db8:1::1"), duid(5), Iaid{7}, {}, Lifetime{60}}});
  ReportLease report;
  report.key = key("2001:db8:2::77");
  report.duid = duid(8);
  report.iaid = Iaid{1};
  report.valid_lifetime = Lifetime{1000};
  report.hardware_address = "02005e100001";
  report.hardware_type = 1;
  report.fqdn_forward = true;
  report.context = "{\"a\":1}";
  report.server_subnet_id = 4;
  report.owner = key("2001:db8::53").address;
  report.owner_name = "kea";
  commands.push_back(
      {.command = report, .effective_at = Instant(std::chrono::seconds(1'790'000'000))});
  commands.push_back(
      {.command = DeleteClient{key("2001:db8:2::77")}, .if_last_event = 1});  // refused
  commands.push_back({.command = DeleteClient{key("2001:db8:2::77")}});
  commands.push_back(
      {.command = RemoveExclusion{prefix("2001:db8:1::/64"), key("2001:db8:1::20").address,
                                  key("2001:db8:1::2f").address}});
  commands.push_back(
      {.command = RemoveReservation{prefix("2001:db8:1::/64"), key("2001:db8:1::99")}});
  commands.push_back({.command = DeleteSubnet{prefix("2001:db8:2::/64"), true}});
  const auto preview = client->preview(commands).value();
  const auto answers = client->submit(commands).value();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(preview[i].answer.code, answers[i].code) << i;
    EXPECT_EQ(answers[i].accepted(), i != 8 && i != 15) << i << answers[i].error.to_string();
  }
  ASSERT_TRUE(
      client->submit(std::vector<Envelope>{create("2001:db8:1::3", 30)}).value()[0].accepted());
  const Position tail = client->log().tail();
  const Instant now = SystemClock().now();
  const auto remote = everything(*client, tail, now);
  EXPECT_EQ(daemon.stop(), 0);

  std::shared_ptr<Ledger> opened = Ledger::open(daemon.ledger()).value();
  const auto local =
      make_local_service(opened, {.principal = {"unix:test", Role::kAdministrator, "cli"}});
  const auto direct = everything(*local, tail, now);
  ASSERT_EQ(remote.size(), direct.size());
  for (std::size_t i = 0; i < remote.size(); ++i) EXPECT_EQ(remote[i], direct[i]);
}

TEST(RpcClient, FollowsWhatIsThereAndWhatComes) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  ASSERT_TRUE(client->submit(std::vector<Envelope>{subnet("2001:db8:1::/64")}));
  const auto writer = daemon.client().value();
  std::atomic<Position> seen = 0;
  std::atomic<bool> stop = false;
  std::thread follower([&] {
    const auto ok = client->follow(
        1,
        [&](const StoredRecord& stored) {
          EXPECT_EQ(stored.position, seen + 1);
          seen = stored.position;
          return true;
        },
        [&] { return !stop.load(); });
    EXPECT_TRUE(ok) << ok.error().to_string();
  });
  for (unsigned i = 0; i < 200; ++i) {
    ASSERT_TRUE(writer->submit(
        std::vector<Envelope>{create("2001:db8:1::1:" + std::to_string(i + 1), i + 1)}));
    if (i == 100) {  // the daemon dies and comes back: the follower goes on where it was
      daemon.kill();
      ASSERT_TRUE(daemon.start());
    }
  }
  for (int i = 0; i < 500 && seen < 201; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stop = true;
  follower.join();
  EXPECT_EQ(seen, 201U);
}

TEST(RpcClient, GivesPromisesToAProgramWithALoopOfItsOwn) {
  Daemon daemon;
  ASSERT_TRUE(daemon.start());
  auto io = kj::setupAsyncIo();
  auto made_client = rpc::AsyncClient::make(daemon.options(), *io.provider);
  ASSERT_TRUE(made_client);
  auto client = kj::mv(*made_client);
  // Made in one turn of the loop: one call, decided in order.
  auto made = client->submit({subnet("2001:db8:1::/64")});
  auto first = client->submit({create("2001:db8:1::1", 1)});
  auto second = client->submit({create("2001:db8:1::1", 2)});
  EXPECT_TRUE(made.wait(io.waitScope).value().front().accepted());
  const Answer answer = first.wait(io.waitScope).value().front();
  EXPECT_TRUE(answer.accepted());
  EXPECT_EQ(second.wait(io.waitScope).value().front().code, Win32::kDhcpClientExists);
  const auto row =
      client->lease(key("2001:db8:1::1"), {.at_least = answer.last}).wait(io.waitScope).value();
  ASSERT_TRUE(row.lease);
  EXPECT_EQ(row.lease->lease.duid, duid(1));
  std::size_t seen = 0;
  const auto ended = client
                         ->follow(1,
                                  [&](rpc::RecordPiece piece) -> kj::Promise<bool> {
                                    seen += piece.size();
                                    return seen < 3;
                                  })
                         .wait(io.waitScope);
  EXPECT_TRUE(ended);
  EXPECT_EQ(seen, 3U);
  auto past = client->state_at(2, {}).wait(io.waitScope);
  ASSERT_TRUE(past);
  auto& state = *past;
  EXPECT_EQ(state->info().leases, 1U);
  EXPECT_EQ(state->page({}, 10).wait(io.waitScope).value().rows.size(), 1U);
  // The daemon dies in the middle of something: the same command is sent again when it is back.
  daemon.kill();
  auto again = client->submit({create("2001:db8:1::5", 5)});
  ASSERT_TRUE(daemon.start());
  EXPECT_TRUE(again.wait(io.waitScope).value().front().accepted());
}

TEST(RpcClient, HearsOfTheProgressOfLongJobsAndCanStopThem) {
  Daemon daemon("[expiry]\nenabled = false\n");
  ASSERT_TRUE(daemon.start());
  const auto client = daemon.client().value();
  ASSERT_TRUE(client->submit(std::vector<Envelope>{subnet("2001:db8:1::/64")}));
  for (unsigned i = 0; i < 40'000;) {
    std::vector<Envelope> commands;
    for (unsigned j = 0; j < 4000; ++j, ++i) {
      char address[64];
      std::snprintf(address, sizeof address, "2001:db8:1::1:%x:%x", i >> 12, i & 0xFFF);
      commands.push_back(create(address, i));
    }
    ASSERT_TRUE(client->submit(commands));
  }
  std::atomic<Position> told = 0;
  const auto report = client->verify([&](Position done, Position total) {
    EXPECT_LE(done, total);
    told = done;
    return true;
  });
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->tail, 40'001U);
  EXPECT_GT(told, 0U);
  const auto stopped = client->replay([](Position, Position) { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Win32::kOperationAborted);
  EXPECT_TRUE(client->info());
}

TEST(RpcClient, NamesWhatIsWrongWhenNobodyAnswers) {
  const auto error_of = [](const std::string& server) {
    rpc::ClientOptions options;
    options.server = server;
    options.connect_timeout = std::chrono::milliseconds(1000);
    options.ca_file = LEASELEDGER_TEST_DATA "/CMakeLists.txt";
    const auto client = rpc::Client::connect(options);
    EXPECT_FALSE(client);
    return client.error();
  };
  EXPECT_EQ(error_of("unix:/nowhere/at/all").code, Win32::kRpcServerUnavailable);
  EXPECT_EQ(error_of("http:here").code, Win32::kInvalidParameter);
  EXPECT_EQ(error_of("tls:[::1]:99999").code, Win32::kInvalidParameter);
  EXPECT_EQ(error_of("tls:[::1]:1").field, "ca_file");
}

TEST(RpcClient, NumbersItsCommandsWithGrowingIds) {
  CommandId last{};
  for (int i = 0; i < 100'000; ++i) {
    const CommandId id = rpc::new_command_id();
    ASSERT_LT(last, id);
    ASSERT_EQ(id[6] >> 4, 7);
    ASSERT_EQ(id[8] >> 6, 2);
    last = id;
  }
}

}  // namespace
}  // namespace leaseledger::test
