// Driver of SQLite: the tables, constraints and audit trigger of sqlite.sql, in this process.

#include "tools/bench/peers/driver.h"

#include <mutex>
#include <sqlite3.h>

namespace leaseledger::bench {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

void actor(sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_text(context, "bench", -1, SQLITE_STATIC);
}

// The one connection that writes. SQLite has one writer at a time however many connections there are, and waits for
// it by sleeping; threads that queue for one connection lose less.
class Database {
 public:
  Database(const std::string& path, const std::string& schema) {
    sqlite3* opened = nullptr;
    const int status = sqlite3_open(path.c_str(), &opened);
    database_.reset(opened);
    if (status != SQLITE_OK) fail("open " + path);
    // 256 MiB of pages stay in memory, and the log grows to 64 MiB before it is copied into the database.
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
        "PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 16384");
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    if (sqlite3_create_function(opened, "actor", 0, flags, nullptr, actor, nullptr, nullptr)) {
      fail("actor()");
    }
    run(schema);
    insert_ = prepare(
        "INSERT INTO lease (address, subnet_id, duid, iaid, preferred_seconds, valid_seconds, "
        "host_name) VALUES (?, ?, ?, ?, ?, ?, ?)");
    begin_ = prepare("BEGIN IMMEDIATE");
    commit_ = prepare("COMMIT");
  }

  void run(const std::string& sql) {
    if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr)) fail(sql);
  }

  std::string ask(const char* query) {
    const Statement statement = prepare(query);
    if (sqlite3_step(statement.get()) != SQLITE_ROW) fail(query);
    return reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
  }

  void create(std::uint64_t first, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    if (count > 1) step(begin_);
    for (std::uint64_t number = first; number < first + count; ++number) {
      if (insert(made_up_lease(number)) != SQLITE_DONE) fail("INSERT");
    }
    if (count > 1) step(commit_);
  }

  std::string create_one(const Lease& lease) {
    const std::lock_guard lock(mutex_);
    const int status = insert(lease);
    if (status == SQLITE_DONE) return {};
    if ((status & 0xff) != SQLITE_CONSTRAINT) fail("INSERT");
    return refusal_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw DriverError(what + ": " + sqlite3_errmsg(database_.get()));
  }

  Statement prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr)) {
      fail(sql);
    }
    return Statement(statement);
  }

  void step(const Statement& statement) {
    const int status = sqlite3_step(statement.get());
    sqlite3_reset(statement.get());
    if (status != SQLITE_DONE) fail(sqlite3_sql(statement.get()));
  }

  int insert(const Lease& lease) {
    sqlite3_stmt* s = insert_.get();
    sqlite3_bind_blob(s, 1, lease.address.data(), static_cast<int>(lease.address.size()), nullptr);
    sqlite3_bind_int64(s, 2, lease.subnet);
    sqlite3_bind_blob(s, 3, lease.duid.data(), static_cast<int>(lease.duid.size()), nullptr);
    sqlite3_bind_int64(s, 4, lease.iaid);
    sqlite3_bind_int64(s, 5, kPreferredSeconds);
    sqlite3_bind_int64(s, 6, kValidSeconds);
    const auto size = static_cast<int>(lease.host_name.size());
    sqlite3_bind_text(s, 7, lease.host_name.data(), size, nullptr);
    const int status = sqlite3_step(s);
    if (status != SQLITE_DONE) refusal_ = sqlite3_errmsg(database_.get());
    sqlite3_reset(s);
    return status;
  }

  std::unique_ptr<sqlite3, CloseDatabase> database_;
  Statement insert_;
  Statement begin_;
  Statement commit_;
  std::string refusal_;
  std::mutex mutex_;
};

class SqliteCaller : public Caller {
 public:
  explicit SqliteCaller(Database& database) : database_(database) {}
  void create(std::uint64_t first, std::uint64_t count) override { database_.create(first, count); }
  std::string create_one(const Lease& lease) override { return database_.create_one(lease); }

 private:
  Database& database_;
};

class Sqlite : public Peer {
 public:
  Sqlite(const std::string& path, const std::string& schema, const DriverOptions& options)
      : database_(path, schema), options_(options) {
    database_.run("BEGIN");
    for (std::uint32_t subnet = 0; subnet < subnets_for(options.leases); ++subnet) {
      database_.run("INSERT INTO subnet VALUES (" + std::to_string(subnet) + ", '" +
                    address_text(subnet_prefix(subnet)) + "/64')");
    }
    database_.run("COMMIT");
  }

  std::string name() override { return std::string("SQLite ") + sqlite3_libversion(); }

  std::string durability() override {
    const bool full = database_.ask("PRAGMA synchronous") == "2";  // 2 is FULL
    if (full && database_.ask("PRAGMA journal_mode") == "wal") return "fsync before the answer";
    return "none: not WAL with synchronous=FULL";
  }

  std::string note() override {
    std::string note = "in the caller's process; SQLite: 256 MiB of cache";
    if (options_.batch > 1) note += "; one transaction for a batch";
    if (options_.callers > 1) note += "; the threads take turns, there is one writer";
    note += "; an audit row for each lease, by trigger";
    return note;
  }
  std::string callers_are() const override { return "threads"; }
  std::unique_ptr<Caller> connect() override { return std::make_unique<SqliteCaller>(database_); }

  std::uint64_t count_leases() override {
    const auto leases = std::stoull(database_.ask("SELECT count(*) FROM lease"));
    const auto audited = std::stoull(
        database_.ask("SELECT count(DISTINCT json_extract(new_row, '$[0]')) FROM lease_audit "
                      "WHERE operation = 'INSERT'"));
    if (leases != audited) {
      throw DriverError(std::to_string(leases) + " leases, but " + std::to_string(audited) +
                        " creates in the audit table");
    }
    return leases;
  }

 private:
  Database database_;
  DriverOptions options_;
};

}  // namespace
}  // namespace leaseledger::bench

int main(int argc, char** argv) {
  using namespace leaseledger::bench;
  CLI::App app{"Creates leases in SQLite", "peer-sqlite"};
  DriverOptions options;
  add_driver_options(app, options);
  std::string path;
  std::string schema;
  app.add_option("--database", path, "File of the database, which must not exist yet")
      ->required()
      ->check(CLI::NonexistentPath);
  app.add_option("--schema", schema, "The file sqlite.sql")->required()->check(CLI::ExistingFile);
  return driver_main(app, argc, argv, [&] {
    Sqlite sqlite(path, file_text(schema), options);
    drive(sqlite, options);
  });
}
