// Bytes of records: round trips, canonical form, golden files, records of other schema versions.

#include "ledger/record.h"

#include "ledger/lease_record_codec.h"
#include "ledger/schema/record.capnp.h"
#include "tests/support/seed.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace leaseledger {
namespace {

Instant at(const char* text) { return parse_instant(text, "test").value(); }
LeaseKey key(const char* text) { return parse_lease_key(text).value(); }
Duid duid(const char* text) { return Duid::parse(text).value(); }

/// One record of every kind, with every field set to something that is not its default.
std::vector<Record> one_of_each() {
  const Subnet subnet{.prefix = Ipv6Prefix::parse("2001:db8:1::/64").value(),
                      .id = 7,
                      .name = "hall",
                      .comment = "north",
                      .preference = 5,
                      .state = SubnetState::kDisabled,
                      .preferred_lifetime = Lifetime{100},
                      .valid_lifetime = Lifetime{200}};
  const Reservation reservation{key("2001:db8:1::5"), LeaseType::kNa, duid("000100aa"), Iaid{3}, 7};
  const Exclusion exclusion{Ipv6Address::parse("2001:db8:1::10").value(),
                            Ipv6Address::parse("2001:db8:1::20").value(), 7};
  const DelegationPool pool{Ipv6Prefix::parse("2001:db8:8000::/40").value(), 56, 7};
  LeaseFact fact;
  fact.lease = {key("2001:db8:1::5"),
                LeaseType::kNa,
                LeaseState::kActive,
                duid("0001000129f0a1b2525400abcdef"),
                Iaid{9},
                7,
                at("2026-03-03T14:05:00Z"),
                at("2026-03-03T13:05:00Z"),
                3,
                4};
  LeaseFact described = fact;
  described.description =
      Description{.name = "printer.example.org",
                  .comment = "2nd floor",
                  .owner = Ipv6Address::parse("2001:db8::2").value(),
                  .owner_name = "dhcp1",
                  .server_subnet_id = 12,
                  .hardware_address = std::string("\x52\x54\x00\xab\xcd\xef", 6),
                  .hardware_type = 1,
                  .hardware_source = 2,
                  .fqdn_forward = true,
                  .fqdn_reverse = true,
                  .context = R"({"note":"vip"})"};
  LeaseFact prefix = fact;
  prefix.lease.key = key("2001:db8:8000:100::/56");
  prefix.lease.type = LeaseType::kPd;
  prefix.reason = Reason::kReported;
  const CommandRefused refused{"CreateClient",
                               Win32::kDhcpClientExists,
                               3,
                               "address",
                               "2001:db8:1::5",
                               "another address",
                               {{"address", "2001:db8:1::5"}, {"duid", "00:01"}}};
  const std::vector<Event> events = {SubnetCreated{subnet},
                                     SubnetChanged{subnet},
                                     SubnetDeleted{subnet},
                                     ReservationAdded{reservation},
                                     ReservationRemoved{reservation},
                                     ExclusionAdded{exclusion},
                                     ExclusionRemoved{exclusion},
                                     DelegationPoolAdded{pool},
                                     DelegationPoolRemoved{pool},
                                     ClientCreated{described},
                                     ClientChanged{described},
                                     LeaseRenewed{prefix},
                                     LeaseReleased{fact},
                                     LeaseDeclined{fact},
                                     LeaseExpired{fact},
                                     ClientDeleted{fact},
                                     refused,
                                     NothingChanged{"ReportLease", {{"address", "2001:db8:1::5"}}}};
  std::vector<Record> out;
  for (const auto& event : events) {
    Record record;
    record.position = out.size() + 1;
    record.recorded_at = at("2026-03-03T14:05:00Z") + std::chrono::nanoseconds(record.position);
    record.effective_at = at("2026-03-03T14:04:00Z");
    record.actor = "unix:alice";
    record.door = "cli";
    record.command_id = parse_command_id("0190b5e6-7c00-7000-8000-00000000000a").value();
    record.fingerprint = "12345678abcd";
    record.cause = "ticket 42";
    record.event = event;
    out.push_back(record);
  }
  return out;
}

Record decode(const std::string& bytes) {
  std::vector<std::uint64_t> aligned(bytes.size() / 8);
  std::memcpy(aligned.data(), bytes.data(), bytes.size());
  Record out;
  const auto status =
      decode_record({reinterpret_cast<const std::uint8_t*>(aligned.data()), bytes.size()}, out);
  EXPECT_TRUE(status) << status.error().to_string();
  return out;
}

TEST(Record, EveryKindIsCovered) { EXPECT_EQ(one_of_each().size() + 1, kEventKinds); }

TEST(Record, EveryKindComesBackAsItWas) {
  for (const auto& record : one_of_each()) {
    EXPECT_EQ(decode(encode_record(record)), record) << name_of(kind_of(record.event));
  }
}

TEST(Record, DefaultsComeBackAsDefaults) {
  Record record;
  record.position = 1;
  record.event = ClientCreated{{Lease{key("::/1"),
                                      LeaseType::kPd,
                                      LeaseState::kActive,
                                      {},
                                      Iaid{},
                                      1,
                                      kForever,
                                      kForever,
                                      1,
                                      1},
                                Description{}, Reason::kAsked}};
  EXPECT_EQ(decode(encode_record(record)), record);
}

TEST(Record, BytesAreCanonicalForFullAndForEmptyFields) {
  auto records = one_of_each();
  Record bare;
  bare.position = 99;
  bare.event = SubnetCreated{};
  records.push_back(bare);
  bare.event = ClientCreated{};
  records.push_back(bare);
  for (const auto& record : records) {
    std::string bytes = encode_record(record);
    std::vector<capnp::word> words(bytes.size() / sizeof(capnp::word));
    std::memcpy(words.data(), bytes.data(), bytes.size());
    const kj::ArrayPtr<const capnp::word> segments[] = {kj::arrayPtr(words.data(), words.size())};
    capnp::SegmentArrayMessageReader reader(segments);
    EXPECT_TRUE(reader.isCanonical()) << name_of(kind_of(record.event));
  }
}

TEST(Record, LeaseFactsOfAnyShapeAreCanonicalAndReadAlikeByBothReaders) {
  const test::SeedScope scope;
  test::Random random(31);
  const auto text = [&](std::size_t most) {
    std::string out(random.below(4) == 0 ? 0 : random.below(most), 'x');
    for (char& c : out) c = static_cast<char>('a' + random.below(26));
    return out;
  };
  const auto kinds = one_of_each();
  for (int round = 0; round < 3000; ++round) {
    Record record = kinds[random.below(kinds.size())];
    auto* fact = const_cast<LeaseFact*>(lease_fact_of(record.event));
    if (fact == nullptr) continue;
    record.position = 1 + random.below(1'000'000'000'000);
    record.actor = "unix:" + text(20);
    record.door = text(9);
    record.cause = text(40);
    record.fingerprint = text(40);
    if (random.below(2) == 0) record.command_id.reset();
    fact->lease.key.length = static_cast<std::uint8_t>(random.below(129));
    std::string duid = text(130);
    fact->lease.duid =
        Duid::from_bytes({reinterpret_cast<const std::uint8_t*>(duid.data()), duid.size()}).value();
    fact->reason = static_cast<Reason>(random.below(7));
    if (random.below(2) == 0) {
      fact->description.reset();
    } else {
      Description& d = fact->description.emplace();
      d.name = text(30);
      d.comment = text(30);
      d.owner_name = text(20);
      d.hardware_address = text(9);
      d.context = text(50);
      d.owner.low = random.below(3);
      d.server_subnet_id = static_cast<std::uint32_t>(random.below(2));
      d.fqdn_reverse = random.below(2) == 0;
    }
    const std::string bytes = encode_record(record);
    std::vector<capnp::word> words(bytes.size() / sizeof(capnp::word));
    std::memcpy(words.data(), bytes.data(), bytes.size());
    const kj::ArrayPtr<const capnp::word> segments[] = {kj::arrayPtr(words.data(), words.size())};
    capnp::SegmentArrayMessageReader reader(segments);
    ASSERT_TRUE(reader.isCanonical()) << bytes.size();
    Record whole;
    Record plain;
    const std::span<const std::uint8_t> span(reinterpret_cast<const std::uint8_t*>(words.data()),
                                             bytes.size());
    ASSERT_TRUE(decode_record(span, whole));
    ASSERT_EQ(whole, record);
    ASSERT_TRUE(decode_lease_record(span, plain));
    whole.door.clear();
    whole.cause.clear();
    whole.fingerprint.clear();
    const_cast<LeaseFact*>(lease_fact_of(whole.event))->description.reset();
    ASSERT_EQ(plain, whole);
    // Damage never reads beyond the bytes (the sanitizers watch), whatever comes of it.
    for (int i = 0; i < 4; ++i) {
      auto damaged = words;
      reinterpret_cast<std::uint8_t*>(damaged.data())[random.below(bytes.size())] ^=
          static_cast<std::uint8_t>(1U << random.below(8));
      std::vector<capnp::word> cut(
          damaged.begin(),
          damaged.begin() + static_cast<std::ptrdiff_t>(random.below(words.size() + 1)));
      (void)decode_lease_record(
          {reinterpret_cast<const std::uint8_t*>(damaged.data()), bytes.size()}, plain);
      (void)decode_lease_record(
          {reinterpret_cast<const std::uint8_t*>(cut.data()), cut.size() * sizeof(capnp::word)},
          plain);
    }
  }
}

TEST(Record, AFactThatBeginsAHoldingPointsToItself) {
  Record record;
  record.position = 41;
  record.event = ClientCreated{};
  const Record back = decode(encode_record(record));
  EXPECT_EQ(lease_fact_of(back.event)->lease.tenure, 41U);
  EXPECT_EQ(lease_fact_of(back.event)->lease.described, 41U);
}

TEST(Record, HeaderAgreesWithTheWholeRecord) {
  for (const auto& record : one_of_each()) {
    RecordBatch batch;
    batch.add(record);
    const auto header = decode_header(batch.record(0)).value();
    EXPECT_EQ(header.position, record.position);
    EXPECT_EQ(header.recorded_at, record.recorded_at);
    EXPECT_EQ(header.effective_at, record.effective_at);
    EXPECT_EQ(header.kind, kind_of(record.event));
  }
}

TEST(Record, LargeRecordsAreOneCanonicalSegmentToo) {
  Record record = one_of_each().front();
  std::get<SubnetCreated>(record.event).subnet.comment = std::string(100'000, 'x');
  EXPECT_EQ(decode(encode_record(record)), record);
}

TEST(Record, DamagedBytesNeverCrashAndNeverPassForARecordWithAnotherShape) {
  for (const auto& record : one_of_each()) {
    const std::string bytes = encode_record(record);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      std::vector<std::uint64_t> aligned(damaged.size() / 8);
      std::memcpy(aligned.data(), damaged.data(), damaged.size());
      Record out;
      const auto status = decode_record(
          {reinterpret_cast<const std::uint8_t*>(aligned.data()), damaged.size()}, out);
      if (!status) {
        EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
      }
    }
  }
  Record out;
  EXPECT_FALSE(decode_record({}, out));
}

// Each file in tests/golden is one record as version 1 of the schema wrote it: it must be read for ever, and today's
// writer must still write exactly these bytes. LEASELEDGER_WRITE_GOLDEN=1 writes files that are missing.
TEST(Record, GoldenFilesOfVersion1AreReadAndWrittenToTheByte) {
  const std::filesystem::path folder = std::filesystem::path(LEASELEDGER_TEST_DATA) / "golden";
  for (const auto& record : one_of_each()) {
    const auto path =
        folder / ("record_v1_" + std::string(name_of(kind_of(record.event))) + ".bin");
    if (!std::filesystem::exists(path) && std::getenv("LEASELEDGER_WRITE_GOLDEN") != nullptr) {
      std::ofstream(path, std::ios::binary) << encode_record(record);
    }
    std::ifstream in(path, std::ios::binary);
    ASSERT_TRUE(in) << path;
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes, encode_record(record)) << path;
    EXPECT_EQ(decode(bytes), record) << path;
  }
}

