#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace leaseledger::test {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::uint64_t kSectorBytes = 512;

std::string directory_of(const std::string& name) {
  return std::filesystem::path(name).parent_path().string();
}

}  // namespace

class FaultyFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile>&& target, FaultyFileSystem& fs,
       std::shared_ptr<Extent> extent)
      : FSWritableFileOwnerWrapper(std::move(target)), fs_(fs), extent_(std::move(extent)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const auto lock = fs_.operation();
    if (const IOStatus fault = fs_.fault(); !fault.ok()) return fault;
    const IOStatus done = target()->Append(data, options, debug);
    if (done.ok()) extent_->written += data.size();
    return done;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    const auto lock = fs_.operation();
    if (const IOStatus fault = fs_.fault(); !fault.ok()) return fault;
    const IOStatus done = target()->PositionedAppend(data, offset, options, debug);
    if (done.ok()) extent_->written = std::max(extent_->written, offset + data.size());
    return done;
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    const auto lock = fs_.operation();
    extent_->written = std::min(extent_->written, size);
    extent_->synced = std::min(extent_->synced, size);
    return target()->Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const auto lock = fs_.operation();
    if (const IOStatus fault = fs_.fault(); !fault.ok()) return fault;
    const IOStatus done = target()->Sync(options, debug);
    if (done.ok()) extent_->synced = extent_->written;
    return done;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const auto lock = fs_.operation();
    if (const IOStatus fault = fs_.fault(); !fault.ok()) return fault;
    const IOStatus done = target()->Fsync(options, debug);
    if (done.ok()) extent_->synced = extent_->written;
    return done;
  }

 private:
  FaultyFileSystem& fs_;
  std::shared_ptr<Extent> extent_;
};

class FaultyFileSystem::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<rocksdb::FSDirectory>&& target, FaultyFileSystem& fs, std::string name)
      : FSDirectoryWrapper(std::move(target)), fs_(fs), name_(std::move(name)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return FsyncWithDirOptions(options, debug, rocksdb::DirFsyncOptions());
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& how) override {
    const auto lock = fs_.operation();
    const IOStatus done = FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how);
    std::erase_if(fs_.changes_,
                  [&](const NameChange& change) { return change.directory == name_; });
    return done;
  }

 private:
  FaultyFileSystem& fs_;
  std::string name_;
};

FaultyFileSystem::FaultyFileSystem(std::string graveyard, std::uint64_t seed)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      graveyard_(std::move(graveyard)),
      random_(seed) {}

void FaultyFileSystem::lose_power_at(std::uint64_t countdown) {
  const std::lock_guard lock(mutex_);
  lose_power_at_ = operations_ + countdown;
}

void FaultyFileSystem::fail_from(std::uint64_t countdown, rocksdb::IOStatus error) {
  const std::lock_guard lock(mutex_);
  fail_from_ = operations_ + countdown;
  error_ = std::move(error);
}

FaultyFileSystem::Lock FaultyFileSystem::operation() {
  Lock lock(mutex_);
  if (++operations_ == lose_power_at_) lose_power();
  return lock;
}

IOStatus FaultyFileSystem::fault() {
  return fail_from_ != 0 && operations_ >= fail_from_ ? error_ : IOStatus::OK();
}

void FaultyFileSystem::track_new(const std::string& name) {
  files_[name] = std::make_shared<Extent>();
  changes_.push_back({directory_of(name), [name] { ::unlink(name.c_str()); }});
}

std::string FaultyFileSystem::bury(const std::string& name) {
  const std::string grave = graveyard_ + "/" + std::to_string(buried_++);
  ::unlink(grave.c_str());
  return ::link(name.c_str(), grave.c_str()) == 0 ? grave : std::string();
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& name, const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                                           IODebugContext* debug) {
  const auto lock = operation();
  std::unique_ptr<rocksdb::FSWritableFile> real;
  const IOStatus done = target()->NewWritableFile(name, options, &real, debug);
  if (!done.ok()) return done;
  track_new(name);
  *file = std::make_unique<File>(std::move(real), *this, files_[name]);
  return done;
}

IOStatus FaultyFileSystem::ReopenWritableFile(const std::string& name, const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                                              IODebugContext* debug) {
  const auto lock = operation();
  std::unique_ptr<rocksdb::FSWritableFile> real;
  const IOStatus done = target()->ReopenWritableFile(name, options, &real, debug);
  if (!done.ok()) return done;
  auto& extent = files_[name];
  if (!extent) {
    const auto size = std::filesystem::file_size(name);
    extent = std::make_shared<Extent>(Extent{size, size});
  }
  *file = std::make_unique<File>(std::move(real), *this, extent);
  return done;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                                        IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  const IOStatus done = target()->NewDirectory(name, options, &real, debug);
  if (done.ok()) *directory = std::make_unique<Directory>(std::move(real), *this, name);
  return done;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                      IODebugContext* debug) {
  const auto lock = operation();
  const std::string grave = bury(name);
  const IOStatus done = target()->DeleteFile(name, options, debug);
  if (done.ok() && !grave.empty()) {
    changes_.push_back(
        {directory_of(name), [name, grave] { (void)!::link(grave.c_str(), name.c_str()); }});
  }
  return done;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* debug) {
  const auto lock = operation();
  const std::string replaced = bury(to);
  const IOStatus done = target()->RenameFile(from, to, options, debug);
  if (!done.ok()) return done;
  changes_.push_back({directory_of(to), [from, to, replaced] {
                        ::rename(to.c_str(), from.c_str());
                        if (!replaced.empty()) (void)!::link(replaced.c_str(), to.c_str());
                      }});
  if (auto node = files_.extract(from)) {
    node.key() = to;
    files_.erase(to);
    files_.insert(std::move(node));
  }
  return done;
}

void FaultyFileSystem::lose_power() {
  for (const auto& [name, extent] : files_) damage(name, *extent);
  // Changes of names reach the disk in order: some of the last are undone.
  const auto kept = std::uniform_int_distribution<std::size_t>(0, changes_.size())(random_);
  while (changes_.size() > kept) {
    changes_.back().undo();
    changes_.pop_back();
  }
  if (at_power_loss_) at_power_loss_(random_);
  ::_exit(kPowerLost);
}

void FaultyFileSystem::damage(const std::string& name, const Extent& extent) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(name, error);
  if (error || size <= extent.synced) return;
  const auto below = [this](std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  };
  switch (below(4)) {
    case 0:  // everything unsynced is gone
      std::filesystem::resize_file(name, extent.synced);
      return;
    case 1:  // cut somewhere
      std::filesystem::resize_file(name, extent.synced + below(size - extent.synced + 1));
      return;
    case 2:  // everything arrived
      return;
    default: {  // some sectors did not arrive, or hold what was there before; maybe cut as well
      const int fd = ::open(name.c_str(), O_WRONLY | O_CLOEXEC);
      for (std::uint64_t at = extent.synced; at < size;
           at = (at / kSectorBytes + 1) * kSectorBytes) {
        if (below(3) != 0) continue;
        const std::uint64_t end = std::min(size, (at / kSectorBytes + 1) * kSectorBytes);
        std::string sector(end - at, '\0');
        if (below(2) == 0)
          std::ranges::generate(sector, [&] { return static_cast<char>(below(256)); });
        (void)!::pwrite(fd, sector.data(), sector.size(), static_cast<off_t>(at));
      }
      ::close(fd);
      if (below(2) == 0)
        std::filesystem::resize_file(name, extent.synced + below(size - extent.synced + 1));
    }
  }
}

}  // namespace leaseledger::test
