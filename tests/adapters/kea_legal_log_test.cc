// legal_log's sentences: as the hook writes them, as nobody should be able to write them, and as history.

#include "adapters/kea/lease.h"
#include "adapters/kea/legal_log_import.h"
#include "adapters/service/local_service.h"
#include "tests/commands/book_fixture.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

namespace leaseledger::test {
namespace {

using kea::LegalRelay;
using kea::LegalSentence;
using Act = LegalSentence::Act;
using By = LegalSentence::By;

LegalSentence assigned() {
  LegalSentence out;
  out.key = key("2001:db8:1::");
  out.duid = duid("17:34:e2:ff:09:92:54");
  out.valid_lifetime = Lifetime{713};
  return out;
}

/// Both ways.
void expect_same(const LegalSentence& sentence, const std::string& text) {
  const auto read = kea::read_sentence(text);
  ASSERT_TRUE(read) << text << "\n" << read.error().to_string();
  EXPECT_TRUE(*read == sentence) << text << "\n" << kea::write_sentence(*read);
  EXPECT_EQ(kea::write_sentence(sentence), text);
}

// The texts are those of the hook's own unit tests.
TEST(KeaLegalLog, SentencesOfClients) {
  LegalSentence lease = assigned();
  expect_same(lease,
              "Address: 2001:db8:1:: has been assigned for 0 hrs 11 mins 53 secs to a device with "
              "DUID: 17:34:e2:ff:09:92:54");
  lease.hardware_address = std::string("\x08\x00\x2b\x02\x3f\x4e", 6);
  lease.hardware_type = 1;
  lease.hardware_source = 1;
  expect_same(
      lease,
      "Address: 2001:db8:1:: has been assigned for 0 hrs 11 mins 53 secs to a device with DUID: "
      "17:34:e2:ff:09:92:54 and hardware address: hwtype=1 08:00:2b:02:3f:4e (from Raw Socket)");
  lease.context = R"({ "foo": true })";
  expect_same(lease,
              "Address: 2001:db8:1:: has been assigned for 0 hrs 11 mins 53 secs to a device with "
              "DUID: 17:34:e2:ff:09:92:54 and hardware address: hwtype=1 08:00:2b:02:3f:4e (from "
              "Raw Socket), context: { \"foo\": true }");
  LegalSentence gone = assigned();
  gone.act = Act::kReleased;
  gone.valid_lifetime.reset();
  gone.key = key("2001:db8:1::/64");
  expect_same(
      gone,
      "Prefix: 2001:db8:1::/64 has been released from a device with DUID: 17:34:e2:ff:09:92:54");
}

TEST(KeaLegalLog, SentencesOfRelayedClients) {
  LegalSentence lease = assigned();
  const std::string begin =
      "Address: 2001:db8:1:: has been assigned for 0 hrs 11 mins 53 secs to a device with DUID: "
      "17:34:e2:ff:09:92:54 connected via relay at address: fe80::abcd for client on link address: "
      "3001::1, hop count: 1";
  LegalRelay& relay = lease.relay.emplace();
  relay.peer = Ipv6Address::parse("fe80::abcd").value();
  relay.link = Ipv6Address::parse("3001::1").value();
  relay.hops = 1;
  expect_same(lease, begin);
  relay.remote_id = "010203040a0b0c0d0e0f";
  expect_same(lease, begin + ", identified by remote-id: 01:02:03:04:0a:0b:0c:0d:0e:0f");
  relay.subscriber_id = "1a2b3c4d5e6f";
  expect_same(lease, begin +
                         ", identified by remote-id: 01:02:03:04:0a:0b:0c:0d:0e:0f and "
                         "subscriber-id: 1a:2b:3c:4d:5e:6f");
  relay.remote_id.clear();
  expect_same(lease, begin + ", identified by subscriber-id: 1a:2b:3c:4d:5e:6f");
  relay.subscriber_id.clear();
  relay.interface_id = "72656c6179313a65746830";
  lease.context = R"({ "bar": false })";
  expect_same(lease, begin +
                         ", connected at location interface-id: 72:65:6c:61:79:31:3a:65:74:68:30 "
                         "(relay1:eth0), context: { \"bar\": false }");
}

TEST(KeaLegalLog, SentencesOfCommands) {
  LegalSentence lease = assigned();
  lease.by = By::kAdministrator;
  lease.act = Act::kAdded;
  expect_same(lease,
              "Administrator added a lease of address: 2001:db8:1:: to a device with DUID: "
              "17:34:e2:ff:09:92:54 for 0 hrs 11 mins 53 secs");
  lease.valid_lifetime.reset();
  lease.hardware_address = std::string("\x08\x00\x2b\x02\x3f\x4e", 6);
  expect_same(lease,
              "Administrator added a lease of address: 2001:db8:1:: to a device with DUID: "
              "17:34:e2:ff:09:92:54, hardware address: 08:00:2b:02:3f:4e");
  lease.by = By::kPartner;
  lease.act = Act::kUpdated;
  lease.key = key("2001:db8:1::/64");
  lease.valid_lifetime = kInfiniteLifetime;
  lease.context = R"({ "comment": "x, y" })";
  expect_same(lease,
              "HA partner updated information on the lease of prefix: 2001:db8:1::/64 to a device "
              "with DUID: 17:34:e2:ff:09:92:54, hardware address: 08:00:2b:02:3f:4e for infinite "
              "duration, context: { \"comment\": \"x, y\" }");
  LegalSentence gone;
  gone.act = Act::kDeleted;
  gone.by = By::kAdministrator;
  gone.key = key("2001:db8:1::");
  expect_same(gone, "Administrator deleted the lease for address: 2001:db8:1::");
}

TEST(KeaLegalLog, DurationsOfEveryVersion) {
  const auto lifetime = [](const std::string& text) {
    const auto read = kea::read_sentence("Address: 2001:db8::1 has been assigned for " + text +
                                         " to a device with DUID: 01:02");
    return read ? read->valid_lifetime->count() : 0;
  };
  EXPECT_EQ(lifetime("0 hrs 0 mins 1 secs"), 1U);
  EXPECT_EQ(lifetime("1 hrs 1 mins 1 secs"), 3661U);
  EXPECT_EQ(lifetime("182 days 17 hrs 21 mins 11 secs"), 15'787'271U);
  EXPECT_EQ(lifetime("1 day 0 hrs 0 min 0 secs"), 86'400U);
  EXPECT_EQ(lifetime("49710 days 6 hrs 28 mins 14 secs"), 0xFFFF'FFFEU);
  EXPECT_EQ(lifetime("49710 days 6 hrs 28 min 15 secs"), 0U) << "that is infinity to Kea 1";
  EXPECT_EQ(lifetime("infinite duration"), 0xFFFF'FFFFU);
  for (const char* bad : {"", "713 seconds", "1 hrs", "0 hrs 60 mins 0 secs",
                          "-1 hrs 0 mins 0 secs", "1 days", "0 hrs 0 mins 0x1 secs"})
    EXPECT_EQ(lifetime(bad), 0U) << bad;
}

TEST(KeaLegalLog, WhatIsNotUnderstoodIsNotGuessed) {
  const std::string good =
      "Address: 2001:db8::1 has been assigned for 0 hrs 11 mins 53 secs to a device with DUID: "
      "01:02";
  ASSERT_TRUE(kea::read_sentence(good));
  for (const std::string& bad : std::vector<std::string>{
           "",
           "Address",
           good + " ",
           good + "x",
           good + " and more",
           good + ", context: {",
           good + ", context: [1]",
           good + ", context: {} x",
           good + " and hardware address: hwtype=1 zz (from DUID)",
           good + " and hardware address: hwtype=1 01:02 (from Hell)",
           good + " and hardware address: hwtype=70000 01:02 (from DUID)",
           good + " connected via relay at address: fe80::1",
           good + " connected via relay at address: fe80::1 for client on link address: ::, hop "
                  "count: 256",
           "Address: 192.0.2.1 has been assigned for 0 hrs 11 mins 53 secs to a device with DUID: "
           "01:02",
           "Address: 192.0.2.1 has been assigned for 1 hrs 52 mins 15 secs to a device with "
           "hardware address: hwtype=1 08:00:2b:02:3f:4e",
           "Address: 2001:db8::/64 has been released from a device with DUID: 01:02",
           "Prefix: 2001:db8:: has been released from a device with DUID: 01:02",
           "Prefix: 2001:db8::/0 has been released from a device with DUID: 01:02",
           "Prefix: 2001:db8::/128 has been released from a device with DUID: 01:02",
           "Address: 2001:db8::1 has been released from a device with DUID: ",
           "Address: 2001:db8::1 has been lost",
           "Administrator deleted a lease for a device identified by: duid of 01:02",
           "Administrator deleted the lease for prefix: 2001:db8::/64",
           "Administrator looked at 2001:db8::1",
           "Somebody added a lease of address: 2001:db8::1"}) {
    const auto read = kea::read_sentence(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().field, "sentence");
    EXPECT_FALSE(read.error().expected.empty());
  }
}

TEST(KeaLegalLog, ARelaysNameCannotBecomePartOfASentence) {
  // What a subscriber or a relay calls itself stands in brackets behind its octets; it must be those octets.
  LegalSentence lease = assigned();
  LegalRelay& relay = lease.relay.emplace();
  relay.peer = relay.link = Ipv6Address::parse("fe80::1").value();
  const std::string name = "x) and subscriber-id: 01:02:03, context: {\"a\": 1}";
  relay.remote_id = to_hex({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  relay.subscriber_id = "0405";
  const std::string text = kea::write_sentence(lease);
  EXPECT_NE(text.find(name), std::string::npos);
  expect_same(lease, text);
  // Text that is not that of the octets.
  std::string forged = text;
  forged.replace(forged.find("(x)"), 3, "(y)");
  EXPECT_FALSE(kea::read_sentence(forged));
}

TEST(KeaLegalLog, RandomSentencesAreReadAsTheyWereWrittenAndAnyOctetMoreIsNot) {
  const SeedScope scope;
  Random random;
  const auto octets = [&](std::size_t most) {
    std::string out(1 + random.below(most), 0);
    const bool printable = random.one_in(2);
    for (char& c : out)
      c = static_cast<char>(printable ? 0x20 + random.below(0x5F) : random.below(256));
    return out;
  };
  const auto hex = [](const std::string& text) {
    return to_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  for (int i = 0; i < (campaign() ? 200'000 : 3000); ++i) {
    LegalSentence sentence;
    sentence.by = static_cast<By>(random.below(3));
    sentence.act = sentence.by == By::kClient ? static_cast<Act>(random.below(2))
                                              : static_cast<Act>(2 + random.below(3));
    const auto length = static_cast<unsigned>(
        random.one_in(3) && sentence.act != Act::kDeleted ? 1 + random.below(127) : 128);
    sentence.key = {Ipv6Address{random.engine()(), random.engine()()}.masked(length),
                    static_cast<std::uint8_t>(length)};
    if (sentence.act != Act::kDeleted) {
      const std::string id = octets(130);
      sentence.duid = Duid::copy_of({reinterpret_cast<const std::uint8_t*>(id.data()), id.size()});
      if (id == std::string(1, 0) || id == std::string(3, 0)) sentence.duid = Duid{};
      if (sentence.act != Act::kReleased && (sentence.by == By::kClient || random.one_in(2)))
        sentence.valid_lifetime =
            random.one_in(5) ? kInfiniteLifetime
                             : Lifetime{static_cast<std::uint32_t>(random.below(0xFFFF'FFFF))};
      if (random.one_in(2)) {
        sentence.hardware_address = octets(20);
        if (sentence.by == By::kClient) {
          sentence.hardware_type = static_cast<std::uint16_t>(random.below(65536));
          sentence.hardware_source =
              static_cast<std::uint16_t>(random.one_in(9) ? 0 : 1U << random.below(8));
        }
      }
      if (sentence.by == By::kClient && random.one_in(2)) {
        LegalRelay& relay = sentence.relay.emplace();
        relay.peer = {random.engine()(), random.engine()()};
        relay.link = {random.engine()(), random.engine()()};
        relay.hops = static_cast<std::uint8_t>(random.below(256));
        for (auto* id_of : {&relay.remote_id, &relay.subscriber_id, &relay.interface_id})
          if (random.one_in(2)) *id_of = hex(octets(40));
      }
      if (random.one_in(3))
        sentence.context = R"({ "a": ", context: { }", "b": [ 1, "x) and subscriber-id: 01" ] })";
    }
    const std::string text = kea::write_sentence(sentence);
    const auto read = kea::read_sentence(text);
    ASSERT_TRUE(read) << text << "\n" << read.error().to_string();
    ASSERT_TRUE(*read == sentence) << text << "\n" << kea::write_sentence(*read);
    ASSERT_FALSE(kea::read_sentence(text + "x")) << text;
    // Whatever happens to one octet, what is understood is what is written again.
    std::string bent = text;
    bent[random.below(bent.size())] = static_cast<char>(random.below(256));
    if (const auto other = kea::read_sentence(bent)) {
      const auto again = kea::read_sentence(kea::write_sentence(*other));
      ASSERT_TRUE(again) << bent << again.error().to_string();
      ASSERT_TRUE(*again == *other) << bent;
    }
  }
}

TEST(KeaLegalLog, LinesAreCutIntoTimeZoneAndSentence) {
  const auto cut = [](std::string_view line) {
    const auto parts = kea::split_legal_line(line);
    return parts ? std::string(parts->time) + "|" + std::string(parts->zone) + "|" +
                       std::string(parts->sentence)
                 : parts.error().field;
  };
  EXPECT_EQ(cut("2018-01-06 01:02:03 PST Address: x"), "2018-01-06 01:02:03|PST|Address: x");
  EXPECT_EQ(cut("2018-01-06 01:02:03 +03 HA partner x"), "2018-01-06 01:02:03|+03|HA partner x");
  EXPECT_EQ(cut("2018-01-06 01:02:03 Administrator x"), "2018-01-06 01:02:03||Administrator x");
  EXPECT_EQ(cut("Jan  6 01:02:03 host kea: Address: x"), "line");
  EXPECT_EQ(cut("2018-01-06"), "line");
  EXPECT_EQ(cut("2018-01-06 01:02:0"), "line");
}

TEST(KeaLegalLog, FilesAreInTheOrderOfTheirDates) {
  EXPECT_EQ(kea::rotation_of("kea-legal.20180106.txt"), 1515196800);
  EXPECT_EQ(kea::rotation_of("kea-legal.T00000000001515200523.txt"), 1515200523);
  EXPECT_LT(kea::rotation_of("kea-legal.20171231.txt"), kea::rotation_of("kea-legal.20180101.txt"));
  for (const char* name : {"kea-legal.txt", "kea-legal.20180231.txt", "kea-legal.2018010.txt",
                           "kea-legal.20180106.log", "20180106.txt", "kea.T1.txt"})
    EXPECT_FALSE(kea::rotation_of(name)) << name;
}

// ---- as history -----------------------------------------------------------------------------------------------------------

class ALedger {
 public:
  explicit ALedger(const std::filesystem::path& path) {
    ledger_ = Ledger::create(path).value();
    service_ =
        make_local_service(ledger_, {.principal = {"unix:alice", Role::kAdministrator, "test"}});
    CreateSubnet subnet;
    subnet.prefix = prefix("2001:db8::/32");
    EXPECT_TRUE(submit({.command = subnet}).accepted());
    options_.read_time = [](std::string_view time, std::string_view) {
      return parse_instant(std::string(time) + "Z", "time");
    };
    options_.prefix_at = [this](const Ipv6Address& address,
                                Instant time) -> Result<std::optional<LeaseKey>> {
      const Holders found =
          service_->who(address, {.effective = time - std::chrono::nanoseconds{1}}).value();
      for (const auto& holder : found.holders)
        if (holder.span.key.address == address) return std::optional(holder.span.key);
      return std::optional<LeaseKey>();
    };
  }
  Service& service() { return *service_; }
  kea::LegalImportOptions& options() { return options_; }

  Answer submit(const Envelope& envelope) {
    return service_->submit(std::span(&envelope, 1)).value().front();
  }
  kea::ImportReport import(const std::string& text,
                           const std::string& name = "kea-legal.20180106.txt") {
    problems_.clear();
    std::istringstream in(text);
    const kea::Submit submit = [&](std::span<const Envelope> batch) {
      return service_->submit(batch);
    };
    const std::function<void(const kea::RowProblem&)> problem = [&](const kea::RowProblem& each) {
      problems_.push_back(each);
    };
    const std::function<void(std::uint64_t, std::uint64_t)> progress;
    kea::LegalLogImport archive(options_, submit, problem, progress);
    return archive.read(in, name).value();
  }
  const std::vector<kea::RowProblem>& problems() const { return problems_; }

  /// All sentences, in UTC.
  std::string sentences() {
    std::string out;
    EXPECT_TRUE(service_->log({}, [&](const Record& record) {
      Description description;
      const LeaseFact* fact = lease_fact_of(record.event);
      if (fact != nullptr && !fact->description && fact->lease.described != 0) {
        const Record earlier = read_record(service_->log(), fact->lease.described).value();
        description = lease_fact_of(earlier.event)->description.value();
      }
      const auto sentence = kea::sentence_of(record, description);
      if (!sentence) return true;
      std::string time =
          format_instant(std::chrono::floor<std::chrono::seconds>(record.effective_at));
      time[10] = ' ';
      time.pop_back();
      out += time + " UTC " + kea::write_sentence(*sentence) + "\n";
      return true;
    }));
    return out;
  }
  /// Who held what, from when to when: "2001:db8::1 00:01 [..., ...)". A lease that was held on while it still ran is one,
  /// however many records say so.
  std::multiset<std::string> spans(const std::set<LeaseKey>& keys) {
    std::multiset<std::string> out;
    for (const LeaseKey& each : keys) {
      std::map<std::string, std::vector<std::pair<Instant, Instant>>> of_client;
      const SpansAnswer history = service_->history(each, false, {}).value();
      for (const auto& held : history.spans) {
        const std::string& hardware = held.description.hardware_address;
        of_client[held.duid.to_string() + " " +
                  to_hex({reinterpret_cast<const std::uint8_t*>(hardware.data()), hardware.size()})]
            .emplace_back(held.span.from, held.span.until);
      }
      for (auto& [client, times] : of_client) {
        std::ranges::sort(times);
        for (std::size_t i = 0; i < times.size();) {
          auto [from, until] = times[i];
          for (++i; i < times.size() && times[i].first < until; ++i)
            until = std::max(until, times[i].second);
          out.insert(format_lease_key(each) + " " + client + " [" + format_instant(from) + ", " +
                     format_instant(until) + ")");
        }
      }
    }
    return out;
  }

 private:
  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<Service> service_;
  kea::LegalImportOptions options_;
  std::vector<kea::RowProblem> problems_;
};

class KeaLegalLogImport : public ::testing::Test {
 protected:
  ALedger ledger(const char* name) { return ALedger(folder_.path() / name); }
  TemporaryDirectory folder_;
};

constexpr const char* kDay =
    "2018-01-06 01:00:00 UTC Address: 2001:db8:1::1 has been assigned for 1 hrs 0 mins 0 secs to a "
    "device with DUID: 01:02 and hardware address: hwtype=1 08:00 (from DUID) connected via relay "
    "at address: fe80::1 for client on link address: 2001:db8::1, hop count: 2, identified by "
    "remote-id: 00:00:00:09:01 and subscriber-id: 73:75:62 (sub)\n"
    "2018-01-06 01:00:00 UTC Prefix: 2001:db8:8000::/56 has been assigned for 1 hrs 0 mins 0 secs "
    "to a device with DUID: 01:02\n"
    "\n"
    "2018-01-06 01:30:00 UTC Address: 2001:db8:1::1 has been assigned for 1 hrs 0 mins 0 secs to a "
    "device with DUID: 01:02\n"
    "2018-01-06 01:40:00 UTC Address: 2001:db8:1::2 has been assigned for 1 hrs 0 mins 0 secs to a "
    "device with DUID: 01:03\n"
    "2018-01-06 01:45:00 UTC Administrator deleted the lease for address: 2001:db8:8000::\n"
    "2018-01-06 01:50:00 UTC Address: 2001:db8:1::2 has been assigned for 1 days 0 hrs 0 mins 0 "
    "secs to a device with DUID: 00:00:00\n"
    "2018-01-06 02:00:00 UTC Address: 2001:db8:1::1 has been released from a device with DUID: "
    "01:02\n"
    "2018-01-06 02:01:00 UTC something that a person wrote\n"
    "2018-01-06 02:02:00 UTC Administrator added a lease of address: 2001:db8:1::3 to a device "
    "with DUID: 01:04\n";

TEST_F(KeaLegalLogImport, AnArchiveBecomesHistory) {
  ALedger ledger(folder_.path() / "ledger");
  const auto report = ledger.import(kDay);
  EXPECT_EQ(report.rows, 9U);
  EXPECT_EQ(report.accepted, 7U);
  ASSERT_EQ(report.problems, 2U);
  EXPECT_EQ(ledger.problems()[0].line, 9U);
  EXPECT_EQ(ledger.problems()[1].line, 10U);
  EXPECT_NE(ledger.problems()[1].error.expected.find("--valid-lifetime"), std::string::npos);
  EXPECT_EQ(ledger.spans({key("2001:db8:1::1"), key("2001:db8:1::2"), key("2001:db8:8000::/56")}),
            (std::multiset<std::string>{
                "2001:db8:1::1 01:02  [2018-01-06T01:00:00Z, 2018-01-06T02:00:00Z)",
                "2001:db8:1::2 01:03  [2018-01-06T01:40:00Z, 2018-01-06T01:50:00Z)",
                "2001:db8:8000::/56 01:02  [2018-01-06T01:00:00Z, 2018-01-06T01:45:00Z)"}));
  // The line that the subscriber came by is where the hook library's reports have it, and the record says which line says so.
  const Record first = read_record(ledger.service().log(), 2).value();
  EXPECT_EQ(first.cause, "kea-legal.20180106.txt:1");
  const auto context = kea::Json::parse(lease_fact_of(first.event)->description->context);
  EXPECT_EQ(context["leaseledger"]["relays"][0]["subscriber-id"], "737562");
  EXPECT_EQ(context["leaseledger"]["relays"][0]["hops"], 2);
  // The decline has the client that the ledger knows.
  const auto declined = ledger.service()
                            .lease(key("2001:db8:1::2"), {.judged_at = at("2018-01-06T02:00:00Z")})
                            .value()
                            .lease;
  ASSERT_TRUE(declined);
  EXPECT_EQ(declined->lease.state, LeaseState::kDeclined);
  EXPECT_EQ(declined->lease.duid, duid("01:03"));
}

TEST_F(KeaLegalLogImport, ImportingAgainChangesNothing) {
  ALedger ledger(folder_.path() / "ledger");
  ledger.options().valid_lifetime = Lifetime{3600};
  EXPECT_EQ(ledger.import(kDay).accepted, 8U);
  const Position tail = ledger.service().log().tail();
  const auto again = ledger.import(kDay, "a copy.txt");
  EXPECT_EQ(again.repeated, 8U);
  EXPECT_EQ(again.accepted, 0U);
  EXPECT_EQ(again.problems, 1U);
  EXPECT_EQ(ledger.service().log().tail(), tail);
  // Known by their text, even where what the text does not say was taken otherwise before.
  ledger.options().iaid_of = [](const LeaseKey&, const Duid&) { return Iaid{7}; };
  EXPECT_EQ(ledger.import(kDay).repeated, 8U);
  EXPECT_EQ(ledger.service().log().tail(), tail);
}

TEST_F(KeaLegalLogImport, ADeletedPrefixOfAnEarlierImportIsFoundInTheLedger) {
  ALedger ledger(folder_.path() / "ledger");
  ledger.import(
      "2018-01-06 01:00:00 UTC Prefix: 2001:db8:8000::/56 has been assigned for 1 hrs 0 mins 0 "
      "secs to a device with DUID: 01:02\n");
  ledger.import(
      "2018-01-06 01:45:00 UTC HA partner deleted the lease for address: 2001:db8:8000::\n");
  EXPECT_EQ(ledger.spans({key("2001:db8:8000::/56")}),
            (std::multiset<std::string>{
                "2001:db8:8000::/56 01:02  [2018-01-06T01:00:00Z, 2018-01-06T01:45:00Z)"}));
}

TEST_F(KeaLegalLogImport, ATornLastLineIsNotTaken) {
  ALedger ledger(folder_.path() / "ledger");
  const auto report = ledger.import(
      "2018-01-06 01:00:00 UTC Address: 2001:db8:1::1 has been assigned for 1 hrs 0 mins 0 secs to "
      "a device with DUID: 01:02");
  EXPECT_EQ(report.problems, 1U);
  EXPECT_EQ(report.accepted, 0U);
}

TEST_F(KeaLegalLogImport, WithoutTheZoneItEndsAtTheFirstLine) {
  ALedger ledger(folder_.path() / "ledger");
  ledger.options().read_time = [](std::string_view, std::string_view) -> Result<Instant> {
    return invalid("--time-zone", "", "the zone");
  };
  std::istringstream in(kDay);
  const kea::Submit submit = [&](std::span<const Envelope> batch) {
    return ledger.service().submit(batch);
  };
  const std::function<void(const kea::RowProblem&)> problem = [](const kea::RowProblem&) {
    FAIL();
  };
  const std::function<void(std::uint64_t, std::uint64_t)> progress;
  kea::LegalLogImport archive(ledger.options(), submit, problem, progress);
  const auto report = archive.read(in, "x");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().field, "--time-zone");
  EXPECT_EQ(ledger.service().log().tail(), 1U);
}

TEST_F(KeaLegalLogImport, ExportedAndImportedItIsTheSameHistory) {
  const SeedScope scope;
  Random random;
  for (int round = 0; round < (campaign() ? 50 : 4); ++round) {
    ALedger first(folder_.path() / ("first" + std::to_string(round)));
    std::set<LeaseKey> keys;
    Instant now = at("2018-01-06T00:00:00Z");
    for (int i = 0; i < 600; ++i) {
      now += std::chrono::seconds{random.below(40)};
      const bool is_prefix = random.one_in(3);
      const std::string number = std::to_string(1 + random.below(6));
      const LeaseKey lease =
          key((is_prefix ? "2001:db8:800" + number + "::/48" : "2001:db8:1::" + number).c_str());
      keys.insert(lease);
      const Duid client = duid(("01:0" + std::to_string(1 + random.below(4))).c_str());
      Envelope envelope{.effective_at = now};
      ReportLease report;
      report.key = lease;
      report.duid = client;
      switch (random.below(8)) {
        case 0:
          report.state = ReportedState::kReleased;
          envelope.command = report;
          break;
        case 1:
          report.state = ReportedState::kExpired;
          envelope.command = report;
          break;
        case 2:
          if (is_prefix) continue;
          report.state = ReportedState::kDeclined;
          report.duid = Duid{};
          report.valid_lifetime = Lifetime{60};
          envelope.command = report;
          break;
        case 3: {
          DeleteClient gone;
          gone.key = lease;
          envelope.command = gone;
          break;
        }
        case 4: {
          RenewLease renew;
          renew.key = lease;
          renew.duid = client;
          renew.valid_lifetime = Lifetime{static_cast<std::uint32_t>(60 + random.below(600))};
          envelope.command = renew;
          break;
        }
        default:
          report.valid_lifetime = random.one_in(20)
                                      ? kInfiniteLifetime
                                      : Lifetime{static_cast<std::uint32_t>(1 + random.below(900))};
          report.hardware_address = client.to_string();
          report.hardware_type = 1;
          // Now and then a report comes late. What a command backdates has no sentence.
          if (random.one_in(10)) *envelope.effective_at -= std::chrono::seconds{random.below(300)};
          envelope.command = report;
      }
      first.submit(envelope);  // some are refused
    }
    const std::string archive = first.sentences();
    ALedger second(folder_.path() / ("second" + std::to_string(round)));
    second.import(archive);
    for (const auto& problem : second.problems())
      ADD_FAILURE() << problem.text << "\n" << problem.error.to_string();
    const auto was = first.spans(keys);
    const auto is = second.spans(keys);
    std::string differences;
    std::vector<std::string> lost;
    std::ranges::set_difference(was, is, std::back_inserter(lost));
    for (const auto& span : lost) differences += "lost " + span + "\n";
    lost.clear();
    std::ranges::set_difference(is, was, std::back_inserter(lost));
    for (const auto& span : lost) differences += "made " + span + "\n";
    if (!differences.empty()) {
      std::istringstream lines(archive);
      const std::string about = differences.substr(5, differences.find(' ', 5) - 5);
      for (std::string line; std::getline(lines, line);)
        if (line.find(about.substr(0, about.find('/'))) != std::string::npos)
          differences += line + "\n";
    }
    ASSERT_EQ(differences, "");
    EXPECT_GT(was.size(), 50U);
  }
}

}  // namespace
}  // namespace leaseledger::test
