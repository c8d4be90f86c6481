#include "adapters/daemon/metrics.h"

#include "ledger/check.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <map>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <variant>
#include <vector>

namespace leaseledger::daemon {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::size_t kCommands = std::variant_size_v<Command>;

/// The kName of each command, in the order of the variant.
template <std::size_t... I>
std::array<std::string_view, kCommands> command_names(std::index_sequence<I...>) {
  return {std::variant_alternative_t<I, Command>::kName...};
}

/// 50 microseconds to about 13 seconds, each twice the one before.
Histogram::BucketBoundaries seconds_buckets() {
  Histogram::BucketBoundaries out;
  for (double bound = 50e-6; bound < 15; bound *= 2) out.push_back(bound);
  return out;
}

double seconds(std::chrono::nanoseconds took) {
  return std::chrono::duration<double>(took).count();
}

std::size_t index_of(Win32 code) {
  const auto table = win32_table();
  const auto found = std::ranges::lower_bound(table, code, {}, &Win32Entry::code);
  return static_cast<std::size_t>(found - table.begin());
}

double number(std::uint64_t value) { return static_cast<double>(value); }

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  prometheus::Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Histogram& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(
        {}, seconds_buckets());
  }

  prometheus::Family<Counter>& commands =
      counters("leaseledger_commands_total", "Commands that were answered, by command and code.");
  Counter& submissions =
      counters("leaseledger_submissions_total", "Submissions that were answered.").Add({});
  prometheus::Family<Counter>& submission_errors = counters(
      "leaseledger_submission_errors_total", "Submissions that failed as a whole, by code.");
  Histogram& command_seconds = histogram("leaseledger_command_seconds",
                                         "From a submission to its answer, which is durable.");
  prometheus::Family<Counter>& questions = counters(
      "leaseledger_questions_total", "Questions that were answered, by question and code.");
  Histogram& question_seconds =
      histogram("leaseledger_question_seconds", "From a question to its answer.");
  Counter& busy =
      counters("leaseledger_busy_total", "Submissions and questions that were answered ERROR_BUSY.")
          .Add({});
  Counter& expired_leases =
      counters("leaseledger_expired_total", "Leases whose end the daemon recorded.").Add({});
  prometheus::Family<Gauge>& connection_gauges =
      gauges("leaseledger_connections", "Connections that are open, by transport.");
  std::array<Gauge*, 3> connections{&connection_gauges.Add({{"transport", "unix"}}),
                                    &connection_gauges.Add({{"transport", "tls"}}),
                                    &connection_gauges.Add({{"transport", "http"}})};
  prometheus::Family<Counter>& refusals = counters("leaseledger_connections_refused_total",
                                                   "Connections that were not let in, by reason.");
  std::array<Counter*, 4> refused{
      &refusals.Add({{"reason", "limit"}}), &refusals.Add({{"reason", "principal_limit"}}),
      &refusals.Add({{"reason", "handshake"}}), &refusals.Add({{"reason", "unknown_principal"}})};
  Gauge& subscriptions =
      gauges("leaseledger_subscriptions", "Subscriptions to the log that are open.").Add({});
  prometheus::Family<Counter>& kea_commands =
      counters("leaseledger_kea_commands_total",
               "Commands of Kea's that were answered, by command and result.");
  Counter& events =
      counters("leaseledger_events_sent_total", "Records that were sent to subscribers.").Add({});

  // A counter for a pair of command and code is made when it is first needed and found without a lock from then on.
  std::vector<std::atomic<Counter*>> command_counters =
      std::vector<std::atomic<Counter*>>(kCommands * (win32_table().size() + 1));
  const std::array<std::string_view, kCommands> names =
      command_names(std::make_index_sequence<kCommands>());

  Counter& command_counter(std::size_t command, Win32 code) {
    auto& slot = command_counters[command * (win32_table().size() + 1) + index_of(code)];
    if (Counter* counter = slot.load(std::memory_order_acquire)) return *counter;
    // Add() gives the same counter for the same labels, so two who come together store the same.
    Counter& made = commands.Add(
        {{"command", std::string(names[command])}, {"code", std::string(name_of(code))}});
    slot.store(&made, std::memory_order_release);
    return made;
  }

  std::mutex mutex;
  std::map<std::pair<std::string_view, Win32>, Counter*> question_counters;  // under mutex
  std::map<std::pair<std::string, int>, Counter*> kea_counters;              // under mutex
  std::function<Sample()> collect;                                           // under mutex
};

