#include "replay/verify.h"

#include "ledger/duid.h"
#include "ledger/merkle_proof.h"
#include "ledger/merkle_tree.h"

#include <chrono>

namespace leaseledger {
namespace {

using Steady = std::chrono::steady_clock;

/// The tree is compared at every multiple of this, and at the end; then the first record that differs is looked for.
constexpr std::uint64_t kCompareEvery = 4096;

class Verifier {
 public:
  Verifier(const EventLog& log, VerifyReport& report) : log_(log), report_(report) {}

  void visit(const StoredRecord& stored) {
    if (stored.position != next_)
      add("positions", stored.position, "the record before it is missing");
    next_ = stored.position + 1;
    const Hash leaf = sha_.leaf(stored.bytes);
    leaves_.push_back(leaf);
    tree_.append(leaf, completed_);
    completed_.clear();
    if (tree_.size() % kCompareEvery == 0) compare_tree();

    if (const auto decoded = decode_record(stored.bytes, record_); !decoded) {
      add("records", stored.position, decoded.error().to_string());
      fold_stopped_ = true;
      return;
    }
    if (record_.position != stored.position)
      add("positions", stored.position, "it says " + std::to_string(record_.position) + " inside");
    if (record_.recorded_at <= last_time_)
      add("times", stored.position,
          "recorded " + format_instant(record_.recorded_at) + ", not after the record before it");
    last_time_ = record_.recorded_at;
    if (fold_stopped_) return;
    if (const auto folded = evolve(book_, record_); !folded) {
      add("fold", stored.position, folded.error().expected);
      fold_stopped_ = true;
    }
  }

  void finish(const LeaseBook* live) {
    compare_tree();
    report_.head = {tree_.size(), tree_.root()};
    if (tree_.size() != report_.tail)
      add("positions", tree_.size() + 1,
          "the log says that it has " + std::to_string(report_.tail) + " records");
    for (const TreeHead& old : heads_) {
      const auto proof = log_.consistency_proof(old.size, report_.head.size);
      if (!proof ||
          !verify_consistency(old.size, report_.head.size, old.root, report_.head.root, *proof)) {
        add("tree", old.size, "the stored tree of this size is not the beginning of the whole one");
        break;
      }
    }
    if (fold_stopped_) return;
    if (const auto sound = book_.check_invariants(); !sound)
      add("invariants", 0, sound.error().to_string());
    report_.book_digest = book_.digest();
    report_.leases = book_.lease_count();
    report_.subnets = book_.subnets().size();
    if (live != nullptr && live->position() == book_.position() &&
        live->digest() != report_.book_digest) {
      add("book", book_.position(), "the live state is not what the log folds to");
    }
  }

  void add(std::string check, Position position, std::string what) {
    if (report_.findings.size() < 100)
      report_.findings.push_back({std::move(check), position, std::move(what)});
  }

 private:
  /// The tree so far against the stored one of the same size. The records since the last comparison are then forgotten.
  void compare_tree() {
    const std::uint64_t size = tree_.size();
    const auto stored = log_.tree_head(size);
    if (!stored) {
      add("hashes", size, stored.error().to_string());
    } else if (stored->root == tree_.root()) {
      if (size != 0) heads_.push_back(*stored);
      if (heads_.size() > 64)
        std::erase_if(heads_, [&, i = 0](const TreeHead&) mutable { return i++ % 2 == 0; });
    } else if (!differs_) {
      differs_ = true;
      add("hashes", first_difference(size, *stored),
          "its bytes are not those that were hashed when it was written");
    }
    leaves_.clear();
    first_leaf_ = size;
  }

  /// The first record since the last comparison whose leaf the stored tree does not contain.
  Position first_difference(std::uint64_t size, const TreeHead& stored) {
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      const Position position = first_leaf_ + i + 1;
      const auto proof = log_.inclusion_proof(position, size);
      if (!proof || !verify_inclusion(leaves_[i], position - 1, size, *proof, stored.root))
        return position;
    }
    return first_leaf_ + 1;
  }

  const EventLog& log_;
  VerifyReport& report_;
  Record record_;
  Sha256 sha_;
  MerkleTree tree_;
  CompletedTiles completed_;
  std::vector<Hash> leaves_;  // since the last comparison
  std::uint64_t first_leaf_ = 0;
  std::vector<TreeHead> heads_;
  bool differs_ = false;
  LeaseBook book_;
  bool fold_stopped_ = false;
  Position next_ = 1;
  Instant last_time_ = kUnset;
};

double seconds_since(Steady::time_point started) {
  return std::chrono::duration<double>(Steady::now() - started).count();
}

}  // namespace

Result<VerifyReport> verify(const EventLog& log, const LeaseBook* live, const Progress& progress) {
  const auto started = Steady::now();
  VerifyReport report;
  report.tail = log.tail();
  Verifier verifier(log, report);
  bool stopped = false;
  const auto scanned =
      log.read(1, report.tail, Direction::kForward, [&](const StoredRecord& stored) {
        verifier.visit(stored);
        if (progress && (stored.position & 0x3FFF) == 0)
          stopped = !progress(stored.position, report.tail);
        return !stopped;
      });
  if (stopped)
    return fail(Win32::kOperationAborted, ErrorKind::kBusy, "", "", "to be let run to its end");
  if (!scanned) verifier.add("records", 0, scanned.error().to_string());
  verifier.finish(live);
  report.seconds = seconds_since(started);
  return report;
}

Result<ReplayReport> replay(const EventLog& log, const LeaseBook& live, const Progress& progress) {
  const auto started = Steady::now();
  ReplayReport report;
  report.tail = live.position();
  LEASELEDGER_ASSIGN(const LeaseBook book, book_at(log, nullptr, report.tail, progress));
  report.seconds = seconds_since(started);
  report.replayed = book.digest();
  report.live = live.digest();
  report.leases = book.lease_count();
  return report;
}

}  // namespace leaseledger
