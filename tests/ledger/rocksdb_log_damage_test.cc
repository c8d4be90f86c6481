// Any damage to any file of a ledger: opening and reading everything gives a clear error, or exactly the right records.

#include "ledger/merkle_tree.h"
#include "tests/support/damage.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/victim.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace leaseledger::test {
namespace {

namespace fs = std::filesystem;

constexpr Position kRecords = 4000;
enum Outcome : int {
  kRight = 0,
  kWrong = 1,
  kRefused = 10,
  kRefusedInReading = 11,
  kChangedByRefusal = 12,
  kUnclear = 13
};

/// Every file below `path`, by name relative to it.
std::map<std::string, std::string> contents(const fs::path& path) {
  std::map<std::string, std::string> out;
  for (const auto& file : fs::recursive_directory_iterator(path)) {
    if (file.is_regular_file())
      out[fs::relative(file.path(), path).string()] = read_file(file.path());
  }
  return out;
}

void store(const fs::path& path, const std::map<std::string, std::string>& files) {
  fs::remove_all(path);
  for (const auto& [name, bytes] : files) {
    fs::create_directories((path / name).parent_path());
    write_file(path / name, bytes);
  }
}

/// "000012.sst" and "000015.sst" are of one kind.
std::string kind_of(const std::string& name) {
  const fs::path path(name);
  if (path.extension() == ".sst" || path.extension() == ".log") return path.extension().string();
  const std::string stem = path.filename().string();
  return stem.substr(0, stem.find_first_of("-."));
}

class RocksdbLogDamage : public ::testing::Test {
 protected:
  static RocksdbLogOptions options() {
    RocksdbLogOptions out;
    out.write_buffer_bytes = 64 << 10;
    return out;
  }

  /// A ledger with records in table files, in closed WALs and in the live one.
  static int build(const fs::path& path) {
    Random random(1);
    for (const Position until : {kRecords / 4, kRecords / 2, kRecords}) {
      auto log = fs::exists(path) ? RocksdbLog::open(path, options())
                                  : RocksdbLog::create(path, options());
      if (!log) return 1;
      const auto epoch = (*log)->begin_epoch();
      while ((*log)->tail() < until) {
        const Position tail = (*log)->tail();
        const RecordBatch batch =
            made_up_batch(tail + 1, std::min<std::size_t>(until - tail, 1 + random.below(90)));
        if (!(*log)->append({tail, *epoch, batch_id(tail + 1), batch})) return 1;
      }
    }
    return 0;
  }

  /// In a child: what becomes of the ledger in `path`.
  int judge(const fs::path& path) {
    const auto before = contents(path);
    {
      auto log = RocksdbLog::open(path, options());
      if (log) {
        const int outcome = judge(**log);
        log->reset();
        return outcome;
      }
      error_ = log.error();
    }
    if (error_.expected.empty() ||
        (error_.kind != ErrorKind::kCorrupt && error_.kind != ErrorKind::kNotFound))
      return kUnclear;
    auto after = contents(path);
    after["LOCK"] = before.contains("LOCK") ? before.at("LOCK") : "";
    auto expected = before;
    expected["LOCK"] = after["LOCK"];
    return after == expected ? kRefused : kChangedByRefusal;
  }
  int judge(const RocksdbLog& log) const {
    if (log.tail() != kRecords) return kWrong;
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      const auto read = read_made_up(log, 1, kRecords, direction);
      if (HasFailure()) return kWrong;
      if (!read) return kRefusedInReading;
    }
    for (const auto& [size, root] : roots_) {
      const auto head = log.tree_head(size);
      if (!head) return kRefusedInReading;
      if (head->root != root) return kWrong;
    }
    return log.verify() ? kRight : kRefusedInReading;
  }

  void SetUp() override {
    ASSERT_EQ(in_child([this] { return build(path_); }), 0);
    files_ = contents(path_);
    MerkleTree tree;
    Sha256 sha;
    CompletedTiles tiles;
    for (Position p = 1; p <= kRecords; ++p) {
      tree.append(sha.leaf(bytes_of(made_up_record(p, made_up_words(p)))), tiles);
      if (p == 1 || p == kRecords / 2 || p + 7 == kRecords || p == kRecords)
        roots_[p] = tree.root();
    }
    ASSERT_EQ(in_child([this] { return judge(path_); }), kRight);
  }

