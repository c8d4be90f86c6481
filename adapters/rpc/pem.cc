#include "adapters/rpc/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <iterator>
#include <memory>

namespace leaseledger::rpc {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio bio_of(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

/// Instead of the question at the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace

Result<std::string> read_pem(const std::string& path, const char* what) {
  std::ifstream in(path, std::ios::binary);
  if (!in || path.empty()) return invalid(what, path, "a PEM file that can be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<std::vector<kj::TlsCertificate>> certificates_of(const std::string& path, const char* what) {
  static const std::string begin_line = "-----BEGIN CERTIFICATE-----";
  static const std::string end_line = "-----END CERTIFICATE-----";
  LEASELEDGER_ASSIGN(const std::string pem, read_pem(path, what));
  std::vector<kj::TlsCertificate> out;
  for (std::size_t begin = pem.find(begin_line); begin != std::string::npos;
       begin = pem.find(begin_line, begin + 1)) {
    const std::size_t end = pem.find(end_line, begin);
    if (end == std::string::npos)
      return invalid(what, path, "certificates in PEM, all of them whole");
    const std::string one = pem.substr(begin, end + end_line.size() - begin) + "\n";
    if (kj::runCatchingExceptions(
            [&] { out.emplace_back(kj::StringPtr(one.c_str(), one.size())); }) != nullptr)
      return invalid(what, path, "certificates in PEM");
  }
  if (out.empty()) return invalid(what, path, "at least one certificate in PEM");
  return out;
}

bool fit_together(const std::string& certificate_pem, const std::string& key_pem) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio_of(certificate_pem).get(), nullptr, no_passphrase, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio_of(key_pem).get(), nullptr, no_passphrase, nullptr),
      EVP_PKEY_free);
  const bool out = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return out;
}

}  // namespace leaseledger::rpc
