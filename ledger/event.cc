#include "ledger/event.h"

#include <array>

namespace leaseledger {
namespace {

constexpr std::array<std::string_view, kEventKinds> kNames = {"Unknown",
                                                              "SubnetCreated",
                                                              "SubnetChanged",
                                                              "SubnetDeleted",
                                                              "ReservationAdded",
                                                              "ReservationRemoved",
                                                              "ExclusionAdded",
                                                              "ExclusionRemoved",
                                                              "DelegationPoolAdded",
                                                              "DelegationPoolRemoved",
                                                              "ClientCreated",
                                                              "ClientChanged",
                                                              "LeaseRenewed",
                                                              "LeaseReleased",
                                                              "LeaseDeclined",
                                                              "LeaseExpired",
                                                              "ClientDeleted",
                                                              "CommandRefused",
                                                              "NothingChanged"};
static_assert(std::variant_size_v<Event> == kEventKinds);

}  // namespace

std::string_view name_of(LeaseState state) {
  switch (state) {
    case LeaseState::kActive:
      return "active";
    case LeaseState::kDeclined:
      return "declined";
    case LeaseState::kReserved:
      return "reserved";
    case LeaseState::kEnded:
      return "ended";
  }
  return "?";
}

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::kAsked:
      return "asked";
    case Reason::kReported:
      return "reported";
    case Reason::kLifetimeOver:
      return "lifetime over";
    case Reason::kReplaced:
      return "replaced";
    case Reason::kReservation:
      return "reservation";
    case Reason::kSubnetDeleted:
      return "subnet deleted";
  }
  return "?";
}

EventKind kind_of(const Event& event) { return static_cast<EventKind>(event.index()); }

std::string_view name_of(EventKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

std::optional<EventKind> event_kind_from_name(std::string_view name) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<EventKind>(i);
  }
  return std::nullopt;
}

const LeaseFact* lease_fact_of(const Event& event) {
  return std::visit(
      [](const auto& fact) -> const LeaseFact* {
        if constexpr (std::is_base_of_v<LeaseFact, std::decay_t<decltype(fact)>>) {
          return &fact;
        } else {
          return nullptr;
        }
      },
      event);
}

bool ends_lease(EventKind kind) {
  return kind == EventKind::kLeaseReleased || kind == EventKind::kLeaseExpired ||
         kind == EventKind::kClientDeleted || kind == EventKind::kLeaseDeclined;
}

}  // namespace leaseledger
