// The hook library libdhcp_leaseledger.so: Kea calls the functions at the end of this file. Each builds the report of what
// happened and hands it to the sender; none waits.
// Flow: kea-dhcp6 -> [callouts.cc] -> sender.h -> the daemon's lease6-report

#include "adapters/kea_hook/sender.h"

#include <asiolink/io_address.h>
#include <atomic>
#include <cc/data.h>
#include <config/command_mgr.h>
#include <cstdio>
#include <ctime>
#include <dhcp/dhcp6.h>
#include <dhcp/iface_mgr.h>
#include <dhcp/pkt6.h>
#include <dhcpsrv/lease.h>
#include <hooks/hooks.h>
#include <hooks/parking_lots.h>
#include <log/logger.h>
#include <log/macros.h>
#include <log/message_initializer.h>
#include <random>
#include <stats/stats_mgr.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace {

using namespace isc::hooks;
using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::Lease6;
using isc::dhcp::Lease6Collection;
using isc::dhcp::Lease6Ptr;
using isc::dhcp::Pkt6;
using isc::dhcp::Pkt6Ptr;
using leaseledger::kea_hook::Counters;
using leaseledger::kea_hook::Options;
using leaseledger::kea_hook::Outcome;
using leaseledger::kea_hook::Sender;

// ---- messages: docs/kea_hook.md ------------------------------------------------------------------------------------

const isc::log::MessageID kLoaded = "LEASELEDGER_LOADED";
const isc::log::MessageID kBadParameter = "LEASELEDGER_BAD_PARAMETER";
const isc::log::MessageID kConnected = "LEASELEDGER_CONNECTED";
const isc::log::MessageID kUnreachable = "LEASELEDGER_UNREACHABLE";
const isc::log::MessageID kRefused = "LEASELEDGER_REFUSED";
const isc::log::MessageID kDropped = "LEASELEDGER_DROPPED";
const isc::log::MessageID kCaughtUp = "LEASELEDGER_CAUGHT_UP";
const isc::log::MessageID kNotHeld = "LEASELEDGER_NOT_HELD";
const isc::log::MessageID kCalloutFailed = "LEASELEDGER_CALLOUT_FAILED";

const char* kMessages[] = {
    "LEASELEDGER_LOADED",
    "reporting to %1 as server '%2', durability %3, on outage %4",
    "LEASELEDGER_BAD_PARAMETER",
    "%1",
    "LEASELEDGER_CONNECTED",
    "the ledger at %1 records",
    "LEASELEDGER_UNREACHABLE",
    "the ledger at %1 does not record, it is tried again: %2",
    "LEASELEDGER_REFUSED",
    "the ledger did not take an event: %1",
    "LEASELEDGER_DROPPED",
    "no room for more events, %1 left out so far; the ledger's comparison with this server finds "
    "them",
    "LEASELEDGER_CAUGHT_UP",
    "everything that was spooled is recorded",
    "LEASELEDGER_CALLOUT_FAILED",
    "an event was not reported: %1",
    nullptr};
const isc::log::MessageInitializer kInitializer(kMessages);

isc::log::Logger& logger() {
  static isc::log::Logger out("leaseledger-hooks");
  return out;
}

// ---- what there is of the library while it is loaded -----------------------------------------------------------------

/// At most one message of a kind in so many seconds.
class Rarely {
 public:
  bool now() {
    const std::time_t time = std::time(nullptr);
    std::time_t last = last_.load();
    return time - last >= 10 && last_.compare_exchange_strong(last, time);
  }

 private:
  std::atomic<std::time_t> last_{0};
};

struct Parked {
  ParkingLotHandlePtr lot;
  Pkt6Ptr query;
  bool goes_on = false;
};

/// Takes outcomes and counters to Kea's main thread, where a single-threaded Kea must have them: a descriptor that it watches.
class MainThread {
 public:
  MainThread() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("eventfd: no descriptor");
  }
  ~MainThread() { ::close(fd_); }
  int fd() const { return fd_; }
  void post(Parked parked) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      parked_.push_back(std::move(parked));
    }
    wake();
  }
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  std::vector<Parked> take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(parked_, {});
  }

 private:
  const int fd_;
  std::mutex mutex_;
  std::vector<Parked> parked_;
};

