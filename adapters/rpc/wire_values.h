#pragma once
// What questions and answers are made of, between C++ and the messages of leaseledger.capnp.
// Flow: client.cc -> [wire_values.h] -> leaseledger.capnp -> [wire_values.h] -> server.cc

#include "adapters/rpc/leaseledger.capnp.h"
#include "adapters/service/service.h"

#include <limits>
#include <string>
#include <string_view>

namespace leaseledger::rpc {

// ---- small things ----------------------------------------------------------------------------------------------------

inline constexpr std::int64_t kUnsetTime = std::numeric_limits<std::int64_t>::min();
inline std::int64_t wire_time(Instant time) { return time.time_since_epoch().count(); }
inline Instant read_time(std::int64_t in) { return Instant(std::chrono::nanoseconds(in)); }

inline capnp::Text::Reader wire_text(const std::string& text) {
  return {text.c_str(), text.size()};
}
inline std::string plain_text(capnp::Text::Reader in) { return {in.begin(), in.size()}; }
/// "" is not written: it is what an absent text reads as.
template <typename Set>
void write_text(const std::string& text, Set&& set) {
  if (!text.empty()) set(wire_text(text));
}
/// kInvalid names `field` when the text is no UTF-8.
Status read_text(capnp::Text::Reader in, const char* field, std::string& out);

inline capnp::Data::Reader wire_bytes(const Duid& duid) {
  return kj::arrayPtr(duid.bytes().data(), duid.size());
}
template <typename Octets>
capnp::Data::Reader wire_octets(const Octets& octets) {
  return kj::arrayPtr(reinterpret_cast<const kj::byte*>(octets.data()), octets.size());
}
/// kInvalid for more than 130 octets.
Status read_duid(capnp::Data::Reader in, Duid& out);
/// Octets of a fixed number, as far as they are there.
template <typename Octets>
void read_octets(capnp::Data::Reader in, Octets& out) {
  out = {};
  for (std::size_t i = 0; i < in.size() && i < out.size(); ++i) out[i] = in[i];
}

void write_prefix(const Ipv6Prefix& prefix, schema::Prefix::Builder out);
/// kInvalid names `field` for a length over 128 or host bits that are not zero.
Status read_prefix(schema::Prefix::Reader in, const char* field, Ipv6Prefix& out);
Status make_prefix(std::uint64_t high, std::uint64_t low, std::uint8_t length, const char* field,
                   Ipv6Prefix& out);
/// For answers, whose sender is believed.
Ipv6Prefix plain_prefix(schema::Prefix::Reader in);

// ---- questions -------------------------------------------------------------------------------------------------------

void write_when(const When& when, schema::When::Builder out);
When read_when(schema::When::Reader in);
void write_as_of(const AsOf& as_of, schema::AsOf::Builder out);
AsOf read_as_of(schema::AsOf::Reader in);
void write_filter(const LogFilter& filter, schema::LogFilter::Builder out);
Status read_filter(schema::LogFilter::Reader in, LogFilter& out);

// ---- answers: write(x, builder) and x = read(reader) -----------------------------------------------------------------

void write(const ServiceInfo& in, schema::Info::Builder out);
void write(const Lease& in, schema::Lease::Builder out);
void write(const BookLease& in, schema::BookLease::Builder out);
void write(const Description& in, schema::Description::Builder out);
void write(const LeaseRow& in, schema::LeaseRow::Builder out);
void write(const LeasePage& in, schema::LeasePage::Builder out);
void write(const HeldSpan& in, schema::HeldSpan::Builder out);
void write(const Holders& in, schema::Holders::Builder out);
void write(const Subnet& in, schema::Subnet::Builder out);
void write(const SubnetUsage& in, schema::Usage::Builder out);
void write(const SubnetRow& in, schema::SubnetRow::Builder out);
void write(const SubnetPage& in, schema::SubnetPage::Builder out);
void write(const SubnetAnswer& in, schema::SubnetAnswer::Builder out);
void write(const SubnetElement& in, schema::Element::Builder out);
void write(const ElementPage& in, schema::ElementPage::Builder out);
void write(const Stats& in, schema::Stats::Builder out);
void write(const KeaServerStatus& in, schema::KeaServerStatus::Builder out);
void write(const LeaseDifference& in, schema::LeaseDifference::Builder out);
void write(const SubnetDifference& in, schema::SubnetDifference::Builder out);
void write(const VerifyReport& in, schema::VerifyReport::Builder out);
void write(const ReplayReport& in, schema::ReplayReport::Builder out);

ServiceInfo read(schema::Info::Reader in);
Lease read(schema::Lease::Reader in);
BookLease read(schema::BookLease::Reader in);
Description read(schema::Description::Reader in);
LeaseRow read(schema::LeaseRow::Reader in);
LeasePage read(schema::LeasePage::Reader in);
HeldSpan read(schema::HeldSpan::Reader in);
Holders read(schema::Holders::Reader in);
Subnet read(schema::Subnet::Reader in);
SubnetUsage read(schema::Usage::Reader in);
SubnetRow read(schema::SubnetRow::Reader in);
SubnetPage read(schema::SubnetPage::Reader in);
SubnetAnswer read(schema::SubnetAnswer::Reader in);
SubnetElement read(schema::Element::Reader in);
ElementPage read(schema::ElementPage::Reader in);
Stats read(schema::Stats::Reader in);
KeaServerStatus read(schema::KeaServerStatus::Reader in);
LeaseDifference read(schema::LeaseDifference::Reader in);
SubnetDifference read(schema::SubnetDifference::Reader in);
VerifyReport read(schema::VerifyReport::Reader in);
ReplayReport read(schema::ReplayReport::Reader in);

/// A list of values: write_list(spans, results.initSpans(n)).
template <typename Values, typename Builder>
void write_list(const Values& values, Builder out) {
  unsigned i = 0;
  for (const auto& value : values) write(value, out[i++]);
}
template <typename Value, typename Reader>
std::vector<Value> read_list(Reader in) {
  std::vector<Value> out;
  out.reserve(in.size());
  for (const auto each : in) out.push_back(read(each));
  return out;
}

// ---- records ---------------------------------------------------------------------------------------------------------

/// Bytes of records on their way into a message.
class RecordChunk {
 public:
  void add(const StoredRecord& record);
  std::size_t octets() const { return bytes_.size(); }
  std::size_t size() const { return ends_.size(); }
  bool empty() const { return ends_.empty(); }
  Position last() const { return positions_.empty() ? 0 : positions_.back(); }
  void write(schema::Records::Builder out) const;

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
  std::vector<Position> positions_;
};

/// Visits the records of a message until `visit` returns false. kCorrupt when the message contradicts itself.
Result<bool> visit_records(schema::Records::Reader in, const RecordVisitor& visit);

}  // namespace leaseledger::rpc
