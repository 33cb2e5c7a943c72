#include "dataset/input_rows.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "balr/core/error.hpp"
#include "balr/data/audio.hpp"
#include "balr/data/manifest.hpp"
#include "dataset/manifest_rows.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStoreName = "embeddings.h5";

std::string extension_of(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

// A folder that extract wrote, or one with audio and vector files beside it.
StoreRowList rows_of_folder(const fs::path& folder, const OpenOptions& options) {
  if (fs::exists(folder / kStoreName)) return rows_of_store(folder / kStoreName);
  Manifest manifest;
  try {
    manifest = read_manifest(folder, {}, options.audio_formats);
  } catch (const DataError&) {
    throw DataError("the folder " + folder.string() + " holds no " + kStoreName +
                    " and no audio files with vector files beside them: pass a folder that `balr "
                    "extract` has finished, or run it first");
  }
  return rows_of_manifest(manifest, {}, options.kind);
}

}  // namespace

StoreRowList read_input_rows(const fs::path& input, const fs::path& root,
                             const OpenOptions& options) {
  std::error_code error;
  if (!fs::exists(input, error))
    throw DataError("there is no " + input.string() + ", or it may not be read: check the path");
  if (fs::is_directory(input)) return rows_of_folder(input, options);
  const std::string extension = options.format.empty() ? extension_of(input) : "." + options.format;
  if (extension == ".h5") return rows_of_store(input);
  if (extension == ".ark" || extension == ".scp") return rows_of_kaldi(input, extension == ".scp");
  if (extension == ".npy") return rows_of_matrix(input);
  const Manifest manifest = read_manifest(input, root, options.audio_formats);
  if (extension == ".csv" && options.kind == VectorKind::kEmbedding &&
      fs::exists(pointer_path(input)))
    return rows_of_pointer(manifest);
  return rows_of_manifest(manifest, root, options.kind);
}

std::span<const float> vector_of(const StoreRowList& list, const StoreRow& row) {
  const StoreRows& rows = list.stores[row.store].rows;
  return std::span(rows.embeddings)
      .subspan(static_cast<std::size_t>(row.row * rows.dimension),
               static_cast<std::size_t>(rows.dimension));
}

bool is_usable(const StoreRowList& list, const StoreRow& row) {
  if (row.row < 0) return false;
  if (list.stores[row.store].rows.status[static_cast<std::size_t>(row.row)] !=
      static_cast<std::uint8_t>(RowStatus::kOk))
    return false;
  const auto values = vector_of(list, row);
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace balr
