#include "extract/outputs.hpp"

#include <algorithm>

#include "balr/core/atomic_file.hpp"
#include "balr/data/audio.hpp"
#include "extract/metadata_table.hpp"
#include "extract/reuse.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::int32_t kLowRate = 16000;

std::int64_t widest(const std::vector<Utterance>& rows, std::string Utterance::*member) {
  std::size_t width = 1;
  for (const Utterance& row : rows) width = std::max(width, (row.*member).size());
  return static_cast<std::int64_t>(width);
}

void count(MergeCounts& counts, const StoreRows& rows, std::size_t at) {
  ++counts.rows;
  const auto status = static_cast<RowStatus>(rows.status[at]);
  if (status != RowStatus::kOk) {
    ++counts.failed;
    ++counts.reasons[to_string(status)];
    return;
  }
  counts.seconds += static_cast<double>(rows.seconds[at]);
  const bool decoded = rows.source_rate[at] > 0;  // else it was taken from a vector file
  counts.low_rate += decoded && rows.source_rate[at] < kLowRate;
  counts.short_audio += decoded && rows.seconds[at] < 1;
  if (!rows.reasons.empty() && !rows.reasons[at].empty()) ++counts.notes[rows.reasons[at]];
}

// The three tables beside the store.
struct Tables {
  Tables(const Manifest& m, const VectorOutputs* vectors, const fs::path& folder)
      : manifest(m), metadata(m, vectors, folder) {}

  void add(std::int64_t row, const StoreRows& rows, std::size_t at) {
    const Utterance& utterance = manifest.rows[static_cast<std::size_t>(row)];
    const auto status = static_cast<RowStatus>(rows.status[at]);
    metadata.add(row, status == RowStatus::kOk);
    sources += source_line(utterance, rows.file_size[at], rows.file_time[at]);
    if (status == RowStatus::kOk) return;
    std::string reason = to_string(status);
    if (!rows.reasons[at].empty()) reason += ": " + rows.reasons[at];
    failures += csv_line({std::to_string(row), utterance.id, utterance.path, reason});
  }

  const Manifest& manifest;
  MetadataTable metadata;
  std::string failures = csv_line({"row", "id", "path", "reason"});
  std::string sources = source_header();
};

std::string listed(const std::map<std::string, std::int64_t>& counts) {
  std::string out;
  for (const auto& [name, rows] : counts) out += (out.empty() ? "" : ", ") + std::to_string(rows) + " " + name;
  return out;
}

}  // namespace

MergeCounts merge_parts(const PartFolder& parts, const Manifest& manifest, const StoreInfo& info, std::int64_t dimension,
                        const fs::path& folder, const VectorOutputs* vectors) {
  MergeCounts counts;
  Tables tables(manifest, vectors, folder);
  StoreWriter writer(folder / kStoreName, info, info.total_rows, dimension, widest(manifest.rows, &Utterance::id),
                     widest(manifest.rows, &Utterance::speaker));
  parts.for_each_part([&](const PartBuffer& part) {
    StoreRows rows = part.rows();
    for (std::size_t at = 0; at < rows.status.size(); ++at) {
      count(counts, rows, at);
      tables.add(part.range().begin + static_cast<std::int64_t>(at), rows, at);
    }
    if (vectors) vectors->write(part.range().begin, rows);
    rows.reasons.clear();
    rows.file_size.clear();
    rows.file_time.clear();
    writer.append(rows);
  });
  // The store last: where it is, the others are.
  write_file_atomically(folder / "failures.csv", tables.failures);
  write_file_atomically(folder / "sources.csv", tables.sources);
  write_file_atomically(folder / "metadata.csv", tables.metadata.text());
  writer.finish();
  return counts;
}

void complete_vector_files(const Manifest& manifest, const fs::path& folder, const VectorOutputs& vectors) {
  Store store = read_store(folder / kStoreName);
  MetadataTable metadata(manifest, &vectors, folder);
  for (std::int64_t row = 0; row < store.rows.rows(); ++row) {
    std::uint8_t& status = store.rows.status[static_cast<std::size_t>(row)];
    const bool ok = status == static_cast<std::uint8_t>(RowStatus::kOk);
    metadata.add(row, ok);
    if (ok && fs::exists(vectors.file(row))) status = static_cast<std::uint8_t>(RowStatus::kPending);  // not to be written
  }
  vectors.write(0, store.rows);
  write_file_atomically(folder / "metadata.csv", metadata.text());
}

MergeCounts count_rows(const fs::path& store) {
  MergeCounts counts;
  const Store all = read_store(store);
  for (std::size_t at = 0; at < all.rows.status.size(); ++at) count(counts, all.rows, at);
  return counts;
}

std::vector<std::string> summary(const MergeCounts& counts) {
  std::vector<std::string> lines;
  const auto say = [&](std::int64_t rows, const std::string& what) {
    if (rows > 0) lines.push_back(std::to_string(rows) + what);
  };
  say(counts.failed, " rows failed (" + listed(counts.reasons) + "): see failures.csv");
  say(counts.low_rate, " rows come from files below 16 kHz, which lack the upper part of the spectrum");
  say(counts.short_audio, " rows are shorter than 1 s: their embeddings say little");
  for (const auto& [note, rows] : counts.notes) say(rows, " rows are " + note);
  return lines;
}

std::map<std::string, std::int64_t> count_table(const MergeCounts& counts) {
  std::map<std::string, std::int64_t> out = {{"below_16_khz", counts.low_rate}, {"shorter_than_1_s", counts.short_audio}};
  for (const auto& [reason, rows] : counts.reasons) out["failed_" + reason] = rows;
  for (const auto& [note, rows] : counts.notes) out[note] = rows;
  return out;
}

}  // namespace balr
