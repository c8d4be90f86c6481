#pragma once
// A client of another kind than ours: plain Cap'n Proto on one connection, with nothing made good on the way.

#include "adapters/rpc/leaseledger.capnp.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <string>

namespace leaseledger::test {

/// Not to be made before a fork(): it has an event loop.
class PlainClient {
 public:
  /// `server`: "unix:/run/leaseledger/leaseledgerd.sock".
  explicit PlainClient(const std::string& server)
      : io_(kj::setupAsyncIo()),
        stream_(io_.provider->getNetwork()
                    .parseAddress(server.c_str())
                    .wait(io_.waitScope)
                    ->connect()
                    .wait(io_.waitScope)),
        network_(*stream_, capnp::rpc::twoparty::Side::CLIENT),
        system_(capnp::makeRpcClient(network_)),
        ledger_(bootstrap()) {}

  kj::WaitScope& scope() { return io_.waitScope; }
  kj::Timer& timer() { return io_.provider->getTimer(); }
  rpc::schema::Ledger::Client& ledger() { return ledger_; }

 private:
  rpc::schema::Ledger::Client bootstrap() {
    capnp::MallocMessageBuilder message;
    auto id = message.getRoot<capnp::rpc::twoparty::VatId>();
    id.setSide(capnp::rpc::twoparty::Side::SERVER);
    return system_.bootstrap(id).castAs<rpc::schema::Ledger>();
  }

  kj::AsyncIoContext io_;
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> system_;
  rpc::schema::Ledger::Client ledger_;
};

}  // namespace leaseledger::test
