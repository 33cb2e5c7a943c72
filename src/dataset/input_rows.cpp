#include "dataset/input_rows.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"
#include "dataset/kind_names.hpp"
#include "dataset/manifest_rows.hpp"
#include "dataset/pack_attributes.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string extension_of(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

// A folder that extract (or binarize) wrote, or one with audio and vector files beside it.
StoreRowList rows_of_folder(const fs::path& folder, const OpenOptions& options) {
  const std::string name = store_name_of(options.kind);
  if (fs::exists(folder / name)) return rows_of_store(folder / name, options.kind);
  Manifest manifest;
  try {
    manifest = read_manifest(folder, {}, options.audio_formats);
  } catch (const DataError&) {
    throw DataError("the folder " + folder.string() + " holds no " + name +
                    " and no audio files with vector files beside them: pass a folder that `" +
                    command_of(options.kind) + "` has finished, or run it first");
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
  if (extension == ".h5") return rows_of_store(input, options.kind);
  if (extension == ".ark" || extension == ".scp")
    return rows_of_kaldi(input, extension == ".scp", options.kind);
  if (extension == ".npy") return rows_of_matrix(input, options.kind);
  const Manifest manifest = read_manifest(input, root, options.audio_formats);
  if (extension == ".csv" && fs::exists(pointer_path(input, options.kind)))
    return rows_of_pointer(manifest, options.kind);
  return rows_of_manifest(manifest, root, options.kind);
}

void append_vector(const StoreRowList& list, const StoreRow& row, std::vector<float>& out) {
  if (list.binary()) {
    append_numbers(list.bits(row), list.dimension(), 2, out);
  } else {
    const auto values = list.vector(row);
    out.insert(out.end(), values.begin(), values.end());
  }
}

RowStatus status_of(const StoreRowList& list, const StoreRow& row) {
  if (row.row < 0) return RowStatus::kMissing;
  const auto status = static_cast<RowStatus>(list.status(row));
  if (status != RowStatus::kOk || list.binary()) return status;
  const auto values = list.vector(row);
  const bool finite =
      std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  return finite ? RowStatus::kOk : RowStatus::kNonFinite;
}

DroppedRows drop_failed_rows(StoreRowList& list, const fs::path& input) {
  DroppedRows dropped;
  std::erase_if(list.rows, [&](const StoreRow& row) {
    const RowStatus status = status_of(list, row);
    if (status == RowStatus::kOk) return false;
    dropped.emplace(row.id, row.row >= 0 ? to_string(status)
                            : list.binary() ? "no attributes in " + input.string()
                                            : "no embedding in " + input.string());
    return true;
  });
  return dropped;
}

}  // namespace balr
