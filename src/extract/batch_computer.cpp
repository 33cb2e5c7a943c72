#include "extract/batch_computer.hpp"

#include <c10/util/Exception.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "balr/core/fault.hpp"
#include "balr/run/crash_note.hpp"

namespace balr {
namespace {

std::int64_t samples_in(const DecodedRow& row) {
  return static_cast<std::int64_t>(row.clip.samples.size());
}

std::int64_t longest_of(std::span<const std::span<const float>> samples) {
  std::size_t longest = 0;
  for (const auto& clip : samples) longest = std::max(longest, clip.size());
  return static_cast<std::int64_t>(longest);
}

std::vector<std::span<const float>> samples_of(const std::vector<DecodedRow>& rows) {
  std::vector<std::span<const float>> out;
  for (const DecodedRow& row : rows) out.emplace_back(row.clip.samples);
  return out;
}

std::vector<std::int64_t> numbers_of(const std::vector<DecodedRow>& rows) {
  std::vector<std::int64_t> out;
  for (const DecodedRow& row : rows) out.push_back(row.result.row);
  return out;
}

// The last `count` rows, which are taken out.
std::vector<DecodedRow> take_last(std::vector<DecodedRow>& rows, std::size_t count) {
  const auto first = rows.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<DecodedRow> out(std::make_move_iterator(first), std::make_move_iterator(rows.end()));
  rows.erase(first, rows.end());
  return out;
}

}  // namespace

BatchComputer::BatchComputer(const Embedder& embedder, const Options& options,
                             std::function<void(RowResult)> take)
    : embedder_(embedder),
      options_(options),
      take_(std::move(take)),
      memory_limit_(fault_number("memory", "extract.batch", options.rank)) {}

void BatchComputer::add(DecodedRow row) {
  waiting_samples_ += samples_in(row);
  window_.push_back(std::move(row));
}

bool BatchComputer::full() const {
  return static_cast<std::int64_t>(window_.size()) >= window_rows() ||
         waiting_samples_ >= window_samples();
}

double BatchComputer::padded_seconds(std::int64_t samples) const {
  return static_cast<double>(embedder_.padded_samples(samples)) / embedder_.rate();
}

// Rows of a batch whose longest has so many samples.
std::size_t BatchComputer::fitting(std::int64_t longest) const {
  const double seconds = std::min(options_.batch_seconds, embedder_.fitting_seconds());
  const double rows = std::max(1.0, seconds / padded_seconds(longest));
  return static_cast<std::size_t>(std::min(rows, static_cast<double>(options_.batch_size)));
}

void BatchComputer::start() {
  std::stable_sort(window_.begin(), window_.end(), [](const DecodedRow& a, const DecodedRow& b) {
    return samples_in(a) < samples_in(b);
  });
  const DecodedRow& longest = window_.back();
  const bool chunks = longest.chunk_samples > 0;
  const std::int64_t samples = samples_in(longest);
  auto rows = take_last(window_, chunks ? 1 : std::min(window_.size(), fitting(samples)));
  for (const DecodedRow& row : rows) waiting_samples_ -= samples_in(row);
  if (chunks) return compute_chunks(std::move(rows.front()));
  start_rows(std::move(rows));
}

void BatchComputer::start_rows(std::vector<DecodedRow> rows) {
  if (on_the_way_.size() >= kOnTheWay) finish_oldest();
  std::unique_ptr<Embedder::Batch> batch;
  {
    const CrashNote note(options_.journal, numbers_of(rows));
    batch = try_start(samples_of(rows));
  }
  // With the memory of what is on the way, too, if need be.
  if (!batch && !on_the_way_.empty()) {
    drain();
    const CrashNote note(options_.journal, numbers_of(rows));
    batch = try_start(samples_of(rows));
  }
  if (batch) {
    for (DecodedRow& row : rows) row.clip = {};
    on_the_way_.push_back({std::move(rows), std::move(batch)});
  } else if (rows.size() > 1) {
    halve(std::move(rows));
  } else {
    fail(std::move(rows.front()));
  }
}

void BatchComputer::halve(std::vector<DecodedRow> rows) {
  shrink(samples_of(rows));
  auto rest = take_last(rows, rows.size() / 2);
  start_rows(std::move(rows));
  start_rows(std::move(rest));
}

// Too many for the device's memory: from now on half as much at once.
void BatchComputer::shrink(Samples samples) {
  const double seconds =
      static_cast<double>((samples.size() + 1) / 2) * padded_seconds(longest_of(samples));
  if (seconds >= options_.batch_seconds) return;
  options_.batch_seconds = seconds;
  spdlog::warn(
      "the device's memory cannot hold a batch of {}: at most {:.0f} s of audio at once from now "
      "on",
      samples.size(), seconds);
}

void BatchComputer::compute_chunks(DecodedRow row) {
  const std::vector<std::span<const float>> chunks = chunks_of(row);
  std::vector<std::vector<float>> embeddings;
  drain();
  const CrashNote note(options_.journal, {row.result.row});
  for (Samples rest(chunks); !rest.empty();) {
    const std::size_t count = std::min(rest.size(), fitting(row.chunk_samples));
    if (!compute(rest.first(count), embeddings)) return fail(std::move(row));
    rest = rest.subspan(count);
  }
  std::vector<float> mean = mean_of_chunks(row, embeddings);
  take_(finish_row(std::move(row), std::move(mean)));
}

// Appends the embeddings, in order; false if one alone does not fit.
bool BatchComputer::compute(Samples chunks, std::vector<std::vector<float>>& out) {
  if (const auto batch = try_start(chunks)) {
    for (auto& embedding : batch->get()) out.push_back(std::move(embedding));
    return true;
  }
  if (chunks.size() == 1) return false;
  shrink(chunks);
  const std::size_t half = (chunks.size() + 1) / 2;
  return compute(chunks.first(half), out) && compute(chunks.subspan(half), out);
}

// Nothing if the device has not enough memory.
std::unique_ptr<Embedder::Batch> BatchComputer::try_start(Samples samples) {
  if (memory_limit_ > 0 && static_cast<double>(samples.size()) > memory_limit_) return nullptr;
  try {
    return embedder_.start_batch(samples);
  } catch (const c10::OutOfMemoryError& error) {
    spdlog::debug("{}", error.what_without_backtrace());
    return nullptr;
  }
}

void BatchComputer::finish_oldest() {
  OnTheWay oldest = std::move(on_the_way_.front());
  on_the_way_.pop_front();
  const CrashNote note(options_.journal, numbers_of(oldest.rows));
  auto embeddings = oldest.batch->get();
  for (std::size_t i = 0; i < oldest.rows.size(); ++i)
    take_(finish_row(std::move(oldest.rows[i]), std::move(embeddings[i])));
}

void BatchComputer::drain() {
  while (!on_the_way_.empty()) finish_oldest();
}

void BatchComputer::fail(DecodedRow row) {
  row.result.status = RowStatus::kTooLong;
  row.result.reason =
      "the device's memory cannot hold it; use embeddings.long=chunk with shorter "
      "embeddings.max_seconds";
  take_(std::move(row.result));
}

}  // namespace balr