namespace {

/// leaseledger_kea_*{server}.
void add_kea(const std::vector<Metrics::KeaServer>& servers,
             std::vector<prometheus::MetricFamily>& families) {
  if (servers.empty()) return;
  const auto family = [&](const char* name, const char* help, prometheus::MetricType type,
                          auto value) {
    prometheus::MetricFamily out{name, help, type, {}};
    for (const auto& server : servers) {
      prometheus::ClientMetric metric;
      metric.label.push_back({"server", server.server});
      (type == prometheus::MetricType::Gauge ? metric.gauge.value : metric.counter.value) =
          static_cast<double>(value(server));
      out.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(out));
  };
  using Server = Metrics::KeaServer;
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  family("leaseledger_kea_reachable", "1 when the Kea server answers.", kGauge,
         [](const Server& s) { return s.reachable ? 1 : 0; });
  family("leaseledger_kea_failing", "1 when the last comparison did not come to its end.", kGauge,
         [](const Server& s) { return s.failing ? 1 : 0; });
  family("leaseledger_kea_compared_time_seconds",
         "When it was last compared with, in Unix time; 0: never.", kGauge,
         [](const Server& s) { return s.compared_at; });
  family("leaseledger_kea_comparison_seconds", "How long that took.", kGauge,
         [](const Server& s) { return s.seconds; });
  family("leaseledger_kea_leases", "Leases that the server had then.", kGauge,
         [](const Server& s) { return s.leases; });
  family("leaseledger_kea_recorded_total", "Records made by comparisons.",
         prometheus::MetricType::Counter, [](const Server& s) { return s.recorded; });
  prometheus::MetricFamily differences{"leaseledger_kea_differences",
                                       "Leases that the last comparison found to differ, by how.",
                                       kGauge,
                                       {}};
  for (const auto& server : servers) {
    const std::pair<const char*, std::uint64_t> kinds[] = {{"missing", server.missing},
                                                           {"changed", server.changed},
                                                           {"absent", server.absent},
                                                           {"unreadable", server.unreadable},
                                                           {"refused", server.refused}};
    for (const auto& [kind, count] : kinds) {
      prometheus::ClientMetric metric;
      metric.label = {{"server", server.server}, {"difference", kind}};
      metric.gauge.value = static_cast<double>(count);
      differences.metric.push_back(std::move(metric));
    }
  }
  families.push_back(std::move(differences));
}

}  // namespace

Metrics::Metrics(const std::string& version) : impl_(std::make_unique<Impl>()) {
  impl_->gauges("leaseledger_build_info", "1, with the version of the program.")
      .Add({{"version", version}})
      .Set(1);
  impl_->gauges("leaseledger_start_time_seconds", "When the daemon was started, in Unix time.")
      .Add({})
      .Set(static_cast<double>(std::time(nullptr)));
}

Metrics::~Metrics() = default;

void Metrics::answered(std::span<const Envelope> commands, std::span<const Answer> answers,
                       std::chrono::nanoseconds took) {
  // A batch has few different pairs, mostly one: they are counted here and added once.
  std::vector<CommandCount> counts;
  for (std::size_t i = 0; i < commands.size() && i < answers.size(); ++i) {
    const std::size_t command = commands[i].command.index();
    const auto same = std::ranges::find_if(counts, [&](const CommandCount& each) {
      return each.command == command && each.code == answers[i].code;
    });
    if (same == counts.end()) {
      counts.push_back({command, answers[i].code, 1});
    } else {
      ++same->count;
    }
  }
  answered(counts, took);
}

