#include "adapters/rpc/peers.h"

#include <kj/compat/tls.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace leaseledger::rpc {
namespace {

std::string user_name(uid_t uid) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(uid);
}

/// The groups of the process that connected, as the kernel knows them.
std::set<gid_t> groups_of(kj::AsyncIoStream& stream) {
  std::set<gid_t> out;
  ucred credentials{};
  kj::uint length = sizeof credentials;
  KJ_IF_MAYBE (problem, kj::runCatchingExceptions([&] {
                 stream.getsockopt(SOL_SOCKET, SO_PEERCRED, &credentials, &length);
                 out.insert(credentials.gid);
                 std::vector<gid_t> groups(65536);  // NGROUPS_MAX
                 length = static_cast<kj::uint>(groups.size() * sizeof(gid_t));
                 stream.getsockopt(SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
                 out.insert(groups.begin(),
                            groups.begin() + static_cast<std::ptrdiff_t>(length / sizeof(gid_t)));
               })) {
    spdlog::warn("rpc.groups_unknown error=\"{}\"", problem->getDescription().cStr());
  }
  return out;
}

/// A name that reads in logs and in the audit trail as what it is.
bool is_presentable(const std::string& name) {
  return std::ranges::none_of(name, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
  });
}

bool intersect(const std::set<gid_t>& a, const std::set<gid_t>& b) {
  return std::ranges::any_of(a, [&](gid_t group) { return b.contains(group); });
}

}  // namespace

Principal principal_of_unix(kj::AuthenticatedStream& stream, const Roles& roles, UserNames& names) {
  auto& peer = kj::downcast<kj::LocalPeerIdentity>(*stream.peerIdentity);
  Principal out{"unix:?", Role::kNone, ""};
  KJ_IF_MAYBE (uid, peer.getCredentials().uid) {
    auto [known, is_new] = names.try_emplace(*uid);
    if (is_new) known->second = user_name(*uid);
    out.name = "unix:" + known->second;
    const auto groups = groups_of(*stream.stream);
    if (*uid == 0 || *uid == ::geteuid() || intersect(groups, roles.administrator_groups)) {
      out.role = Role::kAdministrator;
    } else if (intersect(groups, roles.user_groups)) {
      out.role = Role::kUser;
    }
  }
  return out;
}

std::optional<Principal> principal_of_certificate(kj::AuthenticatedStream& stream,
                                                  const Roles& roles) {
  auto& peer = kj::downcast<kj::TlsPeerIdentity>(*stream.peerIdentity);
  if (!peer.hasCertificate()) return std::nullopt;
  const kj::String common_name = peer.getCommonName();
  // With all its octets: "admin\0.example" is not "admin".
  const std::string name(common_name.begin(), common_name.size());
  if (!is_presentable(name)) {
    spdlog::warn("rpc.certificate_refused error=\"control characters in CN\"");
    return std::nullopt;
  }
  Principal out{"tls:" + name, Role::kNone, ""};
  const auto known = roles.common_names.find(name);
  if (known != roles.common_names.end()) {
    out.name = "tls:" + known->second.principal;
    out.role = known->second.role;
  }
  return out;
}

}  // namespace leaseledger::rpc
