#include "replay/verify.h"

#include "ledger/duid.h"
#include "ledger/merkle_proof.h"
#include "ledger/merkle_tree.h"
#include "replay/fold_queue.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

namespace leaseledger {
namespace {

using Steady = std::chrono::steady_clock;

/// The tree is compared at every multiple of this, and at the end; then the first record that differs is looked for.
constexpr std::uint64_t kCompareEvery = 4096;

/// Bytes of records that follow each other, handed from the one thread to the other.
struct Chunk {
  Position first = 0;
  std::string bytes;
  std::vector<std::size_t> ends;
};
constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::size_t kChunksWaiting = 8;

/// Hashes records in a thread of its own and compares the tree that they make with the stored one.
class HashChecker {
 public:
  explicit HashChecker(const EventLog& log) : log_(log), thread_([this] { run(); }) {}
  ~HashChecker() { stop(); }
  HashChecker(const HashChecker&) = delete;
  HashChecker& operator=(const HashChecker&) = delete;

  void add(const StoredRecord& stored) {
    if (filling_.ends.empty()) filling_.first = stored.position;
    filling_.bytes.append(reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size());
    filling_.ends.push_back(filling_.bytes.size());
    if (filling_.bytes.size() >= kChunkBytes) hand_over();
  }

  /// After the last record: the tree's head, and what was found.
  TreeHead finish(std::vector<Finding>& findings) {
    hand_over();
    stop();
    findings.insert(findings.end(), findings_.begin(), findings_.end());
    return {tree_.size(), tree_.root()};
  }

 private:
  void hand_over() {
    if (filling_.ends.empty()) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.size() < kChunksWaiting; });
    waiting_.push_back(std::exchange(filling_, {}));
    if (!spare_.empty()) {
      filling_ = std::move(spare_.back());
      spare_.pop_back();
    }
    lock.unlock();
    changed_.notify_all();
  }

  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      last_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void run() {
    for (;;) {
      Chunk chunk;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return last_ || !waiting_.empty(); });
        if (waiting_.empty()) break;
        chunk = std::move(waiting_.front());
        waiting_.pop_front();
      }
      changed_.notify_all();
      std::size_t begin = 0;
      for (const std::size_t end : chunk.ends) {
        hash({reinterpret_cast<const std::uint8_t*>(chunk.bytes.data()) + begin, end - begin});
        begin = end;
      }
      chunk.bytes.clear();
      chunk.ends.clear();
      const std::lock_guard lock(mutex_);
      spare_.push_back(std::move(chunk));
    }
    compare_tree();
    compare_heads();
  }

  void hash(std::span<const std::uint8_t> record) {
    const Hash leaf = sha_.leaf(record);
    leaves_.push_back(leaf);
    tree_.append(leaf, completed_);
    completed_.clear();
    if (tree_.size() % kCompareEvery == 0) compare_tree();
  }

  /// The tree so far against the stored one of the same size. The records since the last comparison are then forgotten.
  void compare_tree() {
    const std::uint64_t size = tree_.size();
    const auto stored = log_.tree_head(size);
    if (!stored) {
      findings_.push_back({"hashes", size, stored.error().to_string()});
    } else if (stored->root == tree_.root()) {
      if (size != 0) heads_.push_back(*stored);
      if (heads_.size() > 64)
        std::erase_if(heads_, [&, i = 0](const TreeHead&) mutable { return i++ % 2 == 0; });
    } else if (!differs_) {
      differs_ = true;
      findings_.push_back({"hashes", first_difference(size, *stored),
                           "its bytes are not those that were hashed when it was written"});
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

  void compare_heads() {
    const TreeHead head{tree_.size(), tree_.root()};
    for (const TreeHead& old : heads_) {
      const auto proof = log_.consistency_proof(old.size, head.size);
      if (!proof || !verify_consistency(old.size, head.size, old.root, head.root, *proof)) {
        findings_.push_back({"tree", old.size,
                             "the stored tree of this size is not the beginning of the whole one"});
        break;
      }
    }
  }

  const EventLog& log_;
  // The thread's own until it has ended.
  Sha256 sha_;
  MerkleTree tree_;
  CompletedTiles completed_;
  std::vector<Hash> leaves_;  // since the last comparison
  std::uint64_t first_leaf_ = 0;
  std::vector<TreeHead> heads_;
  bool differs_ = false;
  std::vector<Finding> findings_;

  Chunk filling_;  // the caller's
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Chunk> waiting_;
  std::vector<Chunk> spare_;
  bool last_ = false;
  std::thread thread_;
};

class Verifier {
 public:
  Verifier(const EventLog& log, VerifyReport& report)
      : report_(report), hashes_(log), queue_(book_) {}

  void visit(const StoredRecord& stored) {
    if (stored.position != next_)
      add("positions", stored.position, "the record before it is missing");
    next_ = stored.position + 1;
    hashes_.add(stored);
    Record& record = queue_.next();
    if (const auto decoded = decode_fact(stored.bytes, record); !decoded) {
      add("records", stored.position, decoded.error().to_string());
      stop_folding(queue_.finish());
      fold_stopped_ = true;
      return;
    }
    if (record.position != stored.position)
      add("positions", stored.position, "it says " + std::to_string(record.position) + " inside");
    if (record.recorded_at <= last_time_)
      add("times", stored.position,
          "recorded " + format_instant(record.recorded_at) + ", not after the record before it");
    last_time_ = record.recorded_at;
    if (!fold_stopped_) stop_folding(queue_.push());
  }

  void finish(const LeaseBook* live) {
    if (!fold_stopped_) stop_folding(queue_.finish());
    report_.head = hashes_.finish(report_.findings);
    if (report_.head.size != report_.tail)
      add("positions", report_.head.size + 1,
          "the log says that it has " + std::to_string(report_.tail) + " records");
    if (fold_stopped_) return;
    if (const auto sound = book_.check_invariants(); !sound)
      add("invariants", 0, sound.error().to_string());
    std::future<Hash> of_live;
    if (live != nullptr && live->position() == book_.position())
      of_live = std::async(std::launch::async, [live] { return live->digest(); });
    report_.book_digest = book_.digest();
    report_.leases = book_.lease_count();
    report_.subnets = book_.subnets().size();
    if (of_live.valid() && of_live.get() != report_.book_digest) {
      add("book", book_.position(), "the live state is not what the log folds to");
    }
  }

  void add(std::string check, Position position, std::string what) {
    if (report_.findings.size() < 100)
      report_.findings.push_back({std::move(check), position, std::move(what)});
  }

 private:
  void stop_folding(const Status& folded) {
    if (folded || fold_stopped_) return;
    add("fold", book_.position() + 1, folded.error().expected);
    fold_stopped_ = true;
  }

  VerifyReport& report_;
  HashChecker hashes_;
  LeaseBook book_;
  FoldQueue queue_;
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
  report.tail = live == nullptr ? log.tail() : live->position();
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
