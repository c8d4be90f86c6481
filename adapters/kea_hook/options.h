#pragma once
// The parameters of the hook library, read from the JSON that Kea gives it. Every value is checked when the library is loaded.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace leaseledger::kea_hook {

struct Options {
  std::string url = "http://127.0.0.1:8548/";
  std::string user;
  std::string password;
  std::string password_file;
  std::string ca_file;    ///< for https: who is believed.
  std::string cert_file;  ///< a client certificate and its key.
  std::string key_file;
  std::string server = "kea";        ///< the name of this DHCP service in the ledger.
  bool before_reply = false;         ///< durability: the reply waits for the ledger.
  bool carry_on = true;              ///< on-outage: clients are answered, and events spooled.
  std::size_t queue_limit = 65'536;  ///< packets in memory.
  std::string spool_file;            ///< "": nothing is spooled.
  std::uint64_t spool_limit = std::uint64_t{256} << 20;  ///< octets.
  unsigned timeout_ms = 2'000;     ///< for an answer of the ledger, and for a reply to be held.
  std::size_t batch = 500;         ///< packets in one request.
  bool report_ha_partner = false;  ///< leases that an HA partner sent are reported too.
};

/// A parameter as Kea has it, in text; numbers and booleans as JSON writes them.
struct Parameter {
  enum class Kind { kText, kNumber, kFlag, kOther } kind = Kind::kOther;
  std::string text;
};

/// The options; `problems` has one sentence for each parameter that is unknown or has a value that cannot be used: its name, the
/// value, what would be right.
Options read_options(const std::map<std::string, Parameter>& parameters,
                     std::vector<std::string>& problems);

}  // namespace leaseledger::kea_hook
