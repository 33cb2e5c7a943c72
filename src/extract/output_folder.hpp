#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "balr/run/lease.hpp"
#include "balr/run/run_state.hpp"
#include "balr/store/embedding_store.hpp"
#include "extract/outputs.hpp"

namespace balr {

// Rank 0's view of --save-dir: who owns it, what it holds, and what it says about the run.
class OutputFolder {
 public:
  OutputFolder(std::filesystem::path folder, const StoreInfo& info);

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path store() const;

  // Whether the finished store of this very run is there. DataError if it is another's (`force`: then it counts as absent).
  bool finished(bool force) const;
  // The counts of the finished store. If the run that made it died before it had tidied up, that is done now.
  MergeCounts finished_counts(const std::function<void()>& meanwhile);
  // Makes the folder, takes its lease and, with `force`, removes what others left. `meanwhile`: Lease::acquire.
  void open(bool force, const std::function<void()>& meanwhile);
  bool is_open() const { return lease_.has_value(); }
  std::string token() const { return lease_->token(); }
  bool still_owned() const { return lease_->still_owned(); }

  // run.json
  void note_start(const std::string& version);
  void note_stop(const std::string& reason, std::int64_t done, double per_second);
  void note_end(const MergeCounts& counts, double per_second);
  void release();

 private:
  std::filesystem::path folder_;
  const StoreInfo& info_;
  std::optional<Lease> lease_;
  RunState state_;
};

}  // namespace balr
