#pragma once
// The client for programs that have a KJ event loop of their own: every call gives a promise. client.h is built on it, for
// everybody else.
// Flow: client.h, C++ programs on KJ -> [async_client.h] -> leaseledger.capnp -> adapters/rpc/server.h
//
//   auto ledger = rpc::AsyncClient::make({.server = "unix:..."}, *io.provider).value();
//   ledger->submit(commands).then([](Result<std::vector<Answer>> answers) { ... });

#include "adapters/rpc/client_options.h"
#include "adapters/service/service.h"

#include <kj/async-io.h>
#include <kj/async.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leaseledger::rpc {

/// Records that follow each other in memory, as they are stored.
struct RecordPiece {
  std::vector<std::uint64_t> words;
  std::vector<std::uint32_t> ends;  ///< where each record ends, in octets.
  Position first = 0;               ///< position of the first.

  std::size_t size() const { return ends.size(); }
  /// Visits the bytes of each until `visit` returns false, which is then the answer. kCorrupt when the parts do not fit.
  Result<bool> visit(const std::function<bool(std::span<const std::uint8_t>)>& visit) const;
};

/// Records of the log that pass a filter.
struct FilteredPiece {
  RecordPiece records;
  Position next = 0;  ///< where to go on: as filter.from, or filter.to when backward; 0 at the end.
};

/// A past state at the daemon, for as long as this lives.
class AsyncPastState {
 public:
  virtual ~AsyncPastState() noexcept(false) = default;
  struct Info {
    Position position = 0;
    Instant recorded_at{};
    std::uint64_t subnets = 0;
    std::uint64_t leases = 0;
    Hash digest{};
  };
  virtual const Info& info() const = 0;
  virtual kj::Promise<Result<PastState::Page>> page(std::optional<LeaseKey> after,
                                                    std::size_t limit) = 0;
};

/// Belongs to one event loop. Errors are those of Service and Client::connect(); a promise fails only when the loop ends.
/// Dropping a promise gives the call up.
class AsyncClient {
 public:
  /// Borrows `io`. Connects with the first call. ERROR_INVALID_PARAMETER for options that cannot be.
  static Result<kj::Own<AsyncClient>> make(ClientOptions options, kj::AsyncIoProvider& io);
  virtual ~AsyncClient() noexcept(false) = default;

  virtual kj::Promise<Result<ServiceInfo>> info() = 0;

  // ---- commands ----
  /// Commands without an id get one, so that they can be sent again after a lost connection and are done once. What is
  /// submitted in the same turn of the loop goes as one call.
  virtual kj::Promise<Result<std::vector<Answer>>> submit(std::vector<Envelope> commands,
                                                          Chain chain = Chain::kEach) = 0;
  virtual kj::Promise<Result<std::vector<CommandHandler::Preview>>> preview(
      std::span<const Envelope> commands, Chain chain = Chain::kEach) = 0;

  // ---- questions: adapters/service/service.h ----
  virtual kj::Promise<Result<AsOf>> resolve(const When& when) = 0;
  virtual kj::Promise<Result<LeaseAnswer>> lease(const LeaseKey& key, const When& when) = 0;
  virtual kj::Promise<Result<LeasePage>> leases_of(const Duid& duid, std::optional<Iaid> iaid,
                                                   const When& when) = 0;
  virtual kj::Promise<Result<LeasePage>> leases_in(const Ipv6Prefix& prefix, const When& when,
                                                   std::optional<LeaseKey> after,
                                                   std::size_t limit) = 0;
  virtual kj::Promise<Result<LeasePage>> expiring(Instant from, Instant to, const When& when,
                                                  std::size_t limit) = 0;
  virtual kj::Promise<Result<Holders>> who(const Ipv6Address& address, const When& when) = 0;
  virtual kj::Promise<Result<SpansAnswer>> history(const LeaseKey& key, bool covering,
                                                   const When& when) = 0;
  virtual kj::Promise<Result<SpansAnswer>> held_by(const Duid& duid, Instant from, Instant to,
                                                   const When& when) = 0;
  virtual kj::Promise<Result<SubnetPage>> subnets(const When& when, std::optional<Ipv6Prefix> after,
                                                  std::size_t limit) = 0;
  virtual kj::Promise<Result<SubnetAnswer>> subnet(const Ipv6Prefix& prefix, const When& when) = 0;
  virtual kj::Promise<Result<ElementPage>> elements(std::optional<Ipv6Prefix> subnet,
                                                    ElementKind kind, const When& when,
                                                    std::uint64_t skip, std::size_t limit) = 0;
  virtual kj::Promise<Result<FreeAddresses>> free_addresses(const GetFreeAddress& query) = 0;
  virtual kj::Promise<Result<Stats>> stats() = 0;
  virtual kj::Promise<Result<std::vector<KeaServerStatus>>> kea_servers() = 0;

  // ---- the audit log ----
  /// As many of first..last as fit into one answer, from `first` on, or from `last` on backwards.
  virtual kj::Promise<Result<RecordPiece>> read(Position first, Position last,
                                                Direction direction) = 0;
  virtual kj::Promise<Result<FilteredPiece>> log(const LogFilter& filter) = 0;
  virtual kj::Promise<Result<Position>> wait(Position known, std::chrono::milliseconds timeout) = 0;
  virtual kj::Promise<Result<TreeHead>> tree_head(std::uint64_t size) = 0;
  virtual kj::Promise<Result<std::vector<Hash>>> inclusion_proof(Position position,
                                                                 std::uint64_t size) = 0;
  virtual kj::Promise<Result<std::vector<Hash>>> consistency_proof(std::uint64_t old_size,
                                                                   std::uint64_t new_size) = 0;
  /// Gives `take` every record from `from` on, in pieces, then each new one. The next piece is asked for when its promise is
  /// fulfilled; false ends. After a lost connection it goes on where it was.
  virtual kj::Promise<Status> follow(Position from,
                                     std::function<kj::Promise<bool>(RecordPiece)> take) = 0;

  // ---- the past ----
  virtual kj::Promise<Result<kj::Own<AsyncPastState>>> state_at(Position position,
                                                                const Progress& progress) = 0;
  virtual kj::Promise<Result<Difference>> diff(Position from, Position to) = 0;
  virtual kj::Promise<Result<VerifyReport>> verify(const Progress& progress) = 0;
  virtual kj::Promise<Result<ReplayReport>> replay(const Progress& progress) = 0;

  // ---- upkeep ----
  virtual kj::Promise<Result<std::vector<std::string>>> rebuild_views() = 0;
  virtual kj::Promise<Result<bool>> compare_with_kea(const std::string& server) = 0;
  virtual kj::Promise<Result<BackupReport>> backup(const std::string& directory,
                                                   const Progress& progress) = 0;

 protected:
  AsyncClient() = default;
};

}  // namespace leaseledger::rpc