class Library final : public leaseledger::kea_hook::Listener {
 public:
  explicit Library(Options options) : options_(std::move(options)) {
    sender_ = std::make_unique<Sender>(options_,
                                       leaseledger::kea_hook::make_http_transport(options_), *this);
    isc::dhcp::IfaceMgr::instance().addExternalSocket(main_.fd(), [this](int) { on_main(); });
    set_statistics();
  }
  ~Library() override {
    isc::dhcp::IfaceMgr::instance().deleteExternalSocket(main_.fd());
    sender_.reset();
    release(main_.take());
  }

  const Options& options() const { return options_; }

  /// A packet's report; nothing is held.
  void report(const ElementPtr& packet, std::size_t events) {
    if (!sender_->add(packet->str(), events, {}) && dropped_rarely_.now())
      LOG_ERROR(logger(), kDropped).arg(sender_->counters().events_dropped);
  }

  /// The same, and the reply waits until the ledger has it.
  void report_and_hold(CalloutHandle& handle, const Pkt6Ptr& query, const ElementPtr& packet,
                       std::size_t events) {
    const ParkingLotHandlePtr lot = handle.getParkingLotHandlePtr();
    try {
      lot->reference(query);
    } catch (const isc::InvalidOperation&) {
      // Another library, loaded before this one, has held the packet and let it go already.
      ++not_held_;
      if (not_held_rarely_.now()) LOG_WARN(logger(), kNotHeld);
      return report(packet, events);
    }
    handle.setStatus(CalloutHandle::NEXT_STEP_PARK);
    ++held_;
    const bool added = sender_->add(packet->str(), events, [this, lot, query](Outcome outcome) {
      main_.post({lot, query, outcome != Outcome::kLate});
    });
    if (added) return;
    if (dropped_rarely_.now())
      LOG_ERROR(logger(), kDropped).arg(sender_->counters().events_dropped);
    main_.post({lot, query, options_.carry_on});
  }

 private:
  // ---- from the sender's thread ----
  void connected() override { LOG_INFO(logger(), kConnected).arg(options_.url); }
  void unreachable(const std::string& problem) override {
    if (unreachable_rarely_.now()) LOG_WARN(logger(), kUnreachable).arg(options_.url).arg(problem);
  }
  void refused(const std::string& what) override {
    if (refused_rarely_.now()) LOG_WARN(logger(), kRefused).arg(what);
  }
  void dropped(std::uint64_t events) override {
    if (dropped_rarely_.now()) LOG_ERROR(logger(), kDropped).arg(events);
  }
  void caught_up() override { LOG_INFO(logger(), kCaughtUp); }
  void changed() override { main_.wake(); }

  // ---- in Kea's main thread ----
  void on_main() {
    release(main_.take());
    const std::time_t now = std::time(nullptr);
    if (now == counted_at_ && sender_->counters().queue != 0) return;
    counted_at_ = now;
    set_statistics();
  }

  void release(std::vector<Parked> parked) {
    for (Parked& each : parked) {
      --held_;
      try {
        if (each.goes_on) {
          each.lot->unpark(each.query);
        } else {
          each.lot->drop(each.query);
        }
      } catch (const std::exception& problem) {
        LOG_ERROR(logger(), kCalloutFailed).arg(problem.what());
      }
    }
  }

  void set_statistics() {
    const Counters now = sender_ == nullptr ? Counters{} : sender_->counters();
    auto& stats = isc::stats::StatsMgr::instance();
    const auto set = [&stats](const char* name, std::uint64_t value) {
      stats.setValue(std::string("leaseledger.") + name, static_cast<int64_t>(value));
    };
    set("events-queued", now.events_queued);
    set("events-recorded", now.events_recorded);
    set("events-repeated", now.events_repeated);
    set("events-refused", now.events_refused);
    set("events-dropped", now.events_dropped);
    set("events-spooled", now.events_spooled);
    set("requests", now.requests);
    set("requests-failed", now.requests_failed);
    set("packets-late", now.packets_late);
    set("packets-held", static_cast<std::uint64_t>(std::max<std::int64_t>(0, held_.load())));
    set("packets-not-held", not_held_);
    set("queue", now.queue);
    set("spool-bytes", now.spool_bytes);
    set("connected", now.connected ? 1 : 0);
  }

  const Options options_;
  MainThread main_;
  std::unique_ptr<Sender> sender_;
  std::atomic<std::int64_t> held_{0};
  std::atomic<std::uint64_t> not_held_{0};
  std::time_t counted_at_ = 0;
  Rarely unreachable_rarely_, refused_rarely_, dropped_rarely_, not_held_rarely_;
};

std::unique_ptr<Library> library;

// ---- reports -------------------------------------------------------------------------------------------------------

