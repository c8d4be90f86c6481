#pragma once
// Runs the real program against a ledger of the test's own.

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <sys/wait.h>

namespace leaseledger::test {

using Json = nlohmann::json;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

class Cli : public ::testing::Test {
 protected:
  /// Runs `leaseledger ARGUMENTS` in a shell with LEASELEDGER_DIR set.
  Outcome run(const std::string& arguments, const std::string& input = "") {
    const auto in = folder_.path() / "in";
    const auto err = folder_.path() / "err";
    std::ofstream(in) << input;
    const std::string line = "LEASELEDGER_SERVER= LEASELEDGER_DIR='" + ledger() +
                             "' " LEASELEDGER_PROGRAM " " + arguments + " <'" + in.string() +
                             "' 2>'" + err.string() + "'";
    Outcome outcome;
    std::FILE* pipe = ::popen(line.c_str(), "r");
    std::array<char, 4096> buffer{};
    for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
      outcome.out.append(buffer.data(), size);
    const int status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    std::ifstream errors(err);
    outcome.err.assign(std::istreambuf_iterator<char>(errors), {});
    return outcome;
  }
  /// Runs what must work.
  std::string ok(const std::string& arguments, const std::string& input = "") {
    const Outcome outcome = run(arguments, input);
    EXPECT_EQ(outcome.code, 0) << arguments << "\n" << outcome.out << outcome.err;
    return outcome.out;
  }
  Json json(const std::string& arguments, int code = 0) {
    const Outcome outcome = run("-o json " + arguments);
    EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.err;
    return Json::parse(outcome.out, nullptr, false);
  }
  std::string ledger() const { return (folder_.path() / "ledger").string(); }

  void have_ledger() { ok("init"); }
  void have_subnet() {
    have_ledger();
    ok("subnet create 2001:db8:1::/64 --name hall --valid 12h --preferred 6h");
  }
  void have_client() {
    have_subnet();
    ok("client create 2001:db8:1::5 --duid 00:03:00:01:02:00:5e:10:00:01 --iaid 7 --name printer");
  }
  void have_recording() {
    have_ledger();
    ok("import kea " LEASELEDGER_TEST_DATA
       "/data/kea/kea-leases6.csv --config " LEASELEDGER_TEST_DATA "/data/kea/kea-dhcp6.conf");
  }

  TemporaryDirectory folder_;
};

}  // namespace leaseledger::test
