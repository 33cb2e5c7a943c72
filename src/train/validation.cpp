#include "train/validation.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "balr/core/error.hpp"

namespace balr {

std::optional<std::vector<std::int64_t>> training_labels(const Table& train,
                                                         const Table& test) {
  std::unordered_map<std::string, std::int64_t> numbers;
  for (std::size_t i = 0; i < train.label_names.size(); ++i)
    numbers.emplace(train.label_names[i], static_cast<std::int64_t>(i));
  std::vector<std::int64_t> of_name, labels;
  for (const std::string& name : test.label_names) {
    const auto found = numbers.find(name);
    if (found == numbers.end()) return std::nullopt;
    of_name.push_back(found->second);
  }
  for (const std::int64_t label : test.labels)
    labels.push_back(of_name[static_cast<std::size_t>(label)]);
  return labels;
}

ValidationPass::ValidationPass(const TrainSettings& settings, Batches& test,
                               bool speakers_are_known)
    : full_(settings.validation == Validation::kFull),
      test_(test),
      weights_(settings.losses.weights()) {
  for (const std::string& name : settings.losses.names()) {
    if (name == "MSE") mse_ = counts_.size();
    counts_.push_back(name != "ArcFace" || speakers_are_known);
    by_batches_.push_back(counts_.back() && name != "MSE");
  }
}

BatchUse ValidationPass::use(const TrainSettings& settings) {
  if (settings.validation == Validation::kSampled) return BatchUse::kSampled;
  return settings.losses.needs_speakers() ? BatchUse::kExhaustive : BatchUse::kNone;
}

// Means over the batches of an epoch.
std::vector<double> ValidationPass::by_batches(TrainStep& step, std::int64_t epoch) {
  std::vector<double> sums(weights_.size());
  if (std::none_of(by_batches_.begin(), by_batches_.end(), [](bool wanted) { return wanted; }))
    return sums;
  for (std::int64_t number = 0; number < test_.count(); ++number) {
    const Batch batch = test_.get(epoch, number);
    const std::vector<double> values = step.evaluate_losses(batch.x, batch.labels, by_batches_);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += values[i];
  }
  for (double& sum : sums) sum /= static_cast<double>(test_.count());
  return sums;
}

// All rows once, or those of an epoch's batches, which are of one size.
Evaluation ValidationPass::by_rows(TrainStep& step, std::int64_t epoch, std::int64_t& rows) {
  if (full_) {
    rows = test_.values().size(0);
    return step.evaluate(test_.values());
  }
  Evaluation sum;
  for (std::int64_t number = 0; number < test_.count(); ++number) {
    const Batch batch = test_.get(epoch, number);
    const Evaluation of_batch = step.evaluate(batch.x);
    rows += batch.x.size(0);
    sum.mse += of_batch.mse / static_cast<double>(test_.count());
    sum.ones.resize(of_batch.ones.size());
    for (std::size_t j = 0; j < sum.ones.size(); ++j) sum.ones[j] += of_batch.ones[j];
  }
  return sum;
}

ValidationPass::Result ValidationPass::run(TrainStep& step, std::int64_t epoch) {
  const std::int64_t batches_of = full_ ? 0 : epoch;
  std::int64_t rows = 0;
  const Evaluation all = by_rows(step, batches_of, rows);
  std::vector<double> values = by_batches(step, batches_of);
  if (mse_) values[*mse_] = all.mse;
  double total = 0;
  Result result{{0.0f}, code_use(all.ones, rows)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (counts_[i]) total += weights_[i] * values[i];
    result.losses.push_back(counts_[i] ? std::optional(static_cast<float>(values[i]))
                                       : std::nullopt);
  }
  result.losses[0] = static_cast<float>(total);
  return result;
}

}  // namespace balr