/// RFC 9562 version 7: milliseconds and random bits, each greater than the one before.
std::string new_id() {
  static std::mutex mutex;
  static std::mt19937_64 random{std::random_device{}()};
  static std::uint64_t last = 0;  // 48 bits of time, 12 of a counter
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto ms = static_cast<std::uint64_t>(now.tv_sec) * 1000 +
                    static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
    last = std::max(last + 1, ms << 12);
    high = ((last >> 12) << 16) | 0x7000 | (last & 0xFFF);
    low = (random() & 0x3FFF'FFFF'FFFF'FFFFULL) | 0x8000'0000'0000'0000ULL;
  }
  char text[40];
  std::snprintf(text, sizeof text, "%08llx-%04llx-%04llx-%04llx-%012llx",
                static_cast<unsigned long long>(high >> 32),
                static_cast<unsigned long long>(high >> 16 & 0xFFFF),
                static_cast<unsigned long long>(high & 0xFFFF),
                static_cast<unsigned long long>(low >> 48),
                static_cast<unsigned long long>(low & 0xFFFF'FFFF'FFFFULL));
  return text;
}

std::string hex(const std::vector<uint8_t>& octets) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (const uint8_t octet : octets) {
    out += digits[octet >> 4];
    out += digits[octet & 15];
  }
  return out;
}

ElementPtr text(const std::string& value) { return Element::create(value); }
ElementPtr number(std::uint64_t value) { return Element::create(static_cast<int64_t>(value)); }

/// As lease6-get has it, and where the hardware address is from.
ElementPtr lease_element(const Lease6& lease) {
  const ElementPtr out = lease.toElement();
  if (lease.hwaddr_ && !lease.hwaddr_->hwaddr_.empty()) {
    out->set("hw-type", number(lease.hwaddr_->htype_));
    out->set("hw-source", number(lease.hwaddr_->source_));
  }
  return out;
}

ElementPtr event_without_lease(const char* what) {
  const ElementPtr out = Element::createMap();
  out->set("id", text(new_id()));
  out->set("event", text(what));
  out->set("at", number(static_cast<std::uint64_t>(std::time(nullptr))));
  return out;
}

ElementPtr event(const char* what, const ConstElementPtr& lease) {
  const ElementPtr out = event_without_lease(what);
  out->set("lease", lease);
  return out;
}

ElementPtr event(const char* what, const Lease6& lease) {
  return event(what, lease_element(lease));
}

ElementPtr packet_of(const Pkt6& query) {
  const ElementPtr out = Element::createMap();
  out->set("type", text(query.getName()));
  out->set("xid", number(query.getTransid()));
  if (!query.getRemoteAddr().isV6Zero()) out->set("client", text(query.getRemoteAddr().toText()));
  if (!query.relay_info_.empty()) {
    const ElementPtr relays = Element::createList();
    // Kea has the one nearest to itself first; reports have the one nearest to the client first.
    for (auto relay = query.relay_info_.rbegin(); relay != query.relay_info_.rend(); ++relay) {
      const ElementPtr each = Element::createMap();
      each->set("link", text(relay->linkaddr_.toText()));
      each->set("peer", text(relay->peeraddr_.toText()));
      each->set("hops", number(relay->hop_count_));
      const std::pair<uint16_t, const char*> options[] = {{D6O_INTERFACE_ID, "interface-id"},
                                                          {D6O_REMOTE_ID, "remote-id"},
                                                          {D6O_SUBSCRIBER_ID, "subscriber-id"}};
      for (const auto& [code, name] : options) {
        const auto found = relay->options_.find(code);
        if (found != relay->options_.end())
          each->set(name, text(hex(found->second->toBinary(false))));
      }
      relays->add(each);
    }
    out->set("relays", relays);
  }
  return out;
}

/// One packet with one event, of what has no packet.
void report_alone(const ElementPtr& what) {
  const ElementPtr packet = Element::createMap();
  const ElementPtr events = Element::createList();
  events->add(what);
  packet->set("events", events);
  library->report(packet, 1);
}

/// DUIDs of leases that a packet declines, by address: Kea has wiped them when it says that the lease is committed.
using OldDuids = std::map<std::string, std::string>;
constexpr const char* kOldDuids = "leaseledger-old-duids";

// ---- administrators --------------------------------------------------------------------------------------------------

std::string string_of(const ConstElementPtr& map, const std::string& key) {
  const ConstElementPtr value = map ? map->get(key) : ConstElementPtr();
  return value && value->getType() == Element::string ? value->stringValue() : "";
}

