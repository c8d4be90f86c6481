#include "ledger/head_witness.h"

#include "ledger/directory.h"

#include <xxhash.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>

namespace leaseledger {
namespace {

static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

constexpr std::array<char, 8> kMagic{'L', 'L', 'H', 'E', 'A', 'D', 0, 1};
constexpr off_t kSlotDistance = 4096;
constexpr off_t kFileBytes = 8192;

struct Slot {
  std::array<char, 8> magic;
  std::uint64_t sequence;
  std::array<std::uint8_t, 16> ledger_id;
  std::uint64_t size;
  Hash root;
  std::int64_t recorded_at;
  std::array<std::uint8_t, 40> zero;
  std::uint64_t checksum;
};
static_assert(sizeof(Slot) == 128 && std::has_unique_object_representations_v<Slot>);

std::uint64_t checksum_of(const Slot& slot) { return XXH3_64bits(&slot, offsetof(Slot, checksum)); }

/// Nothing when the slot was never written whole.
std::optional<Slot> read_slot(int fd, unsigned number) {
  Slot slot;
  if (::pread(fd, &slot, sizeof slot, static_cast<off_t>(number) * kSlotDistance) != sizeof slot)
    return {};
  if (slot.magic != kMagic || slot.checksum != checksum_of(slot) || slot.sequence % 2 != number)
    return {};
  return slot;
}

tl::unexpected<Error> failed(const std::filesystem::path& path, const char* what) {
  return fail(Win32::kWriteFault, ErrorKind::kIo, path.string(),
              std::system_category().message(errno), what);
}

}  // namespace

HeadWitness::HeadWitness(int fd, std::filesystem::path path,
                         const std::array<std::uint8_t, 16>& ledger_id)
    : fd_(fd), path_(std::move(path)), ledger_id_(ledger_id) {}

Result<HeadWitness> HeadWitness::create(const std::filesystem::path& path,
                                        const std::array<std::uint8_t, 16>& ledger_id,
                                        const Witnessed& first) {
  HeadWitness witness(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), path,
                      ledger_id);
  // Every block of the file is written now, so that later writes need no room and no metadata.
  const std::vector<char> zeros(kFileBytes);
  if (witness.fd_ < 0 || ::pwrite(witness.fd_, zeros.data(), zeros.size(), 0) != kFileBytes) {
    return failed(path, "a file that can be written");
  }
  LEASELEDGER_TRY(witness.write(first));
  if (::fsync(witness.fd_) != 0) return failed(path, "a file that can be synced");
  LEASELEDGER_TRY(sync_directory(path.parent_path()));
  return witness;
}

Result<HeadWitness> HeadWitness::open(const std::filesystem::path& path,
                                      const std::array<std::uint8_t, 16>& ledger_id,
                                      bool writable) {
  HeadWitness witness(::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC), path,
                      ledger_id);
  if (witness.fd_ < 0) {
    const std::string reason = std::system_category().message(errno);
    if (errno == ENOENT)
      return fail(Win32::kFileNotFound, ErrorKind::kNotFound, path.string(), "",
                  "the head witness of the ledger");
    return fail(Win32::kIoDevice, ErrorKind::kCorrupt, path.string(), reason,
                "a readable head witness");
  }
  std::optional<Slot> newest;
  for (const unsigned number : {0U, 1U}) {
    const auto slot = read_slot(witness.fd_, number);
    if (slot && (!newest || slot->sequence > newest->sequence)) newest = slot;
  }
  if (!newest) return corrupt(path.string(), "", "a head witness with a whole slot");
  if (newest->ledger_id != ledger_id) {
    return corrupt(path.string(), format_command_id(newest->ledger_id),
                   "the head witness of ledger " + format_command_id(ledger_id));
  }
  witness.sequence_ = newest->sequence;
  witness.last_.head = {newest->size, newest->root};
  if (newest->size != 0)
    witness.last_.recorded_at = Instant{std::chrono::nanoseconds{newest->recorded_at}};
  return witness;
}

HeadWitness::HeadWitness(HeadWitness&& other) noexcept { *this = std::move(other); }

HeadWitness& HeadWitness::operator=(HeadWitness&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  ledger_id_ = other.ledger_id_;
  sequence_ = other.sequence_;
  last_ = other.last_;
  return *this;
}

HeadWitness::~HeadWitness() {
  if (fd_ >= 0) ::close(fd_);
}

Status HeadWitness::write(const Witnessed& now) {
  Slot slot{};
  slot.magic = kMagic;
  slot.sequence = sequence_ + 1;
  slot.ledger_id = ledger_id_;
  slot.size = now.head.size;
  slot.root = now.head.root;
  slot.recorded_at = now.head.size == 0 ? 0 : now.recorded_at.time_since_epoch().count();
  slot.checksum = checksum_of(slot);
  if (::pwrite(fd_, &slot, sizeof slot, static_cast<off_t>(slot.sequence % 2) * kSlotDistance) !=
      sizeof slot) {
    return failed(path_, "a file that can be written");
  }
  sequence_ = slot.sequence;
  last_ = now;
  return {};
}

Status HeadWitness::sync() {
  if (::fdatasync(fd_) != 0) return failed(path_, "a file that can be synced");
  return {};
}

}  // namespace leaseledger
