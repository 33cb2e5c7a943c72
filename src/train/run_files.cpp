#include "train/run_files.hpp"

#include "balr/core/error.hpp"
#include "balr/core/fault.hpp"

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
      json_(folder_ / "history.jsonl", losses_, resumed ? resumed->epoch : 0),
      events_(folder_) {
  // Also without a checkpoint: a run killed before its first one may have left points.
  events_.session_start(resumed ? resumed->epoch : 0);
}

void RunFiles::add_epoch(const EpochReport& report, bool log) {
  history_.add(report.epoch, report.train, report.test);
  json_.add(report);
  const auto scalar = [&](const std::string& tag, double value) {
    events_.scalar(tag, static_cast<float>(value), report.epoch);
  };
  for (std::size_t i = 0; i < report.test.size(); ++i)
    if (report.test[i]) events_.scalar("test/" + losses_[i], *report.test[i], report.epoch);
  if (report.codes) {
    scalar("codes/always_on", report.codes->always_on);
    scalar("codes/never_on", report.codes->never_on);
    scalar("codes/entropy", report.codes->entropy);
  }
  if (log) {
    for (std::size_t i = 0; i < report.train.size(); ++i)
      events_.scalar("train/" + losses_[i], report.train[i], report.epoch);
    scalar("optimizer/learning_rate", report.learning_rate);
    scalar("optimizer/gradient_norm", report.gradient_norm);
    scalar("speed/rows_per_second", report.rows_per_second);
  }
  events_.flush();
}

void RunFiles::add_hyper_parameters(const std::vector<HyperParameter>& parameters) {
  events_.hyper_parameters(parameters);
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
    fault_point("train.save.last", 0, checkpoint.meta.finished);
    save_checkpoint(folder_, checkpoint, kKeptCheckpoints);
    fault_point("train.save.saved", 0, checkpoint.meta.finished);
    state_.done = checkpoint.meta.epoch;
    write_run_state(folder_, state_);
  });
}

void RunFiles::finish() {
  events_.flush();
  writer_.finish();
}

}  // namespace balr
