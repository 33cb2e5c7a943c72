#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "balr/data/manifest.hpp"
#include "balr/run/lease.hpp"
#include "balr/store/attribute_store.hpp"

namespace balr {

inline constexpr const char* kAttributesName = "attributes.h5";

// Rank 0's view of --save-dir: who owns it, what it holds, and what it says about the run.
class ResultFolder {
 public:
  ResultFolder(std::filesystem::path folder, AttributeInfo info, std::int64_t failed);

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path store() const { return folder_ / kAttributesName; }
  std::filesystem::path parts() const { return folder_ / "parts"; }

  // Whether the finished store of this very run is there. DataError if it is another's (`force`:
  // then it counts as absent).
  bool finished(bool force) const;
  // Of a finished store: what a run that died before it had tidied up left undone.
  void tidy(const std::function<void()>& meanwhile);
  // Makes the folder, takes its lease and, with `force`, removes what others left.
  void open(bool force, const std::function<void()>& meanwhile);
  bool is_open() const { return lease_.has_value(); }
  std::string token() const { return lease_->token(); }
  bool still_owned() const { return lease_->still_owned(); }
  void release() { lease_->release(); }

  // run.json: "running", "stopped" or "complete".
  void note(const std::string& state, std::int64_t done, double per_second,
            const std::string& reason = {}) const;
  // Leaves the pointer beside the binarized CSV, so that `score` finds the store by the CSV's name.
  // One that points to another auto-encoder's store is left alone without `force`; where it cannot
  // be written a warning says what to do instead. Never throws Error.
  void note_pointer(const Manifest& csv, bool force) const;

 private:
  std::filesystem::path folder_;
  AttributeInfo info_;
  std::int64_t failed_;
  std::optional<Lease> lease_;
};

}  // namespace balr
