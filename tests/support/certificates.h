#pragma once
// Certificates made by the openssl program, for tests of TLS.

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace leaseledger::test {

/// An authority and what it has signed, in a folder of its own.
class Certificates {
 public:
  explicit Certificates(const std::string& name = "test authority") {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=" + name +
        "' -keyout " + path("ca.key") + " -out " + path("ca.pem"));
    std::ofstream(path("index.txt"));
    std::ofstream(path("serial")) << "1000\n";
    std::ofstream(path("ca.cnf")) << "[ca]\ndefault_ca = d\n[d]\ndatabase = " << path("index.txt")
                                  << "\nserial = " << path("serial")
                                  << "\nnew_certs_dir = " << folder_.path().string()
                                  << "\ncertificate = " << path("ca.pem")
                                  << "\nprivate_key = " << path("ca.key")
                                  << "\ndefault_md = sha256\npolicy = p\nunique_subject = no\n"
                                  << "copy_extensions = copy\n[p]\ncommonName = supplied\n";
  }

  std::string path(const std::string& file) const { return (folder_.path() / file).string(); }
  std::string ca() const { return path("ca.pem"); }
  std::string certificate(const std::string& name) const { return path(name + ".pem"); }
  std::string key(const std::string& name) const { return path(name + ".key"); }

  /// NAME.pem and NAME.key. Valid for ten days from now; expired: for one that was over long ago.
  void sign(const std::string& name, const std::string& common_name, bool expired = false) const {
    if (expired) return sign_between(name, common_name, "20200101000000Z", "20200201000000Z");
    sign_with(name, common_name, "-days 10");
  }
  /// From and until: "20200101000000Z".
  void sign_between(const std::string& name, const std::string& common_name,
                    const std::string& from, const std::string& until) const {
    sign_with(name, common_name, "-startdate " + from + " -enddate " + until);
  }

 private:
  void sign_with(const std::string& name, const std::string& common_name,
                 const std::string& validity) const {
    run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=" + common_name +
        "' -addext subjectAltName=DNS:" + common_name + " -keyout " + key(name) + " -out " +
        path(name + ".csr"));
    run("ca -batch -notext -config " + path("ca.cnf") + " -in " + path(name + ".csr") + " -out " +
        certificate(name) + " " + validity);
  }
  void run(const std::string& arguments) const {
    const std::string line =
        "openssl " + arguments + " >" + path("openssl.log") + " 2>&1 </dev/null";
    if (std::system(line.c_str()) != 0) {
      std::ifstream log(path("openssl.log"));
      ADD_FAILURE() << line << "\n" << std::string(std::istreambuf_iterator<char>(log), {});
    }
  }

  TemporaryDirectory folder_;
};

/// A port of 127.0.0.1 that nobody listens on.
unsigned free_port();

}  // namespace leaseledger::test