  /// Damages `name` and expects that nobody is deceived.
  int try_damage(const std::string& name,
                 const std::function<void(std::map<std::string, std::string>&)>& damage,
                 const std::string& what) {
    auto files = files_;
    damage(files);
    store(path_, files);
    const int status = in_child([&] {
      const int outcome = judge(path_);
      if (outcome != kRight && outcome != kRefused && outcome != kRefusedInReading) {
        std::printf("%s: %s: outcome %d %s\n", name.c_str(), what.c_str(), outcome,
                    error_.to_string().c_str());
      }
      return outcome;
    });
    EXPECT_TRUE(WIFEXITED(status)) << name << ": " << what << ": signal " << WTERMSIG(status);
    const int outcome = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    EXPECT_TRUE(outcome == kRight || outcome == kRefused || outcome == kRefusedInReading)
        << name << ": " << what << ": outcome " << outcome;
    ++outcomes_[kind_of(name)][outcome];
    return outcome;
  }

  /// A place in a file of `size` bytes: its beginning and its end are as likely as all the rest.
  static std::size_t place(Random& random, std::size_t size) {
    const std::size_t near = std::min<std::size_t>(size, 64);
    switch (random.below(3)) {
      case 0:
        return random.below(near);
      case 1:
        return size - 1 - random.below(near);
      default:
        return random.below(size);
    }
  }

  void print_outcomes() const {
    for (const auto& [kind, counts] : outcomes_) {
      std::printf("%-10s", kind.c_str());
      for (const auto& [outcome, count] : counts) {
        std::printf("  %s %d",
                    outcome == kRight              ? "right"
                    : outcome == kRefused          ? "refused"
                    : outcome == kRefusedInReading ? "refused in reading"
                                                   : "WRONG",
                    count);
      }
      std::printf("\n");
    }
  }

  const SeedScope scope_;
  TemporaryDirectory directory_;
  const fs::path path_ = directory_.path() / "ledger";
  std::map<std::string, std::string> files_;
  std::map<std::string, std::map<int, int>> outcomes_;
  std::map<std::uint64_t, Hash> roots_;
  Error error_;
};

TEST_F(RocksdbLogDamage, HasEveryKindOfFile) {
  std::set<std::string> kinds;
  std::size_t wals = 0;
  for (const auto& [name, bytes] : files_) {
    kinds.insert(kind_of(name));
    wals += kind_of(name) == ".log" && !bytes.empty() ? 1 : 0;
  }
  for (const char* kind : {"LEDGER", "HEAD", "LOCK", "CURRENT", "MANIFEST", "IDENTITY", "OPTIONS",
                           "LOG", ".sst", ".log"}) {
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  }
  EXPECT_GE(wals, 2U);
}

TEST_F(RocksdbLogDamage, IsNoticedWhenAFileIsLostOrEmpty) {
  for (const auto& [name, bytes] : files_) {
    for (const bool empty : {false, true}) {
      const int outcome = try_damage(
          name,
          [&, &file = name](auto& files) { empty ? files[file].clear() : void(files.erase(file)); },
          empty ? "emptied" : "deleted");
      const std::string kind = kind_of(name);
      // Nothing that was acknowledged is in these.
      if (kind == "LOCK" || kind == "IDENTITY" || kind == "OPTIONS" || kind == "LOG")
        EXPECT_EQ(outcome, kRight) << name;
      if (kind == ".sst" || kind == "MANIFEST" || kind == "CURRENT" || kind == "LEDGER" ||
          kind == "HEAD")
        EXPECT_EQ(outcome, kRefused) << name;
    }
  }
  print_outcomes();
}

TEST_F(RocksdbLogDamage, IsNoticedOrHarmlessAnywhere) {
  const auto end = std::chrono::steady_clock::now() +
                   (campaign() ? std::chrono::minutes(15) : std::chrono::seconds(25));
  Random random(2);
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files_) {
    if (bytes.empty() || kind_of(name) == "LOG") continue;
    const bool often = kind_of(name) == ".log" || kind_of(name) == "MANIFEST";
    names.insert(names.end(), often ? 4 : 1, name);
  }
  int trials = 0;
  while (std::chrono::steady_clock::now() < end && !HasFailure()) {
    for (const auto& name : names) {
      const std::size_t size = files_[name].size();
      const std::size_t at = place(random, size);
      const std::size_t bit = random.below(8);
      const std::string where = " at " + std::to_string(at) + " of " + std::to_string(size);
      switch (random.below(4)) {
        case 0:
        case 1:
          try_damage(
              name, [&](auto& files) { flip_bit(files[name], at * 8 + bit); },
              "bit " + std::to_string(bit) + where);
          break;
        case 2:
          try_damage(
              name,
              [&](auto& files) {
                const std::size_t sector = at / 512 * 512;
                std::fill_n(files[name].begin() + static_cast<std::ptrdiff_t>(sector),
                            std::min<std::size_t>(512, size - sector), '\0');
              },
              "zeroed sector" + where);
          break;
        default:
          try_damage(
              name, [&](auto& files) { files[name].resize(at); }, "cut" + where);
      }
      ++trials;
    }
  }
  std::printf("%d trials\n", trials);
  print_outcomes();
}

}  // namespace
}  // namespace leaseledger::test
