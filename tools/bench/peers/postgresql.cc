// Driver of PostgreSQL: the tables, constraints and audit trigger of postgresql.sql, through libpq.

#include "tools/bench/peers/driver.h"

#include <cstring>
#include <fstream>
#include <libpq-fe.h>
#include <sstream>

namespace leaseledger::bench {
namespace {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;

[[noreturn]] void fail(PGconn* connection, const std::string& what) {
  const std::string message = PQerrorMessage(connection);
  throw DriverError(what + ": " + message.substr(0, message.find('\n')));  // more lines are advice
}

Connection open(const std::string& conninfo) {
  Connection connection(PQconnectdb(conninfo.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) fail(connection.get(), "connect");
  return connection;
}

void expect(PGconn* connection, const Result& result, ExecStatusType status, const char* what) {
  if (PQresultStatus(result.get()) != status) fail(connection, what);
}

std::string ask(PGconn* connection, const char* query) {
  const Result result(PQexec(connection, query));
  expect(connection, result, PGRES_TUPLES_OK, query);
  return PQgetvalue(result.get(), 0, 0);
}

// PostgreSQL's binary form of a value is the same in a parameter and in COPY: big-endian integers, an inet as
// family, bits, is-cidr, octets, address.
class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& out) : out_(out) {}

  template <typename T>
  void integer(T value) {
    for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8) {
      out_ += static_cast<char>(value >> shift);
    }
  }
  void octets(const void* data, std::size_t size) {
    out_.append(static_cast<const char*>(data), size);
  }
  void inet(const std::array<std::uint8_t, 16>& address) {
    static constexpr char kInet6[] = {3, '\x80', 0, 16};
    octets(kInet6, sizeof kInet6);
    octets(address.data(), address.size());
  }

 private:
  std::string& out_;
};

constexpr std::size_t kColumns = 7;
constexpr char kColumnNames[] =
    "address, subnet_id, duid, iaid, preferred_seconds, valid_seconds, host_name";

/// Calls `column` for each column, in the order of kColumnNames, with a function that writes its value.
template <typename Column>
void write_columns(const Lease& lease, Column&& column) {
  column([&](BinaryWriter w) { w.inet(lease.address); });
  column([&](BinaryWriter w) { w.integer(lease.subnet); });
  column([&](BinaryWriter w) { w.octets(lease.duid.data(), lease.duid.size()); });
  column([&](BinaryWriter w) { w.integer(std::uint64_t{lease.iaid}); });
  column([&](BinaryWriter w) { w.integer(std::uint64_t{kPreferredSeconds}); });
  column([&](BinaryWriter w) { w.integer(std::uint64_t{kValidSeconds}); });
  column([&](BinaryWriter w) { w.octets(lease.host_name.data(), lease.host_name.size()); });
}

class PostgresqlCaller : public Caller {
 public:
  explicit PostgresqlCaller(const std::string& conninfo) : connection_(open(conninfo)) {
    const std::string insert =
        std::string("INSERT INTO lease (") + kColumnNames + ") VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const Result result(PQprepare(connection_.get(), "create", insert.c_str(), 0, nullptr));
    expect(connection_.get(), result, PGRES_COMMAND_OK, "prepare");
  }

  void create(std::uint64_t first, std::uint64_t count) override {
    if (count > 1) return copy(first, count);
    const Result result = insert(made_up_lease(first));
    expect(connection_.get(), result, PGRES_COMMAND_OK, "INSERT");
  }

  std::string create_one(const Lease& lease) override {
    const Result result = insert(lease);
    if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    const bool refused = state && (std::strcmp(state, "23505") == 0 ||  // unique_violation
                                   std::strcmp(state, "23503") == 0);   // foreign_key_violation
    if (!refused) fail(connection_.get(), "INSERT");
    return PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
  }

 private:
  Result insert(const Lease& lease) {
    bytes_.clear();
    std::array<std::size_t, kColumns + 1> starts{};
    std::size_t column = 0;
    write_columns(lease, [&](auto&& write) {
      write(BinaryWriter(bytes_));
      starts[++column] = bytes_.size();
    });
    const char* values[kColumns];
    int lengths[kColumns];
    static constexpr int kBinary[kColumns] = {1, 1, 1, 1, 1, 1, 1};
    for (std::size_t i = 0; i < kColumns; ++i) {
      values[i] = bytes_.data() + starts[i];
      lengths[i] = static_cast<int>(starts[i + 1] - starts[i]);
    }
    return Result(
        PQexecPrepared(connection_.get(), "create", int{kColumns}, values, lengths, kBinary, 1));
  }

