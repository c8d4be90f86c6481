// What a developer writes against the installed package: open a ledger, create a lease, ask who holds it; look for a daemon.
#include <adapters/embedded/ledger.h>
#include <adapters/rpc/async_client.h>
#include <adapters/rpc/client.h>
#include <cstdio>

using namespace leaseledger;

int main(int, char** argv) {
  const auto ledger = Ledger::create(argv[1]).value();
  const Principal me{"api:consumer", Role::kAdministrator, "api"};
  const Ipv6Prefix subnet = Ipv6Prefix::parse("2001:db8:1::/64").value();
  CreateClient create;
  create.key = parse_lease_key("2001:db8:1::5").value();
  create.duid = Duid::parse("00:03:00:01:02:00:5e:10:00:01").value();
  create.iaid = Iaid{7};
  if (!ledger->submit(me, Envelope{.command = CreateSubnet{.prefix = subnet}})->accepted())
    return 1;
  if (!ledger->submit(me, Envelope{.command = create})->accepted()) return 2;
  if (ledger->submit(me, Envelope{.command = create})->code != Win32::kDhcpClientExists) return 3;
  const auto queries = ledger->queries().value();
  const auto holders =
      queries.who(create.key.address, SystemClock().now(), queries.position()).value().holders;
  if (holders.size() != 1 || holders[0].duid != create.duid) return 4;
  std::printf("%s is held by %s\n", format_lease_key(create.key).c_str(),
              holders[0].duid.to_string().c_str());
  const auto daemon = rpc::Client::connect({.server = std::string("unix:") + argv[1] + "/none"});
  if (daemon || daemon.error().code != Win32::kRpcServerUnavailable) return 6;
  return ledger->close() ? 0 : 5;
}