/// What a newer version might write: a longer data section and one more pointer. Made by hand from today's bytes.
std::string with_one_more_field(const std::string& bytes) {
  // Root pointer: struct, offset 0, data words in bits 32..47, pointer words in bits 48..63.
  std::uint64_t root = 0;
  std::memcpy(&root, bytes.data(), 8);
  const auto data_words = (root >> 32) & 0xFFFF;
  const auto pointer_words = root >> 48;
  const std::size_t data_end = 8 + data_words * 8;
  std::string out =
      bytes.substr(0, data_end) + std::string("\x2a\0\0\0\0\0\0\0", 8) + bytes.substr(data_end);
  root = (root & 0xFFFF'FFFFULL) | (data_words + 1) << 32 | pointer_words << 48;
  std::memcpy(out.data(), &root, 8);
  return out;  // pointers move together with what they point to, their offsets stay right
}

TEST(Record, RecordsOfANewerSchemaAreReadWithoutTheNewField) {
  for (const auto& record : one_of_each()) {
    EXPECT_EQ(decode(with_one_more_field(encode_record(record))), record);
  }
}

TEST(Record, RecordsOfAnOlderSchemaHaveDefaultsForWhatTheyLack) {
  // An older writer without `cause`, `fingerprint` and `commandId` leaves those pointers null.
  Record record = one_of_each().front();
  record.cause.clear();
  record.fingerprint.clear();
  record.command_id.reset();
  EXPECT_EQ(decode(encode_record(record)), record);
}

TEST(Record, AnEventOfANewerVersionIsShownAsUnknown) {
  std::string bytes = encode_record(one_of_each().front());
  // The tag is the first 16 bits of the fourth data word.
  bytes[8 + 3 * 8] = 77;
  const Record record = decode(bytes);
  EXPECT_EQ(record.event, Event(UnknownEvent{77}));
  EXPECT_EQ(record.actor, "unix:alice");
}

TEST(CommandIdText, IsAUuid) {
  const auto id = parse_command_id("0190b5e6-7c00-7000-8000-00000000000a").value();
  EXPECT_EQ(format_command_id(id), "0190b5e6-7c00-7000-8000-00000000000a");
  EXPECT_EQ(parse_command_id("0190b5e67c0070008000"
                             "00000000000a")
                .value(),
            id);
  EXPECT_FALSE(parse_command_id("0190b5e6"));
}

}  // namespace
}  // namespace leaseledger
