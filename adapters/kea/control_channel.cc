#include "adapters/kea/control_channel.h"

#include <cerrno>
#include <cstring>
#include <curl/curl.h>
#include <memory>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace leaseledger::kea {
namespace {

using Steady = std::chrono::steady_clock;

tl::unexpected<Error> unavailable(const std::string& address, const std::string& why) {
  return fail(Win32::kRpcServerUnavailable, ErrorKind::kBusy, "control", address,
              "the control channel of a Kea DHCPv6 server that answers; " + why);
}

/// Waits until `fd` is ready; false when the time is over.
bool wait_for(int fd, short events, Steady::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now());
  pollfd ready{fd, events, 0};
  return left.count() > 0 && ::poll(&ready, 1, static_cast<int>(left.count())) == 1;
}

struct Closing {
  int fd;
  ~Closing() { ::close(fd); }
};

std::size_t keep(char* data, std::size_t, std::size_t size, void* to) {
  auto& [text, most] = *static_cast<std::pair<std::string, std::size_t>*>(to);
  if (text.size() + size > most) return 0;
  text.append(data, size);
  return size;
}

}  // namespace

struct ControlChannel::Http {
  Http() {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    handle = curl_easy_init();
    headers = curl_slist_append(nullptr, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
  }
  ~Http() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(handle);
  }
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
};

ControlChannel::ControlChannel(ControlOptions options) : options_(std::move(options)) {
  if (!options_.address.starts_with("unix:")) http_ = std::make_unique<Http>();
}
ControlChannel::~ControlChannel() = default;
ControlChannel::ControlChannel(ControlChannel&&) noexcept = default;
ControlChannel& ControlChannel::operator=(ControlChannel&&) noexcept = default;

Result<Reply> ControlChannel::ask(const std::string& command, const Json& arguments) {
  Json request{{"command", command}};
  if (http_ != nullptr) request["service"] = Json::array({"dhcp6"});
  if (!arguments.is_null()) request["arguments"] = arguments;
  const std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  LEASELEDGER_ASSIGN(const std::string answer, http_ != nullptr ? ask_http(text) : ask_unix(text));
  Json json = Json::parse(answer, nullptr, false);
  if (json.is_array() && json.size() == 1) json = Json(json[0]);
  if (!json.is_object() || !json.contains("result") || !json["result"].is_number_integer())
    return unavailable(options_.address,
                       "its answer to " + command + " was '" + answer.substr(0, 80) + "'");
  Reply out;
  out.result = static_cast<ResultCode>(json["result"].get<int>());
  if (json.contains("text") && json["text"].is_string()) out.text = json["text"];
  if (json.contains("arguments")) out.arguments = std::move(json["arguments"]);
  return out;
}

Result<std::string> ControlChannel::ask_unix(const std::string& request) const {
  const std::string path = options_.address.substr(std::strlen("unix:"));
  const auto end = Steady::now() + options_.timeout;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return unavailable(options_.address, "the path is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return unavailable(options_.address, std::strerror(errno));
  const Closing closing{fd};
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // EAGAIN: its backlog is full.
    if (errno != EAGAIN || Steady::now() > end)
      return unavailable(options_.address, std::strerror(errno));
    ::usleep(5000);
  }
  for (std::size_t sent = 0; sent < request.size();) {
    if (!wait_for(fd, POLLOUT, end)) return unavailable(options_.address, "it takes no request");
    const ssize_t n = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return unavailable(options_.address, std::strerror(errno));
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  std::string out;
  char buffer[65536];
  for (;;) {
    if (!wait_for(fd, POLLIN, end))
      return unavailable(options_.address, "it gave no answer in time");
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) return out;
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return unavailable(options_.address, std::strerror(errno));
    if (n > 0) out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > options_.most_bytes)
      return unavailable(options_.address, "its answer is larger than " +
                                               std::to_string(options_.most_bytes) + " octets");
  }
}

Result<std::string> ControlChannel::ask_http(const std::string& request) {
  CURL* const handle = http_->handle;
  std::pair<std::string, std::size_t> answer{"", options_.most_bytes};
  char problem[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(handle, CURLOPT_URL, options_.address.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, http_->headers);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.data());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, problem);
  if (!options_.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(handle, CURLOPT_USERNAME, options_.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, options_.password.c_str());
  }
  const CURLcode code = curl_easy_perform(handle);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK)
    return unavailable(options_.address, problem[0] != '\0' ? problem : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200)
    return unavailable(options_.address, "its HTTP status is " + std::to_string(status));
  return std::move(answer.first);
}

}  // namespace leaseledger::kea
