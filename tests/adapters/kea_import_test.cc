// Kea's lease file into the ledger: the recording of a real server (tests/data/kea), torn files, other versions.

#include "adapters/kea/config.h"
#include "adapters/kea/import.h"
#include "ledger/memory_log.h"
#include "tests/commands/book_fixture.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

namespace leaseledger::test {
namespace {

std::string data(const char* name) {
  std::ifstream in(std::string(LEASELEDGER_TEST_DATA) + "/data/kea/" + name, std::ios::binary);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

class KeaImport : public ::testing::Test {
 protected:
  void SetUp() override {
    handler_ = CommandHandler::start(log_, LeaseBook{}, nullptr, clock_).value();
    const auto commands = kea::subnets_of_config(data("kea-dhcp6.conf")).value();
    for (const auto& command : commands) {
      const auto answer = handler_->submit(admin_, Envelope{.command = command}).value();
      ASSERT_TRUE(answer.accepted()) << answer.error.to_string();
    }
  }

  kea::ImportReport import(const std::string& text) {
    problems_.clear();
    std::istringstream in(text);
    return kea::import_leases(
               in, {},
               [&](std::span<const Envelope> batch) { return handler_->submit(admin_, batch); },
               [&](const kea::RowProblem& problem) { problems_.push_back(problem); })
        .value();
  }
  std::vector<std::uint64_t> problem_lines() const {
    std::vector<std::uint64_t> out;
    for (const auto& problem : problems_) out.push_back(problem.line);
    return out;
  }

  MemoryLog log_;
  ManualClock clock_{at("2026-11-23T12:00:00Z")};
  Principal admin_{"unix:alice", Role::kAdministrator, "kea-import"};
  std::unique_ptr<CommandHandler> handler_;
  std::vector<kea::RowProblem> problems_;
};

TEST_F(KeaImport, TheConfigurationGivesSubnetsAndPools) {
  handler_->read_book([](const LeaseBook& book) {
    ASSERT_EQ(book.subnets().size(), 4U);
    EXPECT_EQ(book.subnets()[0]->prefix, prefix("2001:db8:10::/64"));
    EXPECT_EQ(book.subnets()[0]->valid_lifetime, Lifetime{90});
    EXPECT_EQ(book.pools(book.subnets()[2]->id)[0].prefix, prefix("2001:db8:8000::/40"));
    EXPECT_EQ(book.pools(book.subnets()[2]->id)[0].delegated_length, 56);
  });
}

TEST_F(KeaImport, TheWholeRecordingGoesInAndEndsInWhatKeaHad) {
  const auto expected = nlohmann::json::parse(data("expected.json"));
  const auto report = import(data("kea-leases6.csv"));
  for (const auto& problem : problems_)
    ADD_FAILURE() << problem.line << ": " << problem.error.to_string();
  EXPECT_EQ(report.rows, expected["rows"].get<std::uint64_t>());
  EXPECT_EQ(report.accepted + report.repeated, report.rows);
  const Instant end = at(expected["active_at_end"]["as_of"].get<std::string>().c_str());
  handler_->read_book([&](const LeaseBook& book) {
    std::map<std::string, std::uint64_t> active;
    std::uint64_t total = 0;
    book.for_each([&](const BookLease& lease) {
      if (lease.lease.state != LeaseState::kActive || lease.lease.valid_until <= end) return;
      ++total;
      ++active[book.find_subnet(lease.lease.subnet_id)->name];
    });
    EXPECT_EQ(total, expected["active_at_end"]["total"].get<std::uint64_t>());
    for (const auto& [id, count] : expected["active_at_end"]["by_subnet"].items())
      EXPECT_EQ(active["kea " + id], count.get<std::uint64_t>()) << id;
    EXPECT_TRUE(book.check_invariants());
  });
}

TEST_F(KeaImport, ImportingAgainChangesNothing) {
  import(data("kea-leases6.csv"));
  const Position tail = log_.tail();
  const auto again = import(data("kea-leases6.csv"));
  EXPECT_EQ(again.repeated, again.rows);
  EXPECT_EQ(again.accepted, 0U);
  EXPECT_EQ(again.problems, 0U);
  EXPECT_EQ(log_.tail(), tail);
}

TEST_F(KeaImport, AGrownFileAddsOnlyItsNewRows) {
  const std::string whole = data("kea-leases6.csv");
  std::size_t cut = whole.size() / 2;
  cut = whole.find('\n', cut) + 1;
  const auto first = import(whole.substr(0, cut));
  const auto second = import(whole);
  EXPECT_EQ(second.repeated, first.rows + (second.rows - first.rows - second.accepted));
  EXPECT_GT(second.accepted, 0U);
  EXPECT_EQ(second.problems, 0U);
}

TEST_F(KeaImport, TornGluedAndBadRowsAreReportedWithTheirLineAndTheRestGoesIn) {
  const auto report = import(data("torn.csv"));
  // tests/data/kea/README.md has the table; 24 is the row of which Kea itself loses a lease without a word.
  EXPECT_EQ(problem_lines(), (std::vector<std::uint64_t>{8, 10, 13, 15, 17, 21, 23, 24, 27}));
  EXPECT_EQ(report.problems, 9U);
  EXPECT_EQ(report.accepted + report.repeated + report.problems, report.rows);
  for (const auto& problem : problems_) EXPECT_FALSE(problem.error.expected.empty());
  EXPECT_EQ(problems_[3].error.field, "address");
  EXPECT_EQ(problems_[4].error.code, Win32::kDhcpSubnetNotPresent);
}

TEST_F(KeaImport, Version5WithItsPoolColumnIsReadToo) {
  const auto report = import(data("version5.csv"));
  EXPECT_EQ(report.problems, 0U);
  EXPECT_EQ(report.rows, 15U);
}

/// One lease, as each format version of Kea's has it.
struct Version {
  const char* number;
  const char* columns;  ///< behind hostname.
  const char* cells;
};
constexpr Version kVersions[] = {
    {"1.0", "", ""},
    {"2.0", ",hwaddr", ",02:00:5e:10:00:67"},
    {"3.0", ",hwaddr,state", ",02:00:5e:10:00:67,0"},
    {"3.1", ",hwaddr,state,user_context", R"(,02:00:5e:10:00:67,0,{ "a": 1&#x2c "b": 2 })"},
    {"4.0", ",hwaddr,state,user_context,hwtype,hwaddr_source",
     R"(,02:00:5e:10:00:67,0,{ "a": 1&#x2c "b": 2 },1,2)"},
    {"5.0", ",hwaddr,state,user_context,hwtype,hwaddr_source,pool_id",
     R"(,02:00:5e:10:00:67,0,{ "a": 1&#x2c "b": 2 },1,2,7)"},
};

TEST_F(KeaImport, EachFormatVersionIsReadByItsHeader) {
  int last = 0;
  for (const Version& version : kVersions) {
    SCOPED_TRACE(version.number);
    const std::string address = "2001:db8:10::" + std::to_string(++last);
    const std::string text =
        std::string(
            "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,"
            "prefix_len,fqdn_fwd,fqdn_rev,hostname") +
        version.columns + "\n" + address +
        ",00:03:00:01:02:00:5e:10:00:67,600,1795415086,10,50,0,9,128,1,0,pc&#x2c1" + version.cells +
        "\n";
    std::istringstream in(text);
    EXPECT_EQ(kea::LeaseFile::open(in)->format_version(), version.number);
    const auto report = import(text);
    for (const auto& problem : problems_) ADD_FAILURE() << problem.error.to_string();
    EXPECT_EQ(report.accepted, 1U);
    Record record;
    ASSERT_TRUE(log_.read(log_.tail(), log_.tail(), Direction::kForward, [&](const auto& stored) {
      return decode_record(stored.bytes, record).has_value();
    }));
    const LeaseFact* fact = lease_fact_of(record.event);
    ASSERT_NE(fact, nullptr);
    EXPECT_EQ(format_lease_key(fact->lease.key), address);
    EXPECT_EQ(fact->lease.iaid, Iaid{9});
    EXPECT_EQ(fact->lease.valid_until, Instant{std::chrono::seconds{1795415086}});
    EXPECT_EQ(fact->description->name, "pc,1");
    EXPECT_TRUE(fact->description->fqdn_forward);
    const std::string number = version.number;
    EXPECT_EQ(fact->description->hardware_address.size(), number < "2.0" ? 0U : 6U);
    EXPECT_EQ(fact->description->context, number < "3.1" ? "" : R"({ "a": 1, "b": 2 })");
    EXPECT_EQ(fact->description->hardware_source, number < "4.0" ? 0 : 2);
  }
}

TEST_F(KeaImport, ADeletionInAFileIsNotBeforeWhatTheFileBeforeItHas) {
  const std::string header =
      "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
      "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n";
  const auto submit = [&](std::span<const Envelope> batch) {
    return handler_->submit(admin_, batch);
  };
  const auto problem = [](const kea::RowProblem& each) { ADD_FAILURE() << each.error.to_string(); };
  // The lease was assigned at 1795415000, another client's at 1795415200; then the first one was deleted.
  std::istringstream first(header +
                           "2001:db8:10::1,00:03:00:01:02:00:5e:10:00:67,600,1795415600,10,50,0,9,"
                           "128,0,0,,,0,,,\n"
                           "2001:db8:10::2,00:03:00:01:02:00:5e:10:00:68,600,1795415800,10,50,0,9,"
                           "128,0,0,,,0,,,\n");
  kea::ImportOptions options;
  options.file_name = "kea-leases6.csv.2";
  const auto before = kea::import_leases(first, options, submit, problem).value();
  std::istringstream second(header +
                            "2001:db8:10::1,00:03:00:01:02:00:5e:10:00:67,0,1795415000,10,50,0,9,"
                            "128,0,0,,,0,,,\n");
  options.file_name = "kea-leases6.csv";
  options.newest_cltt = before.newest_cltt;
  const auto after = kea::import_leases(second, options, submit, problem).value();
  EXPECT_EQ(after.accepted, 1U);
  const Record record = read_record(log_, log_.tail()).value();
  EXPECT_EQ(kind_of(record.event), EventKind::kLeaseReleased);
  EXPECT_EQ(record.effective_at, Instant{std::chrono::seconds{1795415200}});
  EXPECT_EQ(record.cause, "kea-leases6.csv:2");
}

TEST_F(KeaImport, AnEscapedAmpersandIsOneAndASemicolonBehindItStays) {
  import(
      "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
      "fqdn_fwd,fqdn_rev,hostname\n"
      "2001:db8:10::1,00:03:00:01:02:00:5e:10:00:67,600,1795415600,10,50,0,9,128,0,0,"
      "a&#x26;b&#x2C&#x26#x2c&#xzz&\n");
  const Record record = read_record(log_, log_.tail()).value();
  EXPECT_EQ(lease_fact_of(record.event)->description->name, "a&;b,&#x2c&#xzz&");
}

TEST_F(KeaImport, AFileThatIsNoLeaseFileIsRefused) {
  std::istringstream empty("");
  const auto none = [](std::span<const Envelope>) { return Result<std::vector<Answer>>{}; };
  EXPECT_FALSE(kea::import_leases(empty, {}, none, [](const auto&) {}));
  std::istringstream v4("address,hwaddr,client_id,valid_lifetime,expire,subnet_id\n");
  const auto refused = kea::import_leases(v4, {}, none, [](const auto&) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "header");
}

TEST_F(KeaImport, EscapesAreUndone) {
  import(data("torn.csv"));
  bool found = false;
  EXPECT_TRUE(log_.read(1, log_.tail(), Direction::kForward, [&](const StoredRecord& stored) {
    Record record;
    EXPECT_TRUE(decode_record(stored.bytes, record));
    const auto* fact = lease_fact_of(record.event);
    if (fact != nullptr && fact->description && fact->description->name == "printer-103,floor 3")
      found = true;
    return true;
  }));
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace leaseledger::test
