#include "extract/compute_parts.hpp"

#include <chrono>
#include <map>
#include <utility>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/parts.hpp"
#include "balr/run/stop_flag.hpp"
#include "extract/part_folder.hpp"
#include "extract/row_engine.hpp"

namespace balr {
namespace {

// The parts that this rank has claimed and not yet published.
class OpenParts {
 public:
  OpenParts(const PartFolder& folder, ClaimClient& claims, const PublishRules& rules)
      : folder_(folder), claims_(claims), rules_(rules) {}

  // Returns the rows that are still to be computed; a part that fragments complete is published at once.
  std::vector<std::int64_t> open(std::int64_t part) {
    PartBuffer buffer = rules_.save ? folder_.open(part) : folder_.empty(part);
    std::vector<std::int64_t> rows = buffer.pending();
    if (rows.empty()) {
      publish(buffer);
    } else {
      parts_.emplace(buffer.range().end, std::move(buffer));
    }
    return rows;
  }

  void put(const RowResult& result) {
    const auto at = parts_.upper_bound(result.row);  // the first part that ends behind the row
    BALR_CHECK(at != parts_.end());
    at->second.put(result);
    if (!at->second.complete()) return;
    publish(at->second);
    parts_.erase(at);
  }

  void publish_fragments() {
    if (rules_.save && !parts_.empty()) {
      rules_.before_publish();
      for (const auto& [end, buffer] : parts_) folder_.publish(buffer);
    }
    parts_.clear();
  }

 private:
  void publish(const PartBuffer& buffer) {
    if (rules_.save) {
      rules_.before_publish();
      folder_.publish(buffer);
    }
    claims_.done(buffer.part());
  }

  const PartFolder& folder_;
  ClaimClient& claims_;
  const PublishRules& rules_;
  std::map<std::int64_t, PartBuffer> parts_;  // by the end of the range
};

}  // namespace

bool compute_parts(World& world, ClaimClient& claims, const PartFolder& folder, RowEngine& engine, const StopFlag& stop,
                   const PublishRules& rules, ComputeProgress& progress, const std::function<void()>& between) {
  using namespace std::chrono_literals;
  OpenParts open(folder, claims, rules);
  std::int64_t outstanding = 0;
  bool stopping = false;
  while (true) {
    world.tick();
    between();
    if (!stopping && (stop.requested() || claims.stopped())) {
      stopping = true;
      claims.request_stop();
      outstanding -= static_cast<std::int64_t>(engine.cancel().size());
    }
    if (!stopping && outstanding < engine.appetite()) {
      if (const auto part = claims.next()) {
        for (const std::int64_t row : open.open(*part)) {
          engine.submit(row);
          ++outstanding;
        }
      }
    }
    if (outstanding == 0 && claims.finished()) break;
    if (const auto result = engine.next(outstanding > 0 ? 10ms : 2ms)) {
      --outstanding;
      ++progress.rows_done;
      if (result->status != RowStatus::kOk) ++progress.rows_failed;
      open.put(*result);
    }
  }
  if (stopping) open.publish_fragments();
  return stopping;
}

}  // namespace balr
