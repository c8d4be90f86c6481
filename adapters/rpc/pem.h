#pragma once
// PEM files as both sides of the wire take them.
// Flow: async_client.cc, server.cc -> [pem.h] -> OpenSSL

#include "ledger/result.h"

#include <kj/compat/tls.h>

#include <string>
#include <vector>

namespace leaseledger::rpc {

/// A whole file. `what` is the field of the error.
Result<std::string> read_pem(const std::string& path, const char* what);

/// Every certificate of a PEM file, each for itself: kj::TlsCertificate takes them for one chain, of which it believes the first.
Result<std::vector<kj::TlsCertificate>> certificates_of(const std::string& path, const char* what);

/// Whether the key is the first certificate's. OpenSSL takes a pair that is none, and goes on without the key.
bool fit_together(const std::string& certificate_pem, const std::string& key_pem);

}  // namespace leaseledger::rpc
