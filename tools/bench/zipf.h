#pragma once
// Numbers chosen by Zipf's law: number k is taken in proportion to 1 / (k + 1)^exponent.
// Method: rejection-inversion, W. Hoermann and G. Derflinger, "Rejection-inversion to generate variates from monotone
// discrete distributions", 1996. No table, so that it works for any count.

#include <cmath>
#include <cstdint>

namespace leaseledger::bench {

class Zipf {
 public:
  /// `exponent` above 0 and not 1.
  Zipf(std::uint64_t count, double exponent)
      : count_(static_cast<double>(count)),
        exponent_(exponent),
        low_(integral(1.5) - 1),
        high_(integral(count_ + 0.5)),
        shortcut_(2 - inverse(integral(2.5) - std::pow(2, -exponent))) {}

  /// From 64 random bits; draws more from them when it must.
  std::uint64_t pick(std::uint64_t random) const {
    for (;;) {
      const double u = high_ + static_cast<double>(random >> 11) * 0x1.0p-53 * (low_ - high_);
      const double x = inverse(u);
      double k = std::floor(x + 0.5);
      k = k < 1 ? 1 : k > count_ ? count_ : k;
      if (k - x <= shortcut_ || u >= integral(k + 0.5) - std::pow(k, -exponent_))
        return static_cast<std::uint64_t>(k) - 1;
      random = random * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
    }
  }

 private:
  double integral(double x) const { return (std::pow(x, 1 - exponent_) - 1) / (1 - exponent_); }
  double inverse(double x) const { return std::pow(1 + x * (1 - exponent_), 1 / (1 - exponent_)); }

  double count_;
  double exponent_;
  double low_;
  double high_;
  double shortcut_;
};

}  // namespace leaseledger::bench
