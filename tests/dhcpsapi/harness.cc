#include "tests/dhcpsapi/harness.h"

#include "adapters/dhcpsapi/convert.h"
#include "adapters/dhcpsapi/result_block.h"
#include "adapters/dhcpsapi/session.h"
#include "adapters/service/local_service.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

using namespace leaseledger;

namespace {

class LedgerBehind {
 public:
  LedgerBehind() {
    directory_ = std::filesystem::temp_directory_path() /
                 ("leaseledger_dhcpsapi_test." + std::to_string(getpid()));
    std::filesystem::remove_all(directory_);
    ledger_ = Ledger::create(directory_, {.clock = &clock_}).value();
    become(Role::kAdministrator);
  }
  ~LedgerBehind() {
    dhcpsapi::set_session_factory([](const std::string& address) {
      return fail(Win32::kRpcServerUnavailable, ErrorKind::kIo, "server", address, "a ledger");
    });
    ledger_.reset();
    std::filesystem::remove_all(directory_);
  }

  void become(Role role) {
    dhcpsapi::set_session_factory(
        [this, role](const std::string& address) -> Result<std::shared_ptr<Service>> {
          if (address.starts_with("tls:"))
            return fail(Win32::kDhcpServerNameNotResolved, ErrorKind::kIo, "server", address, "");
          return make_local_service(ledger_, {.principal = {"unix:test", role, "test"},
                                              .owner = {0x2001'0DB8'FFFF'0000, 0x547},
                                              .owner_name = "dhcp1.example.net",
                                              .started_at = started_at_,
                                              .clock = &clock_});
        });
  }

  void submit(Command command) {
    const auto answer = ledger_->submit({"unix:test", Role::kAdministrator, "test"},
                                        {.command = std::move(command)});
    if (answer && answer->accepted()) return;
    std::fprintf(stderr, "harness: %s\n",
                 (answer ? answer->error : answer.error()).to_string().c_str());
    std::abort();
  }

  ManualClock& clock() { return clock_; }

 private:
  const Instant started_at_ = parse_instant("2026-11-23T06:00:00Z", "start").value();
  ManualClock clock_{started_at_ + std::chrono::hours(1)};
  std::filesystem::path directory_;
  std::shared_ptr<Ledger> ledger_;
};

LedgerBehind* behind = nullptr;

}  // namespace

int harness_is_local(void) { return behind != nullptr ? 1 : 0; }
void harness_role(int role) { behind->become(static_cast<Role>(role)); }
void harness_renew(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_UID* duid, DWORD iaid) {
  behind->submit(RenewLease{.key = dhcpsapi::key_of(address),
                            .duid = dhcpsapi::from_c(*duid).value(),
                            .iaid = Iaid{iaid},
                            .preferred_lifetime = Lifetime(3600),
                            .valid_lifetime = Lifetime(7200)});
}
void harness_decline(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_UID* duid, DWORD iaid) {
  behind->submit(DeclineLease{.key = dhcpsapi::key_of(address),
                              .duid = dhcpsapi::from_c(*duid).value(),
                              .iaid = Iaid{iaid}});
}
void harness_release(DHCP_IPV6_ADDRESS address, const DHCP_CLIENT_UID* duid, DWORD iaid) {
  behind->submit(ReleaseLease{.key = dhcpsapi::key_of(address),
                              .duid = dhcpsapi::from_c(*duid).value(),
                              .iaid = Iaid{iaid}});
}
void harness_subnet(DHCP_IPV6_ADDRESS address, int length) {
  behind->submit(CreateSubnet{
      .prefix = {dhcpsapi::from_c(address), static_cast<std::uint8_t>(length)}, .name = "sized"});
}
void harness_delegate(DHCP_IPV6_ADDRESS scope, DHCP_IPV6_ADDRESS pool,
                      const DHCP_CLIENT_UID* duid) {
  behind->submit(AddDelegationPool{.subnet = {dhcpsapi::from_c(scope), 64},
                                   .prefix = {dhcpsapi::from_c(pool), 48},
                                   .delegated_length = 56});
  behind->submit(CreateClient{.key = {dhcpsapi::from_c(pool), 56},
                              .duid = dhcpsapi::from_c(*duid).value(),
                              .iaid = Iaid{1}});
}
void harness_advance(int seconds) { behind->clock().advance(std::chrono::seconds(seconds)); }
DATE_TIME harness_now(void) { return dhcpsapi::to_c(behind->clock().now()); }
DHCP_IPV6_ADDRESS harness_owner(void) { return {0x2001'0DB8'FFFF'0000, 0x547}; }
int harness_results(void) { return static_cast<int>(dhcpsapi::results_outstanding()); }

int main() {
  std::optional<LedgerBehind> ledger;
  if (std::getenv("LEASELEDGER_SERVER") == nullptr) behind = &ledger.emplace();
  const int failures = run_tests();
  std::printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
