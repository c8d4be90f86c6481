#pragma once
// Questions that stand below other verbs: client get and client list.

#include "tools/cli/context.h"

#include <CLI/CLI.hpp>

namespace leaseledger::cli {

void add_client_questions(CLI::App* group, Context& context);

}  // namespace leaseledger::cli