std::optional<std::int64_t> number_of(const ConstElementPtr& map, const std::string& key) {
  const ConstElementPtr value = map ? map->get(key) : ConstElementPtr();
  if (!value || value->getType() != Element::integer) return std::nullopt;
  return value->intValue();
}

/// The lease as Kea has it now, with the defaults that it filled in; null when it is not there. Asked for with a command of Kea's
/// own: Debian's kea-dev lacks a header that the lease manager's needs.
ConstElementPtr look_up(const ConstElementPtr& lease) {
  const ElementPtr arguments = Element::createMap();
  for (const char* key : {"ip-address", "type"})
    if (const ConstElementPtr value = lease->get(key))
      arguments->set(key, text(value->stringValue()));
  const ElementPtr command = Element::createMap();
  command->set("command", text("lease6-get"));
  command->set("arguments", arguments);
  const ConstElementPtr answer = isc::config::CommandMgr::instance().processCommand(command);
  return number_of(answer, "result") == std::int64_t{0} ? answer->get("arguments")
                                                        : ConstElementPtr();
}

/// What is left of a lease that is gone: what the command said of it.
ElementPtr deletion(const ConstElementPtr& lease) {
  const ElementPtr out = event_without_lease("delete");
  const ElementPtr known = Element::createMap();
  for (const char* key : {"ip-address", "type", "prefix-len", "duid", "iaid", "subnet-id"})
    if (const ConstElementPtr value = lease->get(key))
      known->set(key, Element::fromJSON(value->str()));
  out->set("lease", known);
  return out;
}

void add_current(const char* what, const ConstElementPtr& lease, const ElementPtr& events) {
  if (const ConstElementPtr now = look_up(lease)) events->add(event(what, now));
}

/// The events that a command led to.
ElementPtr events_of(const std::string& name, const ConstElementPtr& arguments, int result) {
  const ElementPtr out = Element::createList();
  if (name == "lease6-wipe") {
    if (result != 0) return out;
    const ConstElementPtr id = arguments ? arguments->get("subnet-id") : ConstElementPtr();
    if (!id || id->getType() != Element::integer) return out;
    const ElementPtr wipe = event_without_lease("wipe");
    wipe->set("subnet-id", number(static_cast<std::uint64_t>(id->intValue())));
    out->add(wipe);
    return out;
  }
  if (!arguments || arguments->getType() != Element::map) return out;
  if (name == "lease6-add" && result == 0) add_current("add", arguments, out);
  if (name == "lease6-update" && result == 0) add_current("update", arguments, out);
  if (name == "lease6-del" && result == 0 && !string_of(arguments, "ip-address").empty())
    out->add(deletion(arguments));
  if (name == "lease6-bulk-apply" && (result == 0 || result == 3)) {
    if (const ConstElementPtr deleted = arguments->get("deleted-leases"))
      for (const auto& lease : deleted->listValue()) out->add(deletion(lease));
    if (const ConstElementPtr leases = arguments->get("leases"))
      for (const auto& lease : leases->listValue()) add_current("update", lease, out);
  }
  return out;
}

/// Runs a callout's body: Kea must not see an exception of ours.
template <typename Body>
int guarded(Body body) {
  try {
    if (library != nullptr) body();
  } catch (const std::exception& problem) {
    static Rarely rarely;
    if (rarely.now()) LOG_ERROR(logger(), kCalloutFailed).arg(problem.what());
  }
  return 0;
}

leaseledger::kea_hook::Parameter parameter_of(const ConstElementPtr& value) {
  using Kind = leaseledger::kea_hook::Parameter::Kind;
  switch (value->getType()) {
    case Element::string:
      return {Kind::kText, value->stringValue()};
    case Element::integer:
      return {Kind::kNumber, value->str()};
    case Element::boolean:
      return {Kind::kFlag, value->str()};
    default:
      return {Kind::kOther, value->str()};
  }
}

}  // namespace

