#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace balr {

class World;

// What a rank has done in this run.
struct RankProgress {
  std::int64_t rows_done = 0, rows_failed = 0, rows_reused = 0;
  // Seconds of threads, and what the threads had.
  double decode = 0, features = 0, network = 0, write = 0;
  double decode_time = 0, network_time = 0, write_time = 0;

  RankProgress& operator+=(const RankProgress& other);
};

// "busy: decode 12 %, features 9 %, network 78 %, write 0 %": shares of the time that the threads of each stage had.
std::string busy_text(const RankProgress& sum);

// Rank 0 learns how far all are; the others tell it once a second. Main thread only.
class ProgressBoard {
 public:
  explicit ProgressBoard(World& world);

  // Cheap; call it often.
  void report(const RankProgress& mine);
  // Rank 0: the sum over all ranks, as far as it is known.
  RankProgress sum();
  // Collective: the sum over all ranks at the end, on each.
  RankProgress gather(const RankProgress& mine);

 private:
  World& world_;
  std::chrono::steady_clock::time_point reported_;
  std::vector<RankProgress> ranks_;
};

}  // namespace balr
