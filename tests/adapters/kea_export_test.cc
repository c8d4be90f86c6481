// A real kea-dhcp6 is started on what was exported, and says what it has. No network is needed: it has no interfaces and is
// asked on its control socket. ctest label kea.

#include "adapters/kea/config.h"
#include "adapters/kea/control_channel.h"
#include "adapters/kea/export.h"
#include "adapters/kea/import.h"
#include "adapters/kea/lease.h"
#include "adapters/kea/lease_file_set.h"
#include "adapters/kea/subnet_map.h"
#include "adapters/service/local_service.h"
#include "tests/commands/book_fixture.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;
using kea::Json;

constexpr const char* kSubnets = R"([
  { "id": 7, "subnet": "2001:db8:1::/64" },
  { "id": 1234567, "subnet": "2001:db8:2::/64", "pd-pools": [
      { "prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56 } ] } ])";

/// Kea's text is octets, and its JSON has each octet beyond ASCII as a character of that number: \u00c3\u00bc for UTF-8's ü.
void octets_for_characters(Json& json) {
  if (json.is_structured()) {
    for (auto& each : json) octets_for_characters(each);
  } else if (json.is_string()) {
    std::string out;
    const auto& text = json.get_ref<const std::string&>();
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto octet = static_cast<unsigned char>(text[i]);
      out += octet < 0xC0 ? text[i]
                          : static_cast<char>((octet & 3) << 6 |
                                              (static_cast<unsigned char>(text[++i]) & 0x3F));
    }
    json = out;
  }
}

/// kea-dhcp6 in a directory of its own, with a lease file that is there already.
class RealKea {
 public:
  /// `subnets`: the list "subnet6".
  RealKea(fs::path folder, const std::string& subnets) : folder_(std::move(folder)) {
    std::ofstream(folder_ / "kea.conf")
        << R"({ "Dhcp6": { "data-directory": ")" << folder_.string()
        << R"(", "interfaces-config": { "interfaces": [] }, "control-socket": { "socket-type": "unix", "socket-name": ")"
        << socket() << R"(" }, "lease-database": { "type": "memfile", "persist": true, "name": ")"
        << lease_file().string()
        // Leases that are over stay, so that all can be compared; the clean-up runs when a file is converted only.
        << R"(", "lfc-interval": 0 }, "expired-leases-processing": { "reclaim-timer-wait-time": 0,
             "flush-reclaimed-timer-wait-time": 0 }, "hooks-libraries": [ { "library": ")"
        << LEASELEDGER_KEA_HOOKS "/libdhcp_lease_cmds.so"
        << R"(" } ], "subnet6": )" << subnets
        << R"(, "loggers": [ { "name": "kea-dhcp6", "severity": "INFO", "output_options": [ { "output": ")"
        << (folder_ / "kea.log").string() << R"(" } ] } ] } })";
  }
  ~RealKea() { stop(); }

  fs::path lease_file() const { return folder_ / "kea-leases6.csv"; }

  void start() {
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      ::setenv("KEA_PIDFILE_DIR", folder_.c_str(), 1);
      ::setenv("KEA_LOCKFILE_DIR", folder_.c_str(), 1);
      const int out = ::open((folder_ / "kea.out").c_str(), O_WRONLY | O_CREAT, 0600);
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      ::execl(LEASELEDGER_KEA_DHCP6, "kea-dhcp6", "-c", (folder_ / "kea.conf").c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 300; ++i) {
      if (fs::exists(socket()) && ask("version-get")) return;
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "kea-dhcp6 did not start:\n" << text_of("kea.out") << text_of("kea.log");
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    int status = 0;
    for (int i = 0; i < 200 && ::waitpid(pid_, &status, WNOHANG) == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }

  Result<kea::Reply> ask(const std::string& command, const Json& arguments = {}) {
    return kea::ControlChannel({.address = "unix:" + socket()}).ask(command, arguments);
  }
  /// What Kea serves, by key.
  std::map<std::string, Json> leases() {
    const auto reply = ask("lease6-get-all");
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().to_string());
    std::map<std::string, Json> out;
    if (!reply) return out;
    Json leases = reply->arguments.value("leases", Json::array());
    octets_for_characters(leases);
    for (const Json& lease : leases)
      EXPECT_TRUE(out.emplace(name_of_key(lease), lease).second) << lease;
    return out;
  }
  static std::string name_of_key(const Json& lease) {
    return lease["type"].get<std::string>() + " " + lease["ip-address"].get<std::string>();
  }
  std::string text_of(const char* name) const {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string socket() const { return (folder_ / "ctrl").string(); }
  fs::path folder_;
  pid_t pid_ = -1;
};

/// A ledger with Kea's subnets.
class ALedger {
 public:
  ALedger(const fs::path& path, const std::string& config) {
    ledger_ = Ledger::create(path).value();
    service_ =
        make_local_service(ledger_, {.principal = {"unix:alice", Role::kAdministrator, "test"}});
    const auto commands = kea::subnets_of_config(config).value();
    for (const auto& command : commands) submit({.command = command});
  }
  Service& operator*() { return *service_; }

  void submit(const Envelope& envelope) {
    const auto answers = service_->submit(std::span(&envelope, 1));
    ASSERT_TRUE(answers) << answers.error().to_string();
    ASSERT_TRUE(answers->front().accepted()) << answers->front().error.to_string();
  }
  void import(const fs::path& file) {
    auto set = kea::LeaseFileSet::open(file).value();
    kea::ImportOptions options;
    for (auto& each : set.files()) {
      options.file_name = each.path.filename().string();
      const auto report = kea::import_leases(
          each.stream, options, [&](std::span<const Envelope> b) { return service_->submit(b); },
          [](const kea::RowProblem& p) { ADD_FAILURE() << p.line << " " << p.error.to_string(); });
      ASSERT_TRUE(report) << report.error().to_string();
      options.newest_cltt = report->newest_cltt;
    }
  }
  std::uint64_t write(const fs::path& file, const When& asked = {},
                      kea::LeaseFileFormat format = kea::LeaseFileFormat::kVersion4) {
    const When when = When::exactly(service_->resolve(asked).value());
    std::ofstream out(file, std::ios::binary);
    const auto report = kea::export_leases(
        [&](std::optional<LeaseKey> after, std::size_t) {
          return service_->leases_in({}, when, after, 100);  // several pages
        },
        {.format = format},
        [&](std::string_view text) -> Status {
          out << text;
          return {};
        });
    EXPECT_TRUE(report) << (report ? "" : report.error().to_string());
    EXPECT_TRUE(out.flush());
    return report ? report->leases : 0;
  }
  /// The leases of a moment as Kea should have them, by key.
  std::map<std::string, Json> leases(const When& asked = {}) {
    const When when = When::exactly(service_->resolve(asked).value());
    std::map<std::string, Json> out;
    std::optional<LeaseKey> after;
    do {
      const LeasePage page = service_->leases_in({}, when, after, 1000).value();
      for (const auto& row : page.leases) {
        if (row.lease.state == LeaseState::kReserved) continue;
        const Json lease = kea::to_json(row, *kea::kea_number(row.subnet_name));
        out.emplace(RealKea::name_of_key(lease), lease);
      }
      after = page.next;
    } while (after);
    return out;
  }

 private:
  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<Service> service_;
};

class KeaExport : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directory(folder_.path() / "kea"); }
  static std::string config(const std::string& subnets) {
    return R"({ "Dhcp6": { "subnet6": )" + subnets + " } }";
  }
  static void expect_same(const std::map<std::string, Json>& kea,
                          const std::map<std::string, Json>& ledger) {
    EXPECT_EQ(kea.size(), ledger.size());
    for (const auto& [key, lease] : ledger) {
      const auto found = kea.find(key);
      if (found == kea.end()) {
        ADD_FAILURE() << "Kea does not have " << lease;
      } else {
        EXPECT_EQ(found->second, lease);
      }
    }
  }
  static std::string some_octets(Random& random, std::size_t size) {
    std::string out(size, 0);
    for (char& c : out) c = static_cast<char>(random.below(256));
    return to_hex({reinterpret_cast<const std::uint8_t*>(out.data()), out.size()}, ':');
  }
  /// Leases of every kind that Kea can have, up to now and not over yet.
  static void have_random_leases(ALedger& ledger, Random& random, unsigned count) {
    const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
    for (unsigned i = 0; i < count; ++i) {
      ReportLease report;
      const bool prefix = random.one_in(3);
      const bool declined = !prefix && random.one_in(5);
      const std::string number = to_hex(std::vector<std::uint8_t>{static_cast<std::uint8_t>(i >> 8),
                                                                  static_cast<std::uint8_t>(i)});
      const std::string text =
          prefix ? "2001:db8:8" + number.substr(1) + ":4400::/56"
                 : "2001:db8:" + std::to_string(1 + random.below(2)) + "::" + number;
      report.key = key(text.c_str());
      report.duid = Duid::parse(some_octets(random, 4 + random.below(125))).value();
      report.iaid = Iaid{static_cast<std::uint32_t>(random.engine()())};
      report.valid_lifetime =
          random.one_in(6)
              ? kInfiniteLifetime
              : Lifetime{static_cast<std::uint32_t>(100'000 + random.below(1'000'000'000))};
      report.preferred_lifetime = random.one_in(6)
                                      ? report.valid_lifetime
                                      : Lifetime{static_cast<std::uint32_t>(random.below(100'000))};
      if (random.one_in(2)) {
        const char* const names[] = {"pc-1.example.org.", "a,b", "x&y&#x2c", "m\xc3\xbcller",
                                     "a b\"c'"};
        report.name = names[random.below(std::size(names))];
        report.fqdn_forward = random.one_in(2);
        report.fqdn_reverse = random.one_in(2);
      }
      if (random.one_in(2)) {
        report.hardware_address = some_octets(random, 1 + random.below(20));
        report.hardware_type = static_cast<std::uint16_t>(random.below(300));
        report.hardware_source = static_cast<std::uint16_t>(1U << random.below(8));
      }
      if (random.one_in(2)) {
        const char* const contexts[] = {
            R"({"a": "x,y", "b": [1, 2, {"c": null}], "d": true})",
            R"({"text": "&#x2c line\nbreak \u00fc"})",
            R"({"leaseledger": {"type": "REQUEST", "relays": [{"link": "2001:db8::1"}]}})",
            R"({"leaseledger": {"xid": 1}, "kept": -5})"};
        report.context = contexts[random.below(std::size(contexts))];
      }
      Envelope envelope;
      envelope.effective_at = now - std::chrono::seconds{random.below(50'000)};
      if (declined) {
        report.state = ReportedState::kDeclined;
        report.context.clear();
      }
      envelope.command = report;
      ledger.submit(envelope);
    }
  }

  TemporaryDirectory folder_;
};

TEST_F(KeaExport, ARealKeaServesTheLeasesOfEveryKind) {
  const SeedScope scope;
  Random random;
  for (const auto format : {kea::LeaseFileFormat::kVersion4, kea::LeaseFileFormat::kVersion5}) {
    TemporaryDirectory folder;
    fs::create_directory(folder.path() / "kea");
    ALedger ledger(folder.path() / "ledger", config(kSubnets));
    have_random_leases(ledger, random, campaign() ? 3000 : 300);
    RealKea kea(folder.path() / "kea", kSubnets);
    EXPECT_GE(ledger.write(kea.lease_file(), {}, format), 300U);
    ASSERT_NO_FATAL_FAILURE(kea.start());
    auto expected = ledger.leases();
    if (format == kea::LeaseFileFormat::kVersion5) {
      // Nobody is three octets to the versions of Kea that write it.
      for (auto& [key, lease] : expected)
        if (lease["state"] == 1) lease["duid"] = "00:00:00";
    }
    expect_same(kea.leases(), expected);
    kea.stop();
    EXPECT_EQ(kea.text_of("kea.log").find("ROW_ERROR"), std::string::npos)
        << kea.text_of("kea.log");
  }
}

TEST_F(KeaExport, ARealKeaServesAMomentOfThePast) {
  std::ifstream in(LEASELEDGER_TEST_DATA "/data/kea/kea-dhcp6.conf");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  ALedger ledger(folder_.path() / "ledger", text);
  ledger.import(LEASELEDGER_TEST_DATA "/data/kea/kea-leases6.csv");
  const std::string subnets =
      R"([ { "id": 10, "subnet": "2001:db8:10::/64" }, { "id": 20, "subnet": "2001:db8:20::/64" },
           { "id": 30, "subnet": "2001:db8:30::/64" }, { "id": 40, "subnet": "2001:db8:40::/64" } ])";
  for (const char* moment : {"2026-11-23T06:15:30Z", "2026-11-23T06:19:00Z"}) {
    fs::remove_all(folder_.path() / "kea");
    fs::create_directory(folder_.path() / "kea");
    RealKea kea(folder_.path() / "kea", subnets);
    const When when{.effective = at(moment)};
    EXPECT_GT(ledger.write(kea.lease_file(), when), 100U);
    ASSERT_NO_FATAL_FAILURE(kea.start());
    expect_same(kea.leases(), ledger.leases(when));
  }
}

TEST_F(KeaExport, ThereAndBackAndThereAgainNothingChanges) {
  const SeedScope scope;
  Random random(1);
  ALedger first(folder_.path() / "first", config(kSubnets));
  have_random_leases(first, random, 120);
  RealKea kea(folder_.path() / "kea", kSubnets);
  first.write(kea.lease_file());
  ASSERT_NO_FATAL_FAILURE(kea.start());
  // Kea goes on with the file: an address comes, one changes, one goes.
  const auto done = [&](const char* command, const char* arguments) {
    const auto reply = kea.ask(command, Json::parse(arguments));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->result, kea::ResultCode::kSuccess) << reply->text;
  };
  done("lease6-add",
       R"({"ip-address": "2001:db8:1::aaaa", "duid": "00:01:02", "iaid": 5, "valid-lft": 5000})");
  done("lease6-add",
       R"({"ip-address": "2001:db8:1::bbbb", "duid": "00:01:03", "iaid": 6, "valid-lft": 5000})");
  done("lease6-update", R"({"ip-address": "2001:db8:1::aaaa", "duid": "00:01:02", "iaid": 5,
       "valid-lft": 9000, "hostname": "there.again", "user-context": {"a": "b,c"}})");
  done("lease6-del", R"({"ip-address": "2001:db8:1::bbbb"})");
  const auto served = kea.leases();
  EXPECT_EQ(served.size(), 121U);
  kea.stop();

  ALedger second(folder_.path() / "second", config(kSubnets));
  second.import(kea.lease_file());
  expect_same(served, second.leases());
  const fs::path again = folder_.path() / "again.csv";
  second.write(again);
  ALedger third(folder_.path() / "third", config(kSubnets));
  third.import(again);
  expect_same(served, third.leases());
  // And the ledger that it came from takes the changes alone.
  first.import(kea.lease_file());
  expect_same(served, first.leases());
}

}  // namespace
}  // namespace leaseledger::test