  // Measured against INSERT ... SELECT FROM unnest(arrays): COPY makes a quarter more leases from one connection.
  void copy(std::uint64_t first, std::uint64_t count) {
    PGconn* connection = connection_.get();
    bytes_.assign("PGCOPY\n\377\r\n\0", 11);
    BinaryWriter writer(bytes_);
    writer.integer(std::uint32_t{0});  // flags
    writer.integer(std::uint32_t{0});  // size of the header's extension
    for (std::uint64_t number = first; number < first + count; ++number) {
      writer.integer(std::uint16_t{kColumns});
      write_columns(made_up_lease(number), [&](auto&& write) {
        value_.clear();
        write(BinaryWriter(value_));
        writer.integer(static_cast<std::uint32_t>(value_.size()));
        writer.octets(value_.data(), value_.size());
      });
    }
    writer.integer(std::uint16_t{0xffff});  // end of the rows

    static const std::string copy_command =
        std::string("COPY lease (") + kColumnNames + ") FROM STDIN (FORMAT binary)";
    expect(connection, Result(PQexec(connection, copy_command.c_str())), PGRES_COPY_IN, "COPY");
    if (PQputCopyData(connection, bytes_.data(), static_cast<int>(bytes_.size())) != 1 ||
        PQputCopyEnd(connection, nullptr) != 1) {
      fail(connection, "COPY");
    }
    expect(connection, Result(PQgetResult(connection)), PGRES_COMMAND_OK, "COPY");
    while (const Result rest{PQgetResult(connection)}) {
    }
  }

  Connection connection_;
  std::string bytes_;
  std::string value_;
};

class Postgresql : public Peer {
 public:
  Postgresql(std::string conninfo, const std::string& schema, const DriverOptions& options)
      : conninfo_(std::move(conninfo)), connection_(open(conninfo_)), batch_(options.batch) {
    run("SET client_min_messages = warning");
    run(file_text(schema));
    run("BEGIN");
    for (std::uint32_t subnet = 0; subnet < subnets_for(options.leases); ++subnet) {
      run("INSERT INTO subnet VALUES (" + std::to_string(subnet) + ", '" +
          address_text(subnet_prefix(subnet)) + "/64')");
    }
    run("COMMIT");
    run("ANALYZE subnet");
    run("CHECKPOINT");
  }

  std::string name() override {
    const std::string version = PQparameterStatus(connection_.get(), "server_version");
    return "PostgreSQL " + version.substr(0, version.find(' '));  // without the packager's name
  }

  // What the server says, so that the row cannot promise more than was switched on.
  std::string durability() override {
    PGconn* connection = connection_.get();
    if (ask(connection, "SHOW fsync") == "on" &&
        ask(connection, "SHOW synchronous_commit") == "on") {
      return ask(connection, "SHOW wal_sync_method") + " before the answer";
    }
    return "none: fsync or synchronous_commit is off";
  }

  std::string note() override {
    std::string settings;
    for (const char* name : {"shared_buffers", "max_wal_size", "wal_compression"}) {
      settings += std::string(settings.empty() ? "" : ", ") + name + " " +
                  ask(connection_.get(), (std::string("SHOW ") + name).c_str());
    }
    return std::string(batch_ > 1 ? "COPY, one transaction for a batch" : "prepared INSERT") +
           "; PostgreSQL: " + settings + "; an audit row for each lease, by trigger";
  }
  std::string callers_are() const override { return "connections"; }
  std::unique_ptr<Caller> connect() override {
    return std::make_unique<PostgresqlCaller>(conninfo_);
  }

  std::uint64_t count_leases() override {
    const auto leases = std::stoull(ask(connection_.get(), "SELECT count(*) FROM lease"));
    const auto audited = std::stoull(ask(connection_.get(),
                                         "SELECT count(DISTINCT (new_row).address) FROM "
                                         "lease_audit WHERE operation = 'INSERT'"));
    if (leases != audited) {
      throw DriverError(std::to_string(leases) + " leases, but " + std::to_string(audited) +
                        " creates in the audit table");
    }
    return leases;
  }

 private:
  void run(const std::string& sql) {
    const Result result(PQexec(connection_.get(), sql.c_str()));
    expect(connection_.get(), result, PGRES_COMMAND_OK, "setting up");
  }

  std::string conninfo_;
  Connection connection_;
  unsigned batch_;
};

}  // namespace
}  // namespace leaseledger::bench

int main(int argc, char** argv) {
  using namespace leaseledger::bench;
  CLI::App app{"Creates leases in PostgreSQL; the tables are dropped and made anew",
               "peer-postgresql"};
  DriverOptions options;
  add_driver_options(app, options);
  std::string conninfo;
  std::string schema;
  app.add_option("--connection", conninfo, "Connection string as for libpq")->required();
  app.add_option("--schema", schema, "The file postgresql.sql")
      ->required()
      ->check(CLI::ExistingFile);
  return driver_main(app, argc, argv, [&] {
    Postgresql postgresql(conninfo, schema, options);
    drive(postgresql, options);
  });
}
