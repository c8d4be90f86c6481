#pragma once
// Commands and answers between C++ and the messages of leaseledger.capnp.
// Flow: client.cc -> [wire_commands.h] -> leaseledger.capnp -> [wire_commands.h] -> server.cc

#include "adapters/rpc/leaseledger.capnp.h"
#include "commands/command_handler.h"

#include <span>
#include <vector>

namespace leaseledger::rpc {

void write_command(const Envelope& envelope, schema::Command::Builder out);
/// `out` is overwritten. kInvalid names the field that cannot be (a prefix with host bits, a DUID over 130 octets, text that is no
/// UTF-8, a kind of command that this version does not know).
Status read_command(schema::Command::Reader in, Envelope& out);

/// The commands of a submission. Those that cannot be read have their error at their place, and are not in `commands`.
struct Submission {
  std::vector<Envelope> commands;
  std::vector<std::optional<Error>>
      unreadable;  ///< empty when all could be read; else one for each.
};
Submission read_commands(capnp::List<schema::Command>::Reader in);
/// `answers` of the readable ones, with those of the unreadable put in.
void write_answers(const Submission& submission, std::vector<Answer>& answers);

void write_answer(const Answer& answer, schema::Answer::Builder out);
Answer read_answer(schema::Answer::Reader in);

void write_error(const Error& error, schema::Error::Builder out);
Error read_error(schema::Error::Reader in);

}  // namespace leaseledger::rpc
