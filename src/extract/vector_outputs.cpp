#include "extract/vector_outputs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <unordered_set>

#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 8;          // writing waits for the file system, not for a core
constexpr std::int64_t kChunk = 64;  // files a job

// Most paths are so already, and making them so takes longer than all the rest.
fs::path absolute_path(const Utterance& row) {
  const bool plain = row.path.starts_with('/') && row.path.find("//") == std::string::npos &&
                     row.path.find("/.") == std::string::npos;
  return plain ? fs::path(row.path) : fs::absolute(row.path).lexically_normal();
}

// The folder that holds all the audio, however deep.
fs::path common_folder(const Manifest& manifest) {
  std::optional<fs::path> common;
  for (const Utterance& row : manifest.rows) {
    if (row.path.empty()) continue;
    const fs::path folder = absolute_path(row).parent_path();
    if (!common) common = folder;
    if (folder == *common) continue;
    fs::path shared;
    auto a = common->begin(), b = folder.begin();
    for (; a != common->end() && b != folder.end() && *a == *b; ++a, ++b) shared /= *a;
    common = shared;
  }
  return common.value_or(fs::path());
}

// The rows whose text another row has too; empty ones aside. A million rows need 8 MB, where a set
// of texts needs 200.
std::vector<std::int64_t> rows_that_share(const std::vector<std::string>& texts) {
  std::vector<std::int64_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto text = [&](std::int64_t row) -> const std::string& {
    return texts[static_cast<std::size_t>(row)];
  };
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return text(a) < text(b); });
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string& own = text(order[i]);
    const bool before = i > 0 && text(order[i - 1]) == own;
    const bool behind = i + 1 < order.size() && text(order[i + 1]) == own;
    if (!own.empty() && (before || behind)) out.push_back(order[i]);
  }
  return out;
}

// Rows of one file name (a.wav and a.flac) keep their suffix: a.wav_emb.pkl.
std::string with_suffix(const fs::path& reference, VectorFormat format) {
  return reference.string() + "_emb" + std::string(extension_of(format));
}

}  // namespace

VectorOutputs::VectorOutputs(const Manifest& manifest, VectorFormat format, fs::path folder)
    : manifest_(manifest), format_(format) {
  if (!folder.empty()) folder = fs::absolute(folder).lexically_normal();
  const fs::path common = folder.empty() ? fs::path() : common_folder(manifest);
  const auto reference = [&](const Utterance& row) {
    const fs::path path = absolute_path(row);
    return folder.empty() ? path : folder / path.lexically_relative(common);
  };
  for (const Utterance& row : manifest.rows)
    files_.push_back(
        row.path.empty()
            ? std::string()
            : vector_file_name(reference(row), VectorKind::kEmbedding, format).string());
  for (const std::int64_t i : rows_that_share(files_)) {
    const auto at = static_cast<std::size_t>(i);
    files_[at] = with_suffix(reference(manifest.rows[at]), format);
  }
  if (const auto left = rows_that_share(files_); !left.empty()) {
    const auto at = static_cast<std::size_t>(left.front());
    throw DataError("the row '" + manifest.rows[at].id + "' and another one of " +
                    manifest.source.string() + " would share the vector file " + files_[at] +
                    ": use embeddings.format=hdf5, then balr export");
  }
}

std::string VectorOutputs::cell(std::int64_t row, const fs::path& folder) const {
  const fs::path relative =
      fs::path(file(row)).lexically_relative(fs::absolute(folder).lexically_normal());
  return relative.empty() || *relative.begin() == ".." ? file(row) : relative.string();
}

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
