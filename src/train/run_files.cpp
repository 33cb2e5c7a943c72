#include "train/run_files.hpp"

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr int kKeptCheckpoints = 2;

}  // namespace

RunFiles::RunFiles(std::filesystem::path folder, std::vector<std::string> losses,
                   const std::optional<CheckpointMeta>& resumed, RunState state,
                   std::function<void()> before_publish)
    : folder_(std::move(folder)),
      losses_(std::move(losses)),
      state_(std::move(state)),
      before_publish_(std::move(before_publish)),
      history_(folder_ / "history.csv", losses_, resumed ? resumed->history_offset : 0),
      events_(folder_) {
  // Also without a checkpoint: a run killed before its first one may have left points.
  events_.session_start(resumed ? resumed->epoch : 0);
}

void RunFiles::add_epoch(std::int64_t epoch, std::span<const float> train, std::span<const float> test, bool log) {
  BALR_CHECK(train.size() == losses_.size() && (test.empty() || test.size() == losses_.size()));
  history_.add(epoch, train, test);
  for (std::size_t i = 0; i < test.size(); ++i) events_.scalar("test/" + losses_[i], test[i], epoch);
  for (std::size_t i = 0; log && i < train.size(); ++i) events_.scalar("train/" + losses_[i], train[i], epoch);
  events_.flush();
}

void RunFiles::write_weights(const std::string& name, StateDict weights) {
  writer_.add([this, file = folder_ / name, weights = std::move(weights)] {
    before_publish_();
    write_state_dict(file, weights);
  });
}

void RunFiles::write_checkpoint(Checkpoint checkpoint) {
  checkpoint.meta.history_offset = history_.offset();
  writer_.add([this, checkpoint = std::move(checkpoint)] {
    before_publish_();
    history_.sync();
    write_state_dict(folder_ / "last.pt", checkpoint.model);
    save_checkpoint(folder_, checkpoint, kKeptCheckpoints);
    state_.done = checkpoint.meta.epoch;
    write_run_state(folder_, state_);
  });
}

void RunFiles::finish() {
  events_.flush();
  writer_.finish();
}

}  // namespace balr
