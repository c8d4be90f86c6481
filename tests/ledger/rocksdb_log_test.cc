#include "ledger/rocksdb_log.h"

#include "tests/contracts/event_log_contract.h"
#include "tests/support/temporary_directory.h"

namespace leaseledger::test {
namespace {

struct RocksdbHarness {
  RocksdbHarness() {
    auto made = RocksdbLog::create(directory_.path() / "ledger");
    EXPECT_TRUE(made) << made.error().to_string();
    if (made) log_ = std::move(*made);
  }
  EventLog& log() { return *log_; }
  bool reopen() {
    log_.reset();
    auto opened = RocksdbLog::open(directory_.path() / "ledger");
    EXPECT_TRUE(opened) << opened.error().to_string();
    if (opened) log_ = std::move(*opened);
    return true;
  }
  TemporaryDirectory directory_;
  std::unique_ptr<RocksdbLog> log_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(RocksdbLog, EventLogContract, RocksdbHarness);

}  // namespace
}  // namespace leaseledger::test
