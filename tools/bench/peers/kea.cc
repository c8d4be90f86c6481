// Driver of Kea's memfile: lease6-add on the control socket of a running kea-dhcp6.

#include "tools/bench/peers/driver.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace leaseledger::bench {
namespace {

// Subnet 0 of the made-up leases is Kea's subnet 1: Kea takes 0 for "choose one".
std::uint32_t kea_subnet(const Lease& lease) { return lease.subnet + 1; }

std::string duid_text(const Lease& lease) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : lease.duid) {
    if (!text.empty()) text += ':';
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  return text;
}

std::string add_request(const Lease& lease) {
  char text[512];
  std::snprintf(text, sizeof text,
                R"({"command":"lease6-add","arguments":{"ip-address":"%s","duid":"%s","iaid":%u,)"
                R"("subnet-id":%u,"valid-lft":%u,"preferred-lft":%u,"hostname":"%s"}})",
                address_text(lease.address).c_str(), duid_text(lease).c_str(), lease.iaid,
                kea_subnet(lease), kValidSeconds, kPreferredSeconds, lease.host_name.c_str());
  return text;
}

class Connection {
 public:
  explicit Connection(const std::string& path) {
    descriptor_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (descriptor_ < 0 || path.size() >= sizeof address.sun_path) fail("socket " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      fail("connect " + path);
    }
  }
  ~Connection() { close(descriptor_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string ask(const std::string& request) {
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t more =
          send(descriptor_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) fail("send to Kea");
      sent += static_cast<std::size_t>(more);
    }
    std::string answer;
    char piece[65536];
    while (true) {
      const ssize_t more = recv(descriptor_, piece, sizeof piece, 0);
      if (more < 0) fail("receive from Kea");
      if (more == 0) return answer;
      answer.append(piece, static_cast<std::size_t>(more));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
  }

  int descriptor_;
};

// Kea closes a connection after one answer, so every command has its own.
class KeaCaller : public Caller {
 public:
  explicit KeaCaller(std::string socket) : socket_(std::move(socket)) {}

  void create(std::uint64_t first, std::uint64_t) override {
    const std::string answer = Connection(socket_).ask(add_request(made_up_lease(first)));
    if (answer.find(R"("result": 0)") == std::string::npos) {
      throw DriverError("lease6-add of lease " + std::to_string(first) + ": " + answer);
    }
  }

  std::string create_one(const Lease& lease) override {
    const auto answer = nlohmann::json::parse(Connection(socket_).ask(add_request(lease)));
    const int result = answer.at("result");
    if (result == 0) return {};
    // 1 is an error, 4 a conflict, which Kea 2.2 does not tell apart.
    if (result == 1 || result == 4) return answer.at("text");
    throw DriverError("lease6-add: " + answer.dump());
  }

 private:
  std::string socket_;
};

class Kea : public Peer {
 public:
  Kea(std::string socket, const DriverOptions& options)
      : socket_(std::move(socket)), many_(options.callers > 1) {
    if (options.batch != 1) {
      throw DriverError("Kea has no command that creates many leases and refuses those that exist");
    }
  }

  std::string name() override {
    const auto answer = ask({{"command", "version-get"}});
    return "Kea " + answer.at("text").get<std::string>() + " memfile";
  }
  std::string durability() override { return "none: written, never synced"; }
  std::string note() override {
    return std::string(
               "a connection for each command, as Kea closes it; does not refuse the same "
               "DUID and IAID at a second address") +
           (many_ ? "; Kea serves its control socket with one thread" : "");
  }
  std::string callers_are() const override { return "connections"; }
  bool one_address_per_client() const override { return false; }
  std::unique_ptr<Caller> connect() override { return std::make_unique<KeaCaller>(socket_); }

  std::uint64_t count_leases() override {
    static constexpr unsigned kPage = 1000;
    std::uint64_t count = 0;
    std::string from = "start";
    while (true) {
      const auto answer =
          ask({{"command", "lease6-get-page"}, {"arguments", {{"from", from}, {"limit", kPage}}}});
      if (answer.at("result") == 3) return count;  // an empty page
      const auto& leases = answer.at("arguments").at("leases");
      count += leases.size();
      if (leases.size() < kPage) return count;
      from = leases.back().at("ip-address");
    }
  }

 private:
  nlohmann::json ask(const nlohmann::json& command) {
    auto answer = nlohmann::json::parse(Connection(socket_).ask(command.dump()));
    const int result = answer.at("result");
    if (result != 0 && result != 3) throw DriverError(command.dump() + ": " + answer.dump());
    return answer;
  }

  std::string socket_;
  bool many_;
};

// Everything that costs Kea something and that no create needs is off: the clean-up of the lease file, all log
// messages below WARN, network interfaces.
nlohmann::ordered_json configuration(const std::string& directory, const std::string& hook,
                                     std::uint64_t leases) {
  nlohmann::ordered_json subnets = nlohmann::ordered_json::array();
  for (std::uint32_t subnet = 0; subnet < subnets_for(leases); ++subnet) {
    subnets.push_back(
        {{"id", subnet + 1}, {"subnet", address_text(subnet_prefix(subnet)) + "/64"}});
  }
  return {
      {"Dhcp6",
       {{"data-directory", directory},
        {"interfaces-config", {{"interfaces", nlohmann::ordered_json::array()}}},
        {"control-socket", {{"socket-type", "unix"}, {"socket-name", directory + "/control"}}},
        {"lease-database",
         {{"type", "memfile"},
          {"persist", true},
          {"name", directory + "/kea-leases6.csv"},
          {"lfc-interval", 0}}},
        {"valid-lifetime", kValidSeconds},
        {"preferred-lifetime", kPreferredSeconds},
        {"hooks-libraries", nlohmann::ordered_json::array({{{"library", hook}}})},
        {"subnet6", subnets},
        {"loggers", nlohmann::ordered_json::array(
                        {{{"name", "kea-dhcp6"},
                          {"severity", "WARN"},
                          {"output_options", nlohmann::ordered_json::array(
                                                 {{{"output", directory + "/kea.log"}}})}}})}}}};
}

}  // namespace
}  // namespace leaseledger::bench

int main(int argc, char** argv) {
  using namespace leaseledger::bench;
  CLI::App app{"Creates leases in Kea", "peer-kea"};
  DriverOptions options;
  add_driver_options(app, options);
  std::string socket;
  auto* socket_option = app.add_option("--socket", socket, "Control socket of kea-dhcp6");
  std::string directory;
  std::string hook;
  auto* hook_option = app.add_option("--hook", hook, "The library libdhcp_lease_cmds.so");
  app.add_option("--configuration-for", directory,
                 "Print the configuration of a kea-dhcp6 that keeps everything in this directory, "
                 "with control socket DIRECTORY/control; nothing is measured")
      ->excludes(socket_option)
      ->needs(hook_option);
  return driver_main(app, argc, argv, [&] {
    if (!directory.empty()) {
      std::cout << configuration(directory, hook, options.leases).dump(1) << "\n";
      return;
    }
    if (socket.empty()) throw DriverError("--socket or --configuration-for is missing");
    Kea kea(socket, options);
    drive(kea, options);
  });
}
