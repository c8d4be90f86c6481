#pragma once
// A lease record is deleted by an administrator. Flow: command.h -> [delete_client.h] -> command_handler.h

#include "commands/decision.h"
#include "ledger/lease_book.h"

namespace leaseledger {

struct DeleteClient {
  LeaseKey key;

  static constexpr const char* kName = "DeleteClient";
  template <typename Self, typename Visitor>
  static void visit(Self& self, Visitor&& field) {
    field.required("address", self.key);
  }
};

Status validate(const DeleteClient& command);

/// ClientDeleted. ERROR_DHCP_RESERVEDIP_EXITS 20022 when the address has a reservation;
/// ERROR_DHCP_JET_ERROR 20013 when there is no record, as in Windows.
/// Source: MS-DHCPM 3.2.4.74 R_DhcpDeleteClientInfoV6.
Status decide(const LeaseBook& book, const DeleteClient& command, const Moment& moment,
              Decision& decision);

}  // namespace leaseledger
