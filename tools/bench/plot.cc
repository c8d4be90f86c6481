#include "tools/bench/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace leaseledger::bench {
namespace {

using Points = std::vector<std::pair<double, double>>;

constexpr double kWidth = 760;
constexpr double kHeight = 220;
constexpr double kLeft = 90;

std::string number(double value) {
  char out[40];
  if (value >= 1e6) {
    std::snprintf(out, sizeof out, "%.3g M", value / 1e6);
  } else if (value >= 1e4) {
    std::snprintf(out, sizeof out, "%.3g K", value / 1e3);
  } else {
    std::snprintf(out, sizeof out, "%.4g", value);
  }
  return out;
}

/// One diagram, its top at `top`.
void diagram(std::ostream& out, double top, const std::string& title, const Points& points,
             const std::vector<std::pair<double, std::string>>& marks) {
  double right = 0;
  double most = 0;
  for (const auto& [x, y] : points) {
    right = std::max(right, x);
    most = std::max(most, y);
  }
  if (right <= 0 || most <= 0) return;
  const auto x_of = [&](double x) { return kLeft + x / right * kWidth; };
  const auto y_of = [&](double y) { return top + kHeight - y / most * kHeight; };
  out << "<text x='" << kLeft << "' y='" << top - 10 << "' font-weight='bold'>" << title
      << "</text>\n";
  for (int i = 0; i <= 4; ++i) {
    const double y = most * i / 4;
    out << "<line x1='" << kLeft << "' x2='" << kLeft + kWidth << "' y1='" << y_of(y) << "' y2='"
        << y_of(y) << "' stroke='#ddd'/><text x='" << kLeft - 8 << "' y='" << y_of(y) + 4
        << "' text-anchor='end'>" << number(y) << "</text>\n";
  }
  for (const auto& [x, label] : marks)
    out << "<text x='" << x_of(x) << "' y='" << top + kHeight + 18 << "' text-anchor='middle'>"
        << label << "</text>\n";
  out << "<polyline fill='none' stroke='#1565c0' stroke-width='1.5' points='";
  for (const auto& [x, y] : points) out << x_of(x) << ',' << y_of(y) << ' ';
  out << "'/>\n";
}

}  // namespace

Status plot(const std::filesystem::path& file, std::span<const Point> over_time,
            const Latencies& latencies) {
  std::ofstream out(file);
  out << "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='900' "
         "font-family='sans-serif' font-size='12'>\n<rect width='900' height='900' "
         "fill='white'/>\n";
  Points rate;
  Points lag;
  double before = 0;
  for (const Point& point : over_time) {
    if (point.at > before)
      rate.emplace_back(point.at, static_cast<double>(point.operations) / (point.at - before));
    lag.emplace_back(point.at, static_cast<double>(point.lag));
    before = point.at;
  }
  std::vector<std::pair<double, std::string>> seconds;
  for (int i = 0; i <= 4; ++i) seconds.emplace_back(before * i / 4, number(before * i / 4) + " s");
  diagram(out, 40, "commands a second", rate, seconds);
  diagram(out, 330, "records that the views are behind", lag, seconds);
  // Percentiles on a scale of nines: 0, 90, 99, 99.9, ... are equally far apart.
  Points percentiles;
  for (double nines = 0; nines <= 5; nines += 0.05)
    percentiles.emplace_back(
        nines, static_cast<double>(latencies.percentile(1 - std::pow(10, -nines))) / 1000);
  diagram(out, 620, "latency in microseconds by percentile", percentiles,
          {{0, "0"}, {1, "90"}, {2, "99"}, {3, "99.9"}, {4, "99.99"}, {5, "99.999"}});
  out << "</svg>\n";
  out.close();
  if (!out)
    return fail(Win32::kWriteFault, ErrorKind::kIo, file.string(), "",
                "a file that can be written");
  return {};
}

}  // namespace leaseledger::bench
