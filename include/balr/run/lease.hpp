#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "balr/run/job.hpp"

// One run per folder. The file `.balr-lease` says who writes there and when it last gave a sign of life; file locks are
// unreliable on Lustre and NFS. Rank 0 holds the lease; the other ranks check it by its token.
namespace balr {

struct LeaseOptions {
  double heartbeat_seconds = 20;  // between two signs of life (a thread of its own gives them)
  double stale_seconds = 120;     // a lease of another host that gives none for so long is stale
  ProcessIdentity process = this_process();
  JobInfo job = job_from_environment();
};

class Lease {
 public:
  // Takes the folder, which exists. A lease of a dead process of this host, or of the same job before a restart, is stale at
  // once; that of another host after stale_seconds without a sign of life, which are waited for unless the last one is much older
  // (a warning says so; `meanwhile` is called many times a second and may throw). Throws ConfigError naming the owner if it
  // lives; IoError.
  static Lease acquire(const std::filesystem::path& folder, const LeaseOptions& options = {},
                       const std::function<void()>& meanwhile = {});
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();  // release()

  // To be asked before each publish: false if another run has taken over, which a run that was suspended for long must expect.
  bool still_owned() const;
  const std::string& token() const;
  // Gives a sign of life now.
  void refresh();
  void release();

  // still_owned() for the other ranks.
  static bool owned_by(const std::filesystem::path& folder, const std::string& token);

 private:
  struct State;
  explicit Lease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace balr
