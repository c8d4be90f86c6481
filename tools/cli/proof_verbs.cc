// replay, verify, root, proof.

#include "ledger/merkle_proof.h"
#include "tools/cli/context.h"
#include "tools/cli/options.h"
#include "tools/cli/render.h"

namespace leaseledger::cli {
namespace {

Json hashes_json(const std::vector<Hash>& hashes) {
  Json out = Json::array();
  for (const auto& hash : hashes) out.push_back(hash_text(hash));
  return out;
}

std::uint64_t rate(Position records, double seconds) {
  return static_cast<std::uint64_t>(static_cast<double>(records) / std::max(seconds, 1e-9));
}

void add_replay(CLI::App& app, Context& context) {
  auto* replay =
      app.add_subcommand("replay", "Fold the whole log again and compare with the live state");
  on(replay, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    ProgressBar bar("replay");
    LEASELEDGER_ASSIGN(const auto report, ledger->replay([&](Position done, Position total) {
      return bar(done, total);
    }));
    Json json;
    json["records"] = report.tail;
    json["leases"] = report.leases;
    json["replayed"] = hash_text(report.replayed);
    json["live"] = hash_text(report.live);
    json["equal"] = report.equal();
    json["seconds"] = report.seconds;
    json["records per second"] = rate(report.tail, report.seconds);
    write_object(context.format(), json);
    return report.equal() ? kOk : kTampered;
  });
  example(replay, "leaseledger replay");
}

void add_verify(CLI::App& app, Context& context) {
  auto* verify = app.add_subcommand("verify",
                                    "Read everything again and check it: positions, times, hashes, "
                                    "tree, state, views. Exit code 5 when something is wrong");
  on(verify, context, [&context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    ProgressBar bar("verify");
    LEASELEDGER_ASSIGN(const auto report, ledger->verify([&](Position done, Position total) {
      return bar(done, total);
    }));
    Json json;
    json["result"] = report.ok() ? "ok" : "NOT AS IT WAS WRITTEN";
    json["records"] = report.tail;
    json["root"] = hash_text(report.head.root);
    json["state"] = hash_text(report.book_digest);
    json["subnets"] = report.subnets;
    json["leases"] = report.leases;
    json["view entries"] = report.view_entries;
    json["seconds"] = report.seconds;
    json["records per second"] = rate(report.tail, report.seconds);
    if (!report.ok()) {
      Json findings = Json::array();
      for (const auto& finding : report.findings)
        findings.push_back(
            {{"check", finding.check}, {"position", finding.position}, {"what", finding.what}});
      json["findings"] = findings;
    }
    write_object(context.format(), json);
    if (!report.ok())
      std::fprintf(stderr,
                   "leaseledger: verification failed; docs/operating.md says how to go on\n");
    return report.ok() ? kOk : kTampered;
  });
  example(verify, "leaseledger verify");
}

void add_root(CLI::App& app, Context& context) {
  auto* root = app.add_subcommand("root",
                                  "Root of the Merkle tree (RFC 6962) over the records: note it "
                                  "down, and nobody can change the past unnoticed");
  auto size = optional_text(root, "--at", "A position or a time: the root as it was then");
  on(root, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    Position position = ledger->log().tail();
    if (!size->empty()) {
      LEASELEDGER_ASSIGN(position, position_of(*ledger, *size, context.now(), "--at"));
    }
    LEASELEDGER_ASSIGN(const TreeHead head, ledger->log().tree_head(position));
    write_object(context.format(),
                 {{"size", head.size},
                  {"root", hash_text(head.root)},
                  {"ledger", format_command_id(ledger->log().identity().ledger_id)}});
    return kOk;
  });
  example(root, "leaseledger root --at yesterday");
}

void add_proof(CLI::App& app, Context& context) {
  auto* proof = app.add_subcommand(
      "proof",
      "Proof that a record is in the ledger, or that an old root is the beginning of a newer one");
  auto position = std::make_shared<Position>(0);
  proof->add_option("POSITION", *position, "The record to prove");
  auto size = std::make_shared<std::uint64_t>(0);
  proof->add_option("--size", *size,
                    "Size of the tree that the proof is for; the whole log when not given");
  auto old_size = std::make_shared<std::uint64_t>(0);
  proof->add_option("--consistent-with", *old_size,
                    "Prove that the tree of this size is the beginning of the one of --size");
  on(proof, context, [=, &context]() -> Result<int> {
    LEASELEDGER_ASSIGN(const auto ledger, context.open());
    const LogReader& log = ledger->log();
    const std::uint64_t tree_size = *size == 0 ? log.tail() : *size;
    LEASELEDGER_ASSIGN(const TreeHead head, log.tree_head(tree_size));
    Json json;
    if (*old_size != 0) {
      LEASELEDGER_ASSIGN(const TreeHead old, log.tree_head(*old_size));
      LEASELEDGER_ASSIGN(const auto hashes, log.consistency_proof(*old_size, tree_size));
      json["kind"] = "consistency";
      json["oldSize"] = old.size;
      json["oldRoot"] = hash_text(old.root);
      json["size"] = head.size;
      json["root"] = hash_text(head.root);
      json["hashes"] = hashes_json(hashes);
      json["verified"] = verify_consistency(old.size, head.size, old.root, head.root, hashes);
    } else {
      if (*position == 0)
        return invalid("POSITION", "",
                       "the position of a record, 1 to " + std::to_string(tree_size) +
                           ", or --consistent-with");
      LEASELEDGER_ASSIGN(const auto hashes, log.inclusion_proof(*position, tree_size));
      std::string bytes;
      LEASELEDGER_TRY(
          log.read(*position, *position, Direction::kForward, [&](const StoredRecord& stored) {
            bytes.assign(reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size());
            return true;
          }));
      const std::span<const std::uint8_t> record(
          reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      const Hash leaf = Sha256().leaf(record);
      json["kind"] = "inclusion";
      json["position"] = *position;
      json["leafIndex"] = *position - 1;
      json["leaf"] = hash_text(leaf);
      json["record"] = to_hex(record);
      json["size"] = head.size;
      json["root"] = hash_text(head.root);
      json["hashes"] = hashes_json(hashes);
      json["verified"] = verify_inclusion(leaf, *position - 1, head.size, hashes, head.root);
    }
    const bool good = json["verified"].get<bool>();
    write_object(context.format(), json);
    return good ? kOk : kTampered;
  });
  example(proof, "leaseledger proof 123 -o json");
  example(proof, "leaseledger proof --consistent-with 100 --size 200");
}

}  // namespace

void add_proof_verbs(CLI::App& app, Context& context) {
  add_replay(app, context);
  add_verify(app, context);
  add_root(app, context);
  add_proof(app, context);
}

}  // namespace leaseledger::cli
