#pragma once
// The projector follows a log and feeds the views, in order, behind the writer. It stops on an error and never skips. Views that
// cannot be stored for want of room go on from memory, and are stored when there is room.
// Flow: ledger/event_log.h -> [projector.h] -> view_store.h -> queries.h

#include "ledger/event_log.h"
#include "projections/view_store.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace leaseledger {

struct ProjectorOptions {
  /// stored when so many records wait in memory (about 200 octets each).
  std::size_t flush_events = std::size_t{1} << 20;
  /// the same while nothing new comes, and when it stops.
  std::size_t idle_flush_events = 65'536;
  bool read_only = false;  ///< nothing is stored.
  /// Told when stored views could not be used and are built again.
  std::function<void(const Error&)> on_rebuild;
};

class Projector {
 public:
  /// Opens the views in `folder`; views that are damaged, of another ledger or ahead of the log are dropped and built again.
  /// Borrows `log` for its lifetime.
  static Result<std::unique_ptr<Projector>> open(const EventLog& log, std::filesystem::path folder,
                                                 ProjectorOptions options = {});
  ~Projector();
  Projector(const Projector&) = delete;
  Projector& operator=(const Projector&) = delete;

  /// Follows the log in a thread of its own until stop().
  void start();
  void stop();

  /// Brings the views up to `position` in the calling thread, unless the thread of start() does it: then waits for it.
  Status catch_up(Position position);
  /// Waits until the views are at `position`. ERROR_TIMEOUT; or the error that stopped the projector.
  Status wait_for(Position position, std::chrono::milliseconds timeout) const;

  Position position() const;
  /// Records that are in the log and not in the views.
  Position lag() const;
  /// Good, or the error at which it stopped.
  Status status() const;
  /// Good, or why what is in memory could not be stored; tried again every second.
  Status storing() const;

  /// Stores what is in memory.
  Status flush();

  /// Builds the views anew beside the old ones, which go on being fed and read, compares both at the same position, and
  /// switches. The names of views in which the old ones differed: none when they were right.
  Result<std::vector<std::string>> rebuild();

  /// The views as they are now. Holds them for as long as the pointer lives, also through a rebuild.
  std::shared_ptr<const ViewStore> views() const;

  /// Compares what is stored with what the log says; the names of views that differ.
  Result<std::vector<std::string>> compare_with_log(
      std::uint64_t* entries = nullptr, const std::function<bool(Position)>& progress = {}) const;

 private:
  Projector(const EventLog& log, std::filesystem::path folder, ProjectorOptions options);
  Status feed(ViewStore& store, Position to);
  void flush_idle();
  Status store_or_wait(ViewStore& store);
  std::filesystem::path folder_of(std::uint64_t generation) const;
  std::uint64_t find_generation() const;
  void follow();

  const EventLog& log_;
  const std::filesystem::path folder_;
  const ProjectorOptions options_;
  mutable std::mutex mutex_;  // one feeder at a time; guards everything below
  mutable std::condition_variable moved_;
  std::shared_ptr<ViewStore> store_;
  std::uint64_t generation_ = 1;    // DIR/views/<generation>
  mutable std::mutex state_mutex_;  // guards what follows, for those who only look
  Position position_ = 0;
  Status status_;
  Status storing_;
  std::chrono::steady_clock::time_point store_again_;
  mutable std::condition_variable wanted_;  // with state_mutex_
  mutable Position wanted_position_ = 0;    // somebody waits for it
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace leaseledger
