#pragma once
// Questions that stand below other verbs: client get and client list.

#include <CLI/CLI.hpp>

#include "tools/cli/context.h"

namespace leaseledger::cli {

void add_client_questions(CLI::App* group, Context& context);

}  // namespace leaseledger::cli
