#include "adapters/kea_hook/sender.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <curl/curl.h>

namespace leaseledger::kea_hook {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 100ms;
constexpr auto kLongestPause = 5s;
constexpr std::size_t kMostAnswer = std::size_t{4} << 20;
/// Octets of packets in one request, whatever their number.
constexpr std::size_t kMostRequest = std::size_t{8} << 20;

std::size_t keep(char* data, std::size_t, std::size_t size, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + size > kMostAnswer) return 0;
  text.append(data, size);
  return size;
}

class HttpTransport final : public Transport {
 public:
  explicit HttpTransport(const Options& options) : options_(options) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers_ = curl_slist_append(nullptr, "Content-Type: application/json");
    headers_ = curl_slist_append(headers_, "Expect:");
    curl_ = curl_easy_init();
    set(CURLOPT_URL, options_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout_ms));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.timeout_ms));
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_WRITEFUNCTION, keep);
    set(CURLOPT_ERRORBUFFER, problem_);
    if (!options_.user.empty()) {
      set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      set(CURLOPT_USERNAME, options_.user.c_str());
      set(CURLOPT_PASSWORD, options_.password.c_str());
    }
    if (!options_.ca_file.empty()) set(CURLOPT_CAINFO, options_.ca_file.c_str());
    if (!options_.cert_file.empty()) {
      set(CURLOPT_SSLCERT, options_.cert_file.c_str());
      set(CURLOPT_SSLKEY, options_.key_file.c_str());
    }
  }
  ~HttpTransport() override {
    curl_easy_cleanup(curl_);
    curl_slist_free_all(headers_);
  }
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  Answer send(const std::string& body) override {
    std::string text;
    problem_[0] = '\0';
    set(CURLOPT_POSTFIELDS, body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_WRITEDATA, &text);
    Answer out;
    const CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK) {
      out.problem = problem_[0] != '\0' ? problem_ : curl_easy_strerror(code);
      return out;
    }
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) return read_answer(text);
    out.problem = "HTTP status " + std::to_string(status) +
                  (status == 401 ? ": the ledger does not know this user and password" : "");
    return out;
  }

 private:
  template <typename T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(curl_, option, value);
  }

  const Options options_;
  CURL* curl_ = nullptr;
  curl_slist* headers_ = nullptr;
  char problem_[CURL_ERROR_SIZE] = {};
};

}  // namespace

Transport::Answer read_answer(const std::string& body) {
  Transport::Answer out;
  out.problem = "an answer that is none: '" + body.substr(0, 80) + "'";
  auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_array() && json.size() == 1) json = nlohmann::json(json[0]);
  if (!json.is_object() || !json.contains("result") || !json["result"].is_number_integer())
    return out;
  if (json["result"] != 0) {
    out.problem = json.contains("text") && json["text"].is_string()
                      ? json["text"].get<std::string>()
                      : "result " + json["result"].dump();
    return out;
  }
  if (!json.contains("arguments") || !json["arguments"].is_object()) return out;
  const auto& arguments = json["arguments"];
  const auto count = [&arguments](const char* key) {
    return arguments.contains(key) && arguments[key].is_number_unsigned()
               ? arguments[key].get<std::uint64_t>()
               : 0;
  };
  if (!arguments.contains("recorded")) return out;
  out.recorded = count("recorded");
  out.repeated = count("repeated");
  if (arguments.contains("refused") && arguments["refused"].is_array())
    for (const auto& each : arguments["refused"])
      out.refused.push_back(each.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  out.good = true;
  out.problem.clear();
  return out;
}

std::unique_ptr<Transport> make_http_transport(const Options& options) {
  return std::make_unique<HttpTransport>(options);
}

Sender::Sender(Options options, std::unique_ptr<Transport> transport, Listener& listener)
    : options_(std::move(options)),
      transport_(std::move(transport)),
      listener_(listener),
      spool_(options_.carry_on ? options_.spool_file : "", options_.spool_limit) {
  counters_.spool_bytes = spool_.bytes();
  thread_ = std::thread([this] { loop(); });
}

Sender::~Sender() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Sender::add(std::string packet, std::size_t events, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= options_.queue_limit) {
      counters_.events_dropped += events;
      return false;
    }
    counters_.events_queued += events;
    queue_.push_back({std::move(packet), events, std::move(done), Steady::now()});
    if (queue_.size() > 1) return true;  // the thread knows
  }
  wake_.notify_one();
  return true;
}

Counters Sender::counters() const {
  const std::lock_guard lock(mutex_);
  Counters out = counters_;
  out.queue = queue_.size();
  return out;
}

