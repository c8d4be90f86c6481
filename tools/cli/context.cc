#include "tools/cli/context.h"

#include "adapters/rpc/client.h"
#include "adapters/service/local_service.h"
#include "commands/command_json.h"
#include "tools/cli/render.h"

#include <chrono>
#include <cstdlib>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace leaseledger::cli {
namespace {

bool in_group(const char* name) {
  std::vector<char> buffer(16384);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return false;
  if (::getegid() == found->gr_gid) return true;
  std::vector<gid_t> groups(256);
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  for (int i = 0; i < count; ++i) {
    if (groups[static_cast<std::size_t>(i)] == found->gr_gid) return true;
  }
  return false;
}

/// The embedded ledger's rule: root, the directory's owner and the group dhcp-administrators administer it; the group
/// dhcp-users reads it.
Role role_of_caller(const std::filesystem::path& directory) {
  struct stat info {};
  const bool there = ::stat(directory.c_str(), &info) == 0;
  if (::geteuid() == 0 || !there || info.st_uid == ::geteuid() || in_group("dhcp-administrators"))
    return Role::kAdministrator;
  return in_group("dhcp-users") ? Role::kUser : Role::kNone;
}

std::string user_name() {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr)
    return found->pw_name;
  return std::to_string(::geteuid());
}

}  // namespace

int exit_code_of(const Error& error) {
  if (error.code == Win32::kRpcServerUnavailable || error.code == Win32::kTimeout ||
      error.code == Win32::kDhcpServerNameNotResolved)
    return kUnreachable;
  switch (error.kind) {
    case ErrorKind::kInvalid:
      return kUsage;
    case ErrorKind::kDenied:
      return kDenied;
    case ErrorKind::kRefused:
      return kNegative;
    case ErrorKind::kNotFound:
      return kNegative;
    case ErrorKind::kConflict:
      return kConflict;
    case ErrorKind::kBusy:
      return kOverloaded;
    case ErrorKind::kCorrupt:
      return kTampered;
    case ErrorKind::kIo:
      return kInternal;
  }
  return kInternal;
}

Status Context::choose_ledger(bool server_given, bool directory_given,
                              const std::string& server_variable,
                              const std::string& directory_variable) {
  if (server_given && directory_given)
    return invalid("--server", server, "one of --server and --ledger, not both");
  if (server_given && server.empty())
    return invalid("--server", server, "unix:PATH or tls:HOST:PORT");
  if (directory_given && directory.empty())
    return invalid("--ledger", directory, "the directory of a ledger");
  if (!server_given && !directory_given) {
    server = server_variable;
    if (server.empty()) directory = directory_variable;
    if (server.empty() && directory.empty() && ::access(rpc::kDefaultSocket, F_OK) == 0)
      server = std::string("unix:") + rpc::kDefaultSocket;
  }
  const char* home = std::getenv("HOME");
  const auto default_file = [&](std::string& file, const char* name) {
    if (!file.empty() || home == nullptr) return;
    const auto path = std::filesystem::path(home) / ".config/leaseledger" / name;
    if (::access(path.c_str(), R_OK) == 0) file = path.string();
  };
  default_file(tls_ca, "ca.pem");
  default_file(tls_certificate, "client.pem");
  default_file(tls_key, "client.key");
  return {};
}

Result<std::filesystem::path> Context::path() const {
  if (!server.empty()) {
    return invalid("--server", server,
                   "--ledger DIR: this is done to a directory, on the daemon's machine and while "
                   "the daemon is stopped");
  }
  if (directory.empty()) {
    return invalid("--ledger", "",
                   "the directory of a ledger, here or in LEASELEDGER_DIR ('leaseledger --ledger "
                   "DIR init' makes one), or a daemon with --server or in LEASELEDGER_SERVER");
  }
  return std::filesystem::path(directory);
}

Result<std::optional<Role>> Context::wanted_role() const {
  if (role.empty()) return std::optional<Role>();
  for (const Role each : {Role::kAdministrator, Role::kUser, Role::kNone}) {
    if (role == name_of(each)) return std::optional(each);
  }
  return invalid("--role", role, "administrator, user or none");
}

Result<Principal> Context::principal(const std::string& door) const {
  Principal who{"unix:" + user_name(), Role::kNone, door};
  LEASELEDGER_ASSIGN(const auto where, path());
  who.role = role_of_caller(where);
  LEASELEDGER_ASSIGN(const auto wanted, wanted_role());
  if (wanted) {
    if (*wanted > who.role) {
      return fail(Win32::kAccessDenied, ErrorKind::kDenied, "--role", role,
                  "at most the role that you have, " + std::string(name_of(who.role)));
    }
    who.role = *wanted;
  }
  return who;
}

Result<Opened> Context::open(Role needed, const std::string& door) const {
  return server.empty() ? open_directory(needed, door) : connect(door);
}

