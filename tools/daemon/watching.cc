#include "tools/daemon/watching.h"

#include <kj/debug.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <grp.h>
#include <unistd.h>

namespace leaseledger::daemon {
namespace {

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

Metrics::Transport transport_of(std::string_view name) {
  return name == "tls" ? Metrics::Transport::kTls : Metrics::Transport::kUnix;
}

std::uint64_t size_of(const std::filesystem::path& directory) {
  std::uint64_t out = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) {
      const auto size = entry->file_size(gone);
      if (!gone) out += size;
    }
  }
  return out;
}

std::set<gid_t> groups_of(const std::vector<std::string>& names) {
  std::set<gid_t> out;
  for (const auto& name : names) {
    std::vector<char> buffer(16384);
    group entry{};
    group* found = nullptr;
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
        found != nullptr) {
      out.insert(found->gr_gid);
    } else {
      spdlog::warn("config.no_such_group group={}", name);
    }
  }
  return out;
}

}  // namespace

void MetricsObserver::answered(std::span<const std::uint8_t> kinds, std::span<const Answer> answers,
                               double seconds) {
  counts_.clear();
  for (std::size_t i = 0; i < kinds.size() && i < answers.size(); ++i) {
    const auto found = std::ranges::find_if(counts_, [&](const Metrics::CommandCount& each) {
      return each.command == kinds[i] && each.code == answers[i].code;
    });
    if (found != counts_.end()) {
      ++found->count;
    } else {
      counts_.push_back({kinds[i], answers[i].code, 1});
    }
  }
  metrics_.answered(counts_, nanoseconds(seconds));
}

void MetricsObserver::submission_refused(std::size_t /*commands*/, Win32 code) {
  metrics_.submission_failed(code);
}
void MetricsObserver::question(std::string_view name, Win32 code, double seconds) {
  metrics_.question(name, code, nanoseconds(seconds));
}
void MetricsObserver::connected(std::string_view transport, int change) {
  if (change > 0) {
    metrics_.connected(transport_of(transport));
  } else {
    metrics_.disconnected(transport_of(transport));
  }
}
void MetricsObserver::connection_refused(std::string_view reason) {
  metrics_.refused(reason == "connections_per_principal" ? Metrics::Refusal::kPrincipalLimit
                   : reason == "tls"                     ? Metrics::Refusal::kHandshake
                                                         : Metrics::Refusal::kLimit);
}
void MetricsObserver::subscribed(int change) {
  if (change > 0) {
    metrics_.subscribed();
  } else {
    metrics_.unsubscribed();
  }
}
void MetricsObserver::records_sent(std::size_t count) { metrics_.events_sent(count); }

Metrics::Sample sample(const rpc::LedgerKeeper& keeper) {
  Metrics::Sample out;
  out.disk_free_bytes = keeper.free_bytes();
  out.disk_bytes = size_of(keeper.directory());
  out.degraded = keeper.trouble().has_value();
  const auto ledger = keeper.for_questions();
  out.up = ledger.has_value();
  if (!ledger) return out;
  out.position = (*ledger)->tail();
  out.views_position = (*ledger)->projector().position();
  if (!(*ledger)->projector().status() || !(*ledger)->projector().storing()) out.degraded = true;
  (*ledger)->read_book([&](const LeaseBook& book) {
    out.leases = book.lease_count();
    out.subnets = book.subnets().size();
    out.book_bytes = book.memory_bytes();
  });
  return out;
}

http::Handlers handlers(const rpc::LedgerKeeper& keeper, Metrics& metrics,
                        rpc::WorkerPool& questions) {
  using Health = http::Handlers::Health;
  http::Handlers out;
  out.metrics = [&metrics, &questions] {
    return questions
        .run<std::string>(
            [&metrics](const rpc::GivenUp&) -> Result<std::string> { return metrics.text(); })
        .then([](Result<std::string> text) -> std::string {
          if (!text) kj::throwFatalException(KJ_EXCEPTION(OVERLOADED, "too many questions wait"));
          return std::move(*text);
        });
  };
  out.health = []() -> kj::Promise<Health> { return Health{}; };  // the loop answers
  out.ready = [&keeper, &questions] {
    return questions
        .run<Health>([&keeper](const rpc::GivenUp&) -> Result<Health> {
          Health health;
          const auto add = [&](const std::string& reason) {
            health.good = false;
            health.reasons.push_back(reason);
          };
          if (const auto trouble = keeper.trouble()) add(trouble->to_string());
          const auto ledger = keeper.for_questions();
          if (!ledger) {
            add(ledger.error().to_string());
          } else if (const auto views = (*ledger)->projector().status(); !views) {
            add(views.error().to_string());
          }
          return health;
        })
        .then([](Result<Health> health) -> Health {
          if (health) return std::move(*health);
          return {false, {health.error().to_string()}};
        });
  };
  out.connections = [&metrics](int change) {
    if (change > 0) {
      metrics.connected(Metrics::Transport::kHttp);
    } else {
      metrics.disconnected(Metrics::Transport::kHttp);
    }
  };
  return out;
}

rpc::Roles roles_of(const Config& config) {
  rpc::Roles out;
  out.administrator_groups = groups_of(config.roles.administrator_groups);
  out.user_groups = groups_of(config.roles.user_groups);
  for (const auto& known : config.tls.principals) {
    out.common_names[known.common_name] = {
        known.principal.empty() ? known.common_name : known.principal, known.role};
  }
  return out;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace leaseledger::daemon