void Sender::loop() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto wanted = [this] { return stopping_ || (!queue_.empty() && !away_); };
      if (away_) {
        // Packets that wait for their reply are looked after meanwhile.
        wake_.wait_until(lock, std::min(retry_at_, Steady::now() + 20ms),
                         [this] { return stopping_; });
      } else if (spool_.empty()) {
        wake_.wait(lock, wanted);
      }
      if (stopping_) break;
    }
    if (away_) {
      if (options_.carry_on && spool_.usable()) {
        move_to_spool();
      } else {
        tell_late();
      }
      if (Steady::now() < retry_at_) continue;
    }
    if (!spool_.empty()) {
      drain_spool();
    } else {
      send_queue();
    }
  }
  // Once more, then what is left is put aside.
  if (!away_ && spool_.empty()) send_queue();
  move_to_spool();
  std::deque<Item> left;
  {
    const std::lock_guard lock(mutex_);
    std::swap(left, queue_);
  }
  for (Item& item : left) finish(item, Outcome::kLate);
}

void Sender::finish(Item& item, Outcome outcome) {
  if (!item.done) return;
  const Done done = std::exchange(item.done, nullptr);
  done(outcome);
}

bool Sender::send(const std::vector<const std::string*>& packets) {
  std::string body = R"({"command":"lease6-report","arguments":{"server":)" +
                     nlohmann::json(options_.server)
                         .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                     R"(,"packets":[)";
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (i != 0) body += ',';
    body += *packets[i];
  }
  body += "]}}";
  Transport::Answer answer;
  try {
    answer = transport_->send(body);
  } catch (const std::exception& problem) {
    answer.problem = problem.what();
  }
  {
    const std::lock_guard lock(mutex_);
    ++counters_.requests;
    if (answer.good) {
      counters_.events_recorded += answer.recorded;
      counters_.events_repeated += answer.repeated;
      counters_.events_refused += answer.refused.size();
    } else {
      ++counters_.requests_failed;
    }
  }
  if (!answer.good) {
    fail(answer.problem);
    return false;
  }
  for (const auto& each : answer.refused) listener_.refused(each);
  succeed();
  return true;
}

void Sender::fail(const std::string& problem) {
  if (!away_) listener_.unreachable(problem);
  away_ = true;
  pause_ = std::clamp<std::chrono::milliseconds>(2 * pause_, kFirstPause, kLongestPause);
  retry_at_ = Steady::now() + pause_;
  const std::lock_guard lock(mutex_);
  counters_.connected = false;
}

void Sender::succeed() {
  pause_ = 0ms;
  away_ = false;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !std::exchange(counters_.connected, true);
  }
  if (first) listener_.connected();
}

void Sender::drain_spool() {
  const auto entries = spool_.next(options_.batch);
  std::vector<const std::string*> packets;
  for (const auto& each : entries) packets.push_back(&each);
  if (packets.empty() || !send(packets)) return;
  spool_.sent();
  {
    const std::lock_guard lock(mutex_);
    counters_.spool_bytes = spool_.bytes();
  }
  if (spool_.empty()) listener_.caught_up();
  listener_.changed();
}

void Sender::send_queue() {
  std::vector<const std::string*> packets;
  {
    const std::lock_guard lock(mutex_);
    std::size_t octets = 0;
    for (const Item& item : queue_) {
      if (packets.size() == options_.batch || (!packets.empty() && octets > kMostRequest)) break;
      packets.push_back(&item.packet);  // a deque's elements stay where they are
      octets += item.packet.size();
    }
  }
  if (packets.empty()) return;
  if (send(packets)) {
    std::vector<Item> sent;
    {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = 0; i < packets.size(); ++i) {
        sent.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    for (Item& item : sent) finish(item, Outcome::kRecorded);
  }
  listener_.changed();
}

/// Everything that waits, in its order, behind what is there.
void Sender::move_to_spool() {
  if (!spool_.usable()) return;
  bool moved = false;
  for (;;) {
    Item item;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) break;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    const bool kept = spool_.append(item.packet);
    std::uint64_t dropped = 0;
    {
      const std::lock_guard lock(mutex_);
      (kept ? counters_.events_spooled : counters_.events_dropped) += item.events;
      counters_.spool_bytes = spool_.bytes();
      dropped = counters_.events_dropped;
    }
    if (!kept) listener_.dropped(dropped);
    finish(item, Outcome::kSpooled);
    moved = true;
  }
  if (moved) listener_.changed();
}

/// Replies are not held for longer than the timeout; their events stay.
void Sender::tell_late() {
  std::vector<Done> late;
  {
    const std::lock_guard lock(mutex_);
    const auto patience = std::chrono::milliseconds(options_.carry_on ? 0 : options_.timeout_ms);
    const auto before = Steady::now() - patience;
    for (Item& item : queue_) {
      if (item.since > before) break;
      if (!item.done) continue;
      late.push_back(std::exchange(item.done, nullptr));
      ++counters_.packets_late;
    }
  }
  for (const Done& done : late) done(options_.carry_on ? Outcome::kSpooled : Outcome::kLate);
  if (!late.empty()) listener_.changed();
}

}  // namespace leaseledger::kea_hook
