#include "extract/vector_outputs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_set>

#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 8;          // writing waits for the file system, not for a core
constexpr std::int64_t kChunk = 64;  // files a job

std::vector<std::string> audio_paths(const Manifest& manifest) {
  std::vector<std::string> out;
  for (const Utterance& row : manifest.rows) out.push_back(row.path);
  return out;
}

std::vector<std::string> ids_of(const Manifest& manifest) {
  std::vector<std::string> out;
  for (const Utterance& row : manifest.rows) out.push_back(row.id);
  return out;
}

}  // namespace

VectorOutputs::VectorOutputs(const Manifest& manifest, VectorFormat format, fs::path folder)
    : manifest_(manifest),
      format_(format),
      names_(audio_paths(manifest), ids_of(manifest), VectorKind::kEmbedding, format,
             std::move(folder), manifest.source.string()) {}

void VectorOutputs::write(std::int64_t first_row, const StoreRows& rows) const {
  std::vector<std::int64_t> wanted;
  std::unordered_set<std::string> folders;
  for (std::int64_t i = 0; i < rows.rows(); ++i) {
    if (rows.status[static_cast<std::size_t>(i)] != static_cast<std::uint8_t>(RowStatus::kOk))
      continue;
    wanted.push_back(i);
    const fs::path folder = fs::path(file(first_row + i)).parent_path();
    if (!folders.insert(folder.string()).second) continue;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      throw IoError("cannot create the folder " + folder.string() + ": " + error.message());
  }
  ThreadPool pool(kThreads);
  const auto count = static_cast<std::int64_t>(wanted.size());
  pool.parallel_for((count + kChunk - 1) / kChunk, [&](std::int64_t chunk) {
    for (std::int64_t k = chunk * kChunk; k < std::min(count, (chunk + 1) * kChunk); ++k) {
      const std::int64_t i = wanted[static_cast<std::size_t>(k)];
      const auto values = std::span(rows.embeddings)
                              .subspan(static_cast<std::size_t>(i * rows.dimension),
                                       static_cast<std::size_t>(rows.dimension));
      write_vector_file(file(first_row + i),
                        vector_file_content(values, {rows.dimension}, format_));
    }
  });
}

std::optional<fs::path> VectorOutputs::existing(std::int64_t row, const fs::path& root) const {
  const Utterance& utterance = manifest_.rows[static_cast<std::size_t>(row)];
  if (vector_format_of(utterance.embedding)) {
    const fs::path cell =
        (root.empty() ? manifest_.source.parent_path() : root) / utterance.embedding;
    if (fs::exists(cell)) return cell;
  }
  if (utterance.path.empty()) return std::nullopt;
  if (fs::exists(file(row))) return file(row);
  // Beside the audio there is one for the whole file.
  if (manifest_.has_pieces) return std::nullopt;
  return find_vector_file(utterance.path, VectorKind::kEmbedding);
}

std::optional<RowResult> VectorOutputs::find(std::int64_t row, const fs::path& root,
                                             std::int64_t dimension) const {
  const auto path = existing(row, root);
  if (!path) return std::nullopt;
  VectorArray array;
  try {
    array = read_vector_file(*path);
  } catch (const Error& error) {
    spdlog::warn("computing the row '{}' again: {}",
                 manifest_.rows[static_cast<std::size_t>(row)].id, error.what());
    return std::nullopt;
  }
  if (static_cast<std::int64_t>(array.values.size()) != dimension)
    throw DataError(path->string() + " holds " + std::to_string(array.values.size()) +
                    " numbers, but the model gives " + std::to_string(dimension) +
                    ": it is of another model; compute all rows with --force");
  const bool finite = std::all_of(array.values.begin(), array.values.end(),
                                  [](float value) { return std::isfinite(value); });
  if (!finite) return std::nullopt;  // the Python balr writes NaN for audio that is too short
  RowResult result;
  result.row = row;
  result.status = RowStatus::kOk;
  result.reason = kTakenNote;
  result.embedding = std::move(array.values);
  return result;
}

}  // namespace balr
