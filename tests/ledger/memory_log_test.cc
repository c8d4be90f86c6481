#include "ledger/memory_log.h"

#include "tests/contracts/event_log_contract.h"

namespace leaseledger::test {
namespace {

struct MemoryHarness {
  EventLog& log() { return log_; }
  bool reopen() { return false; }
  MemoryLog log_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(MemoryLog, EventLogContract, MemoryHarness);

}  // namespace
}  // namespace leaseledger::test