void Metrics::answered(std::span<const CommandCount> counts, std::chrono::nanoseconds took) {
  for (const CommandCount& each : counts) {
    LEASELEDGER_CHECK(each.command < kCommands);
    impl_->command_counter(each.command, each.code).Increment(number(each.count));
  }
  impl_->submissions.Increment();
  impl_->command_seconds.Observe(seconds(took));
}

void Metrics::submission_failed(Win32 code) {
  impl_->submission_errors.Add({{"code", std::string(name_of(code))}}).Increment();
  if (code == Win32::kBusy) impl_->busy.Increment();
}

void Metrics::expired(std::uint64_t leases) { impl_->expired_leases.Increment(number(leases)); }

void Metrics::question(std::string_view question, Win32 code, std::chrono::nanoseconds took) {
  Counter* counter = nullptr;
  {
    const std::lock_guard lock(impl_->mutex);
    Counter*& known = impl_->question_counters[{question, code}];
    if (known == nullptr) {
      known = &impl_->questions.Add(
          {{"question", std::string(question)}, {"code", std::string(name_of(code))}});
    }
    counter = known;
  }
  counter->Increment();
  if (code == Win32::kBusy) impl_->busy.Increment();
  impl_->question_seconds.Observe(seconds(took));
}

void Metrics::connected(Transport transport) {
  impl_->connections[static_cast<std::size_t>(transport)]->Increment();
}
void Metrics::disconnected(Transport transport) {
  impl_->connections[static_cast<std::size_t>(transport)]->Decrement();
}
void Metrics::refused(Refusal reason) {
  impl_->refused[static_cast<std::size_t>(reason)]->Increment();
}
void Metrics::subscribed() { impl_->subscriptions.Increment(); }
void Metrics::unsubscribed() { impl_->subscriptions.Decrement(); }
void Metrics::events_sent(std::uint64_t records) { impl_->events.Increment(number(records)); }

void Metrics::kea_command(std::string_view command, int result) {
  const std::lock_guard lock(impl_->mutex);
  Counter*& counter = impl_->kea_counters[{std::string(command), result}];
  if (counter == nullptr)
    counter = &impl_->kea_commands.Add(
        {{"command", std::string(command)}, {"result", std::to_string(result)}});
  counter->Increment();
}

void Metrics::set_collector(std::function<Sample()> collect) {
  const std::lock_guard lock(impl_->mutex);
  impl_->collect = std::move(collect);
}

std::string Metrics::text() const {
  std::function<Sample()> collect;
  {
    const std::lock_guard lock(impl_->mutex);
    collect = impl_->collect;
  }
  auto families = impl_->registry.Collect();
  if (collect) {
    const Sample sample = collect();
    const auto gauge = [&families](const char* name, const char* help, double value) {
      prometheus::ClientMetric metric;
      metric.gauge.value = value;
      families.push_back({name, help, prometheus::MetricType::Gauge, {std::move(metric)}});
    };
    gauge("leaseledger_up", "1 when commands and questions are taken.", sample.up ? 1 : 0);
    gauge("leaseledger_degraded", "1 when views or snapshots have failed or room is short.",
          sample.degraded ? 1 : 0);
    gauge("leaseledger_position", "The newest durable record.", number(sample.position));
    gauge("leaseledger_views_position", "The newest record that the views have.",
          number(sample.views_position));
    gauge("leaseledger_views_lag", "Durable records that the views do not have yet.",
          number(sample.position - std::min(sample.position, sample.views_position)));
    gauge("leaseledger_leases", "Live lease records.", number(sample.leases));
    gauge("leaseledger_subnets", "Subnets.", number(sample.subnets));
    gauge("leaseledger_waiting_commands", "Commands that wait to be decided.",
          number(sample.waiting_commands));
    gauge("leaseledger_waiting_questions", "Questions that wait for a thread.",
          number(sample.waiting_questions));
    gauge("leaseledger_book_bytes", "Memory of the live leases.", number(sample.book_bytes));
    gauge("leaseledger_disk_bytes", "Disk that the ledger takes.", number(sample.disk_bytes));
    gauge("leaseledger_disk_free_bytes", "Disk that is left for it.",
          number(sample.disk_free_bytes));
    add_kea(sample.kea_servers, families);
  }
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace leaseledger::daemon
