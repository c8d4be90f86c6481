#include "ledger/sha256.h"

#include "ledger/check.h"

#include <openssl/evp.h>

#include <cstring>

namespace leaseledger {

struct Sha256::Impl {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  Impl() {
    LEASELEDGER_CHECK(algorithm != nullptr && context != nullptr);
    LEASELEDGER_CHECK(EVP_DigestInit_ex2(context, algorithm, nullptr) == 1);
  }
  ~Impl() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::start() {
  LEASELEDGER_CHECK(EVP_DigestInit_ex2(impl_->context, nullptr, nullptr) == 1);
}

void Sha256::update(std::span<const std::uint8_t> bytes) {
  LEASELEDGER_CHECK(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1);
}

Hash Sha256::finish() {
  Hash out;
  unsigned int size = 0;
  LEASELEDGER_CHECK(EVP_DigestFinal_ex(impl_->context, out.data(), &size) == 1 &&
                    size == out.size());
  return out;
}

Hash Sha256::leaf(std::span<const std::uint8_t> record) {
  static constexpr std::uint8_t kPrefix[] = {0};
  start();
  update(kPrefix);
  update(record);
  return finish();
}

Hash Sha256::node(const Hash& left, const Hash& right) {
  std::array<std::uint8_t, 65> bytes;
  bytes[0] = 1;
  std::memcpy(bytes.data() + 1, left.data(), left.size());
  std::memcpy(bytes.data() + 33, right.data(), right.size());
  start();
  update(bytes);
  return finish();
}

}  // namespace leaseledger
