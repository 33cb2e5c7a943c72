#include "balr/score/train_scorer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "balr/core/atomic_file.hpp"
#include "balr/core/partition.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/cores.hpp"
#include "balr/dist/world.hpp"
#include "balr/scoring/scorer_file.hpp"
#include "score/output.hpp"
#include "score/scorer_checks.hpp"
#include "score/shared_input.hpp"

namespace balr {
namespace {

// The ranks count the recordings of whole speakers each.
SpeakerCounts count_attributes(const AttributeTable& table, World& world) {
  SpeakerCounts counts(table.label_names, table.attributes);
  const Range mine = slice(counts.size(), world.rank(), world.size());
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const std::int64_t speaker = table.labels[static_cast<std::size_t>(row)];
    if (speaker >= mine.begin && speaker < mine.end) add_recording(counts, speaker, table.row(row));
    if (row % 100000 == 0) world.tick();
  }
  std::vector<std::size_t> rows, cells;
  for (int rank = 0; rank < world.size(); ++rank) {
    rows.push_back(static_cast<std::size_t>(slice(counts.size(), rank, world.size()).size()) *
                   sizeof(std::int32_t));
    cells.push_back(rows.back() * static_cast<std::size_t>(table.attributes));
  }
  const auto gather = [&](std::vector<std::int32_t>& all, std::int64_t width,
                          const std::vector<std::size_t>& sizes) {
    const auto part = std::span(all).subspan(static_cast<std::size_t>(mine.begin * width),
                                             static_cast<std::size_t>(mine.size() * width));
    const std::vector<std::int32_t> copy(part.begin(), part.end());
    world.all_gather_bytes(std::as_bytes(std::span(copy)), std::as_writable_bytes(std::span(all)),
                           sizes, "counts of each speaker");
  };
  gather(counts.recordings, 1, rows);
  gather(counts.active, table.attributes, cells);
  return counts;
}

std::vector<std::string> sorted_hashes(const std::vector<std::string>& names) {
  std::vector<std::string> hashes;
  for (const std::string& name : names) hashes.push_back(name_hash(name));
  std::ranges::sort(hashes);
  return hashes;
}

ScorerCard make_card(const TrainScorerOptions& options, const AttributeTable& table,
                     const SpeakerCounts& counts, const FitReport& report) {
  ScorerCard card;
  card.settings = options.settings;
  card.program_version = options.program_version;
  card.data_source = table.source;
  card.data_hash = table.content_hash;
  card.encoder = table.encoder;
  card.population = options.population;
  card.propositions = options.propositions;
  card.attributes = counts.attributes;
  card.speakers = counts.size();
  card.recordings = counts.total_recordings();
  card.fewest_recordings = *std::ranges::min_element(counts.recordings);
  card.most_recordings = *std::ranges::max_element(counts.recordings);
  card.report = report;
  card.speaker_hashes = sorted_hashes(counts.speakers);
  card.recording_hashes = sorted_hashes(table.ids);
  return card;
}

void tell_data(const AttributeTable& table, const SpeakerCounts& counts) {
  spdlog::info("{} recordings of {} speakers, {} attributes, from {}", table.rows(), counts.size(),
               counts.attributes, table.source);
  if (!table.dropped.empty())
    spdlog::warn("{} recordings are left out: they have no attributes", table.dropped.size());
  if (counts.size() < 30)
    spdlog::warn("{} speakers are few: what a scorer of so few says about others is uncertain",
                 counts.size());
}

}  // namespace

ExitCode train_scorer(const TrainScorerOptions& options, World& world) {
  const AttributeTable table =
      share_attributes({options.input, options.root, options.audio_formats}, true, world);
  all_agree(world, "checking the data",
            [&] { check_attribute_count(options.attributes, table.attributes, table.source); });
  const SpeakerCounts counts = count_attributes(table, world);
  const int cores = cores_of_rank(world);
  all_agree(world, "fitting the scorer", [&] {
    if (world.rank() != 0) return;
    const Busy busy(world, "fitting the scorer");
    tell_data(table, counts);
    ThreadPool pool(options.num_threads > 0 ? static_cast<int>(options.num_threads) : cores);
    const Fit fit = fit_scorer(counts, options.settings, pool.runner());
    require_converged(fit.report, options.settings);
    if (!fit.report.constant_attributes.empty())
      spdlog::warn("{} of {} attributes are the same in all recordings: they say nothing",
                   fit.report.constant_attributes.size(), counts.attributes);
    const auto folder =
        choose_output(options.save_dir, {"scorer.pt", "scorer.json"}, options.exist_ok);
    create_output(folder);
    write_file_atomically(folder / "config.yaml", options.config_yaml);
    write_scorer(folder, fit.buffers, make_card(options, table, counts, fit.report));
    spdlog::info("the scorer is in {}", (folder / "scorer.pt").string());
  });
  return ExitCode::kOk;
}

}  // namespace balr