Result<Opened> Context::open_directory(Role needed, const std::string& door) const {
  LEASELEDGER_ASSIGN(const auto where, path());
  LEASELEDGER_ASSIGN(const Principal who, principal(door));
  if (needed == Role::kUser && who.role < Role::kUser) {
    return fail(Win32::kAccessDenied, ErrorKind::kDenied, "principal", who.name,
                "a DHCP user or administrator (groups dhcp-users, dhcp-administrators, or the "
                "owner of the directory)");
  }
  LedgerOptions options;
  options.read_only = ::access(where.c_str(), F_OK) == 0 && ::access(where.c_str(), W_OK) != 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(wait_seconds);
  auto ledger = Ledger::open(where, options);
  while (!ledger && ledger.error().kind == ErrorKind::kBusy &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    ledger = Ledger::open(where, options);
  }
  unreachable_ = !ledger && ledger.error().kind == ErrorKind::kNotFound;
  if (!ledger) return tl::unexpected(ledger.error());
  std::shared_ptr<Ledger> shared = std::move(*ledger);
  auto service = make_local_service(shared, {.principal = who, .started_at = now_});
  return Opened(std::move(shared), std::move(service));
}

Result<Opened> Context::connect(const std::string& tool) const {
  LEASELEDGER_ASSIGN(const auto wanted, wanted_role());
  if (!(timeout_seconds >= 0.001 && timeout_seconds <= 1e6))
    return invalid("--timeout", std::to_string(timeout_seconds), "0.001 to 1000000 seconds");
  const auto timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_seconds * 1000));
  rpc::ClientOptions options;
  options.server = server;
  options.tool = tool;
  options.role = wanted.value_or(Role::kAdministrator);
  options.ca_file = tls_ca;
  options.certificate_file = tls_certificate;
  options.key_file = tls_key;
  options.server_name = tls_server_name;
  options.connect_timeout = std::min(options.connect_timeout, timeout);
  options.call_timeout = timeout;
  auto client = rpc::Client::connect(std::move(options));
  if (!client) return tl::unexpected(client.error());
  if (wanted) {
    LEASELEDGER_ASSIGN(const ServiceInfo info, (*client)->info());
    if (*wanted > info.role) {
      return fail(Win32::kAccessDenied, ErrorKind::kDenied, "--role", role,
                  "at most the role that you have, " + std::string(name_of(info.role)));
    }
  }
  return Opened(std::move(*client));
}

Result<Envelope> Context::envelope(const Command& command) const {
  Envelope out{.command = command};
  if (!id.empty()) {
    LEASELEDGER_ASSIGN(out.id, parse_command_id(id, "--id"));
  }
  out.cause = cause;
  out.if_last_event = if_last_event;
  if (!effective_at.empty()) {
    LEASELEDGER_ASSIGN(out.effective_at, parse_time(effective_at, now_, "--effective-at"));
  }
  return out;
}

Result<int> Context::submit(const Command& command) const {
  LEASELEDGER_ASSIGN(const Envelope request, envelope(command));
  LEASELEDGER_ASSIGN(auto ledger, open(Role::kNone));
  Answer answer;
  Json records = Json::array();
  if (dry_run) {
    LEASELEDGER_ASSIGN(const auto preview, ledger->preview(std::span(&request, 1)));
    answer = preview.front().answer;
    for (const auto& record : preview.front().records) records.push_back(record_json(record));
  } else {
    LEASELEDGER_ASSIGN(auto answers, ledger->submit(std::span(&request, 1)));
    answer = std::move(answers.front());
  }
  LEASELEDGER_TRY(ledger.close());
  if (format_ != Format::kTable) {
    Json json = Json::parse(answer_to_json(answer));
    if (dry_run) json["wouldRecord"] = records;
    write_object(format_, json);
  } else if (answer.accepted()) {
    std::string text = dry_run ? "would be accepted" : "accepted";
    if (answer.first == 0) {
      text += ", nothing to change";
    } else {
      text += answer.first == answer.last ? ", position " + std::to_string(answer.first)
                                          : ", positions " + std::to_string(answer.first) + " to " +
                                                std::to_string(answer.last);
    }
    if (answer.repeated) text += " (this id was used before: the first answer again)";
    std::printf("%s\n", text.c_str());
    if (dry_run) {
      for (const auto& record : records) std::printf("  %s\n", record.dump().c_str());
    }
  }
  if (answer.accepted()) return kOk;
  const int code = report(answer.error);
  return code == kUsage ? kNegative
                        : code;  // the command was well formed enough to be refused by the rules
}

int Context::report(const Error& error) const {
  if (json_errors) {
    Json json;
    json["error"] = error_json(error);
    std::fprintf(stderr, "%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "leaseledger: %s\n", error.to_string().c_str());
  }
  return unreachable_ ? kUnreachable : exit_code_of(error);
}

}  // namespace leaseledger::cli
