#pragma once
// A lease record is edited: identity, name, comment. Flow: command.h -> [set_client.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

#include <string>

namespace leaseledger {

/// All four fields are written as given, an empty name clears the name. Lifetimes cannot be changed this way, as in
/// Windows: that is RenewLease.
struct SetClient {
  LeaseKey key;
  Duid
      duid;  ///< 1 to 130 octets; may differ from the record's: the address has another holder from then on.
  Iaid iaid{};
  std::string name;
  std::string comment;

  static constexpr const char* kName = "SetClient";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
    field("duid", self.duid);
    field("iaid", self.iaid);
    field("name", self.name);
    field("comment", self.comment);
  }
};

/// Nothing by itself: the DUID's rule comes after those that need the state.
Status validate(const SetClient& command);

/// ClientChanged. ERROR_FILE_NOT_FOUND 2 when no subnet contains the address, or there is no record; then
/// ERROR_INVALID_PARAMETER 87 for an empty DUID. No duplicate test, as in Windows.
/// Source: MS-DHCPM 3.2.4.72 R_DhcpSetClientInfoV6.
Status decide(const LeaseBook& book, const SetClient& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