extern "C" {

int version() { return KEA_HOOKS_VERSION; }
int multi_threading_compatible() { return 1; }

int load(LibraryHandle& handle) {
  try {
    std::map<std::string, leaseledger::kea_hook::Parameter> parameters;
    const ConstElementPtr given = handle.getParameters();
    if (given && given->getType() == Element::map)
      for (const auto& [name, value] : given->mapValue()) parameters[name] = parameter_of(value);
    std::vector<std::string> problems;
    const Options options = leaseledger::kea_hook::read_options(parameters, problems);
    if (problems.empty() && options.carry_on && !options.spool_file.empty()) {
      const leaseledger::kea_hook::Spool trial(options.spool_file, options.spool_limit);
      if (!trial.problem().empty()) problems.push_back(trial.problem());
    }
    for (const auto& problem : problems) LOG_ERROR(logger(), kBadParameter).arg(problem);
    if (!problems.empty()) return 1;
    LOG_INFO(logger(), kLoaded)
        .arg(options.url)
        .arg(options.server)
        .arg(options.before_reply ? "before-reply" : "async")
        .arg(options.carry_on ? "carry-on" : "refuse");
    library = std::make_unique<Library>(options);
    return 0;
  } catch (const std::exception& problem) {
    LOG_ERROR(logger(), kBadParameter).arg(problem.what());
    return 1;
  }
}

int unload() {
  try {
    library.reset();
  } catch (const std::exception& problem) {
    LOG_ERROR(logger(), kCalloutFailed).arg(problem.what());
  }
  return 0;
}

int lease6_decline(CalloutHandle& handle) {
  return guarded([&] {
    Lease6Ptr lease;
    handle.getArgument("lease6", lease);
    if (!lease || !lease->duid_) return;
    OldDuids old;
    try {
      handle.getContext(kOldDuids, old);
    } catch (const NoSuchCalloutContext&) {
      // the first of this packet
    }
    old[lease->addr_.toText()] = lease->duid_->toText();
    handle.setContext(kOldDuids, old);
  });
}

int leases6_committed(CalloutHandle& handle) {
  return guarded([&] {
    Pkt6Ptr query;
    boost::shared_ptr<Lease6Collection> leases;
    boost::shared_ptr<Lease6Collection> deleted;
    handle.getArgument("query6", query);
    handle.getArgument("leases6", leases);
    handle.getArgument("deleted_leases6", deleted);
    const uint8_t type = query->getType();
    OldDuids old;
    try {
      handle.getContext(kOldDuids, old);
    } catch (const NoSuchCalloutContext&) {
      // nothing was declined
    }
    const ElementPtr events = Element::createList();
    // What ended comes first: an address may go from one to the other in one packet.
    if (deleted)
      for (const auto& lease : *deleted)
        events->add(event(type == DHCPV6_RELEASE ? "release" : "replace", *lease));
    if (leases) {
      for (const auto& lease : *leases) {
        if (lease->state_ == isc::dhcp::Lease::STATE_DECLINED) {
          const ElementPtr decline = event("decline", *lease);
          const auto who = old.find(lease->addr_.toText());
          if (who != old.end()) decline->set("old-duid", text(who->second));
          events->add(decline);
        } else {
          const char* what = type == DHCPV6_RENEW    ? "renew"
                             : type == DHCPV6_REBIND ? "rebind"
                                                     : "assign";
          events->add(event(what, *lease));
        }
      }
    }
    if (events->empty()) return;
    const ElementPtr packet = packet_of(*query);
    packet->set("events", events);
    if (library->options().before_reply) {
      library->report_and_hold(handle, query, packet, events->size());
    } else {
      library->report(packet, events->size());
    }
  });
}

int lease6_expire(CalloutHandle& handle) {
  return guarded([&] {
    Lease6Ptr lease;
    handle.getArgument("lease6", lease);
    if (lease) report_alone(event("expire", *lease));
  });
}

int lease6_recover(CalloutHandle& handle) {
  return guarded([&] {
    Lease6Ptr lease;
    handle.getArgument("lease6", lease);
    if (lease) report_alone(event("recover", *lease));
  });
}

int command_processed(CalloutHandle& handle) {
  return guarded([&] {
    std::string name;
    handle.getArgument("name", name);
    if (name.rfind("lease6-", 0) != 0) return;
    ConstElementPtr arguments;
    ConstElementPtr response;
    handle.getArgument("arguments", arguments);
    handle.getArgument("response", response);
    // Kea 2.2 does not say where a bulk-apply comes from, but only its partners send one.
    const std::string origin = string_of(arguments, "origin");
    const bool of_partner =
        name == "lease6-bulk-apply" && (origin.empty() || origin == "ha-partner");
    if (of_partner && !library->options().report_ha_partner) return;
    const auto result = number_of(response, "result");
    if (!result) return;
    const ElementPtr events = events_of(name, arguments, static_cast<int>(*result));
    if (events->empty()) return;
    const ElementPtr packet = Element::createMap();
    packet->set("command", text(name));
    if (!origin.empty()) packet->set("origin", text(origin));
    packet->set("events", events);
    library->report(packet, events->size());
  });
}

}  // extern "C"
