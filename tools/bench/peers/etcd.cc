// Driver of etcd: a lease is a key for its address and a key for its client, created in one transaction that
// compares that neither exists.

#include "tools/bench/peers/driver.h"

#include "etcd_kv.grpc.pb.h"
#include <chrono>
#include <ctime>
#include <grpcpp/grpcpp.h>
#include <utility>

namespace leaseledger::bench {
namespace {

using etcdserverpb::Compare;
using etcdserverpb::TxnRequest;

constexpr int kMaxOperations = 128;  // etcd's default for the parts of one transaction

void expect(const grpc::Status& status, const char* what) {
  if (!status.ok()) throw DriverError(std::string(what) + ": " + status.error_message());
}

std::string hexadecimal(const std::array<std::uint8_t, 14>& octets) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  return text;
}

constexpr char kLeases[] = "lease/";
constexpr char kClients[] = "client/";

std::string lease_key(const Lease& lease) { return kLeases + address_text(lease.address); }
std::string client_key(const Lease& lease) {
  return kClients + hexadecimal(lease.duid) + "/" + std::to_string(lease.iaid);
}
std::string subnet_key(std::uint32_t subnet) { return "subnet/" + std::to_string(subnet); }

std::string lease_value(const Lease& lease) {
  char text[256];
  std::snprintf(text, sizeof text,
                R"({"duid":"%s","iaid":%u,"subnet":%u,"state":0,"preferred":%u,"valid":%u,)"
                R"("since":%lld,"host":"%s"})",
                hexadecimal(lease.duid).c_str(), lease.iaid, lease.subnet, kPreferredSeconds,
                kValidSeconds, static_cast<long long>(std::time(nullptr)), lease.host_name.c_str());
  return text;
}

void compare_create_revision(TxnRequest& request, std::string key, Compare::CompareResult result) {
  Compare& compare = *request.add_compare();
  compare.set_target(Compare::CREATE);
  compare.set_result(result);
  compare.set_key(std::move(key));
  compare.set_create_revision(0);  // what a key has that does not exist
}

void put(TxnRequest& request, std::string key, std::string value) {
  auto& put = *request.add_success()->mutable_request_put();
  put.set_key(std::move(key));
  put.set_value(std::move(value));
}

void add_create(TxnRequest& request, const Lease& lease) {
  std::string address = lease_key(lease);
  std::string client = client_key(lease);
  compare_create_revision(request, address, Compare::EQUAL);
  compare_create_revision(request, client, Compare::EQUAL);
  put(request, address, lease_value(lease));
  put(request, std::move(client), std::move(address));
}

void require_subnet(TxnRequest& request, std::uint32_t subnet) {
  compare_create_revision(request, subnet_key(subnet), Compare::GREATER);
}

// A connection of its own: without the argument gRPC lets all channels to one server share one.
std::shared_ptr<grpc::Channel> open(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    throw DriverError("no etcd answers at " + endpoint);
  }
  return channel;
}

class EtcdCaller : public Caller {
 public:
  explicit EtcdCaller(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(etcdserverpb::KV::NewStub(channel)) {}

  void create(std::uint64_t first, std::uint64_t count) override {
    request_.Clear();
    for (std::uint64_t number = first; number < first + count; ++number) {
      add_create(request_, made_up_lease(number));
    }
    const std::uint32_t last_subnet = subnet_number(first + count - 1);
    for (std::uint32_t subnet = subnet_number(first); subnet <= last_subnet; ++subnet) {
      require_subnet(request_, subnet);
    }
    if (!submit()) throw DriverError("lease " + std::to_string(first) + " or one after it exists");
  }

  std::string create_one(const Lease& lease) override {
    request_.Clear();
    add_create(request_, lease);
    require_subnet(request_, lease.subnet);
    return submit() ? "" : "succeeded: false";
  }

 private:
  bool submit() {
    grpc::ClientContext context;
    etcdserverpb::TxnResponse response;
    expect(stub_->Txn(&context, request_, &response), "Txn");
    return response.succeeded();
  }

  std::unique_ptr<etcdserverpb::KV::Stub> stub_;
  TxnRequest request_;
};

class Etcd : public Peer {
 public:
  Etcd(std::string endpoint, const DriverOptions& options)
      : endpoint_(std::move(endpoint)),
        channel_(open(endpoint_)),
        stub_(etcdserverpb::KV::NewStub(channel_)),
        options_(options) {
    // Two comparisons for each lease, and one for each subnet, of which a batch can touch two.
    static constexpr unsigned kMaxBatch = (kMaxOperations - 2) / 2;
    if (options.batch > kMaxBatch) {
      throw DriverError("etcd takes at most " + std::to_string(kMaxBatch) + " creates in a call");
    }
    if (count(kLeases) > 0) throw DriverError("the etcd at " + endpoint_ + " is not empty");
    create_subnets();
  }

  std::string name() override {
    grpc::ClientContext context;
    etcdserverpb::StatusResponse response;
    expect(etcdserverpb::Maintenance::NewStub(channel_)->Status(&context, {}, &response), "Status");
    return "etcd " + response.version();
  }
  std::string durability() override { return "fdatasync before the answer"; }
  std::string note() override {
    return "one node; create if absent on two keys, a transaction for each call";
  }
  std::string callers_are() const override { return "callers"; }

  std::unique_ptr<Caller> connect() override {
    // One connection for all callers, or one for each, was measured as slower.
    static constexpr std::size_t kMaxChannels = 8;
    if (channels_.size() < kMaxChannels) channels_.push_back(open(endpoint_));
    return std::make_unique<EtcdCaller>(channels_[callers_++ % kMaxChannels]);
  }

  std::uint64_t count_leases() override {
    const std::uint64_t leases = count(kLeases);
    const std::uint64_t clients = count(kClients);
    if (leases != clients) {
      throw DriverError(std::to_string(leases) + " leases, but " + std::to_string(clients) +
                        " clients");
    }
    return leases;
  }

 private:
  std::uint64_t count(const std::string& prefix) {
    etcdserverpb::RangeRequest request;
    request.set_key(prefix);
    std::string end = prefix;
    ++end.back();
    request.set_range_end(end);
    request.set_count_only(true);
    grpc::ClientContext context;
    etcdserverpb::RangeResponse response;
    expect(stub_->Range(&context, request, &response), "Range");
    return static_cast<std::uint64_t>(response.count());
  }

  void create_subnets() {
    const std::uint32_t subnets = subnets_for(options_.leases);
    for (std::uint32_t subnet = 0; subnet < subnets;) {
      TxnRequest request;
      for (int i = 0; i < kMaxOperations && subnet < subnets; ++i, ++subnet) {
        put(request, subnet_key(subnet), address_text(subnet_prefix(subnet)) + "/64");
      }
      grpc::ClientContext context;
      etcdserverpb::TxnResponse response;
      expect(stub_->Txn(&context, request, &response), "Txn");
    }
  }

  std::string endpoint_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<etcdserverpb::KV::Stub> stub_;
  DriverOptions options_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::size_t callers_ = 0;
};

}  // namespace
}  // namespace leaseledger::bench

int main(int argc, char** argv) {
  using namespace leaseledger::bench;
  CLI::App app{"Creates leases in an empty etcd", "peer-etcd"};
  DriverOptions options;
  add_driver_options(app, options);
  std::string endpoint;
  app.add_option("--endpoint", endpoint, "HOST:PORT")->required();
  return driver_main(app, argc, argv, [&] {
    Etcd etcd(endpoint, options);
    drive(etcd, options);
  });
}
