#pragma once
// One connection: who is there, and the capabilities of leaseledger.capnp that he gets.
// Flow: server.cc -> [sessions.h] -> submitter.h, worker_pool.h

#include "adapters/rpc/leaseledger.capnp.h"
#include "adapters/rpc/server.h"

#include <kj/refcount.h>

#include <memory>
#include <string>
#include <unordered_map>

namespace leaseledger::rpc {

/// What one principal has in use, over all his connections.
struct Holdings {
  std::size_t connections = 0;
  std::size_t subscriptions = 0;
  std::size_t states = 0;
};

/// What all sessions share.
struct SessionsContext {
  ServerOptions& options;
  LedgerKeeper& keeper;
  Mailbox& mailbox;
  WorkerPool& questions;
  WorkerPool& jobs;
  kj::Timer& timer;
  Observer& observer;
  Submitter& submitter;
  Instant started_at;
  bool draining = false;
  std::unordered_map<std::string, Holdings> holdings;  // by principal
  // Those who want to hear of the progress of a job, by the job's number.
  std::unordered_map<std::uint64_t, schema::Progress::Client> listeners;
  std::uint64_t next_listener = 1;
};

/// Whether a connection is in use.
struct Activity {
  kj::TimePoint last;   ///< when something was asked.
  unsigned in_use = 0;  ///< calls that are not answered, and what is held: subscriptions, states.
};

/// The bootstrap capability of a connection. `transport` is "unix" or "tls".
capnp::Capability::Client make_session(SessionsContext& context, Principal principal,
                                       std::string transport, std::shared_ptr<Activity> activity);
/// One that answers everything with `error`: for connections over a limit.
capnp::Capability::Client make_refusal(Error error);

}  // namespace leaseledger::rpc
