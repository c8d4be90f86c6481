#pragma once
// Numbers, texts and addresses of a book as octets, little-endian: docs/formats/lease_book.md. Used by
// lease_book_snapshot.cc and book_image.cc.

#include "ledger/address.h"
#include "ledger/duid.h"

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace leaseledger {

/// Passes what is written on to `sink` in pieces, the last one when it is destroyed.
class BookWriter {
 public:
  explicit BookWriter(const std::function<void(std::span<const std::uint8_t>)>& sink)
      : sink_(sink) {
    buffer_.reserve(1 << 16);
  }
  ~BookWriter() { flush(); }
  BookWriter(const BookWriter&) = delete;
  BookWriter& operator=(const BookWriter&) = delete;

  void bytes(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::uint8_t*>(data);
    buffer_.insert(buffer_.end(), begin, begin + size);
    if (buffer_.size() >= (1 << 16) - 512) flush();
  }
  template <typename T>
  void number(T value) {
    std::array<std::uint8_t, sizeof(T)> out{};
    for (std::size_t i = 0; i < sizeof(T); ++i)
      out[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
    bytes(out.data(), out.size());
  }
  void text(const std::string& value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes(value.data(), value.size());
  }
  void address(const Ipv6Address& value) {
    const auto octets = value.to_bytes();
    bytes(octets.data(), octets.size());
  }
  void prefix(const Ipv6Prefix& value) {
    address(value.address);
    number(value.length);
  }
  void duid(const Duid& value) {
    number(static_cast<std::uint8_t>(value.size()));
    bytes(value.bytes().data(), value.size());
  }
  void flush() {
    if (!buffer_.empty()) sink_(buffer_);
    buffer_.clear();
  }

 private:
  const std::function<void(std::span<const std::uint8_t>)>& sink_;
  std::vector<std::uint8_t> buffer_;
};

/// ok() is false from the first read on that found too little or what cannot be.
class BookReader {
 public:
  explicit BookReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  std::span<const std::uint8_t> bytes(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }
  template <typename T>
  T number() {
    std::uint64_t value = 0;
    const auto in = bytes(sizeof(T));
    for (std::size_t i = 0; i < in.size(); ++i)
      value |= static_cast<std::uint64_t>(in[i]) << (8 * i);
    return static_cast<T>(value);
  }
  std::string text() {
    const auto in = bytes(number<std::uint32_t>());
    return {reinterpret_cast<const char*>(in.data()), in.size()};
  }
  Ipv6Address address() {
    const auto in = bytes(16);
    return in.size() == 16 ? Ipv6Address::from_bytes(in.first<16>()) : Ipv6Address{};
  }
  Ipv6Prefix prefix() {
    const auto base = address();
    const auto length = number<std::uint8_t>();
    if (length > 128) ok_ = false;
    return {base, length};
  }
  Duid duid() {
    auto out = Duid::from_bytes(bytes(number<std::uint8_t>()));
    if (!out) {
      ok_ = false;
      return {};
    }
    return *out;
  }

 private:
  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace leaseledger
