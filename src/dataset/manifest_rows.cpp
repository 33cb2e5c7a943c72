#include "dataset/manifest_rows.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 8;           // reading waits for the file system, not for a core
constexpr std::int64_t kChunk = 256;  // rows a job

const char* column_of(VectorKind kind) {
  return kind == VectorKind::kEmbedding ? "embedding" : "binary_attributes";
}

// A cell `file#row`.
struct Cell {
  std::string_view file;
  std::int64_t row = -1;
};

Cell parse_cell(std::string_view text, const Manifest& manifest, std::size_t index) {
  Cell cell;
  const std::size_t hash = text.rfind('#');
  const char* const end = text.data() + text.size();
  const bool named = hash != std::string_view::npos && hash > 0;
  const char* const begin = named ? text.data() + hash + 1 : end;
  const auto [stop, error] = std::from_chars(begin, end, cell.row);
  if (!named || error != std::errc() || stop != end || cell.row < 0)
    throw DataError("row " + std::to_string(index + 1) + " of " + manifest.source.string() +
                    " has the embedding '" + std::string(text) +
                    "', which is neither of the form store.h5#row nor a .pkl, .txt or .npy file: "
                    "run `balr extract " +
                    manifest.source.string() + "`");
  cell.file = text.substr(0, hash);
  return cell;
}

// At most one dimension is longer than 1: (256,), and (1, 256) as well.
bool is_one_vector(const VectorArray& array) {
  return std::count_if(array.shape.begin(), array.shape.end(),
                       [](std::int64_t size) { return size > 1; }) <= 1;
}

class ManifestRows {
 public:
  ManifestRows(const Manifest& manifest, const fs::path& root, VectorKind kind)
      : manifest_(manifest), root_(root), kind_(kind) {
    const auto at = std::find(manifest.header.begin(), manifest.header.end(), column_of(kind));
    if (at != manifest.header.end()) column_ = at - manifest.header.begin();
  }

  StoreRowList read() {
    for (std::size_t i = 0; i < manifest_.rows.size(); ++i) {
      out_.rows.push_back({manifest_.rows[i].id, manifest_.rows[i].speaker, 0, -1});
      read_cell(i);
    }
    find_siblings();
    load_files();
    check_found();
    return std::move(out_);
  }

 private:
  void read_cell(std::size_t index);
  void find_siblings();
  void load_files();
  void check_found() const;
  std::size_t open_store(std::string_view name);
  fs::path resolve_store(const fs::path& store) const;
  void take(std::int64_t at, std::vector<float>& values, const VectorArray& first) const;

  const Manifest& manifest_;
  const fs::path& root_;
  const VectorKind kind_;
  std::optional<std::ptrdiff_t> column_;
  StoreRowList out_;
  std::vector<std::size_t> without_;  // rows without a cell
  struct File {
    std::size_t row;
    std::string path;
  };
  std::vector<File> files_;  // vector files to read
  // By the name as written: a million rows name one or two.
  std::unordered_map<std::string, std::size_t> opened_;
};

// Beside the CSV, where extract put it; a CSV that was moved may name the folder with --root-dir.
fs::path ManifestRows::resolve_store(const fs::path& store) const {
  if (store.is_absolute()) return store;
  const fs::path beside = manifest_.source.parent_path() / store;
  if (fs::exists(beside) || root_.empty()) return beside;
  return root_ / store;
}

std::size_t ManifestRows::open_store(std::string_view name) {
  const auto found = opened_.find(std::string(name));
  if (found != opened_.end()) return found->second;
  const fs::path file = resolve_store(name);
  const bool matrix = vector_format_of(file) == VectorFormat::kNpy;
  return opened_[std::string(name)] = matrix ? out_.load_matrix(file) : out_.load(file);
}

void ManifestRows::read_cell(std::size_t index) {
  const std::string* text =
      column_ ? &manifest_.cells[index][static_cast<std::size_t>(*column_)] : nullptr;
  if (!text || text->empty()) {
    without_.push_back(index);
    return;
  }
  if (vector_format_of(*text)) {
    const fs::path& folder = root_.empty() ? manifest_.source.parent_path() : root_;
    files_.push_back({index, (folder / *text).string()});
    return;
  }
  const Cell cell = parse_cell(*text, manifest_, index);
  StoreRow& row = out_.rows[index];
  row.store = open_store(cell.file);
  row.row = cell.row;
  const std::int64_t count = out_.stores[row.store].rows.rows();
  if (row.row >= count)
    throw DataError("row " + std::to_string(index + 1) + " of " + manifest_.source.string() +
                    " names row " + std::to_string(row.row) + " of a store that has " +
                    std::to_string(count) +
                    ": take the embedding column from the metadata.csv that lies beside the store");
}

// A piece of a file has no file of its own.
void ManifestRows::find_siblings() {
  if (!manifest_.has_audio || manifest_.has_pieces || without_.empty()) return;
  std::vector<std::string> found(without_.size());
  ThreadPool pool(kThreads);
  const auto count = static_cast<std::int64_t>(found.size());
  pool.parallel_for((count + kChunk - 1) / kChunk, [&](std::int64_t chunk) {
    for (std::int64_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); ++i) {
      const Utterance& row = manifest_.rows[without_[static_cast<std::size_t>(i)]];
      if (row.path.empty()) continue;
      if (const auto file = find_vector_file(row.path, kind_))
        found[static_cast<std::size_t>(i)] = file->string();
    }
  });
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i].empty()) files_.push_back({without_[i], std::move(found[i])});
}

// Puts file `at` where it belongs; every file has the size of the first.
void ManifestRows::take(std::int64_t at, std::vector<float>& values,
                        const VectorArray& first) const {
  const std::string& path = files_[static_cast<std::size_t>(at)].path;
  const VectorArray array = read_vector_file(path);
  if (!is_one_vector(array) && array.shape != first.shape)
    throw DataError(path + " does not hold one vector");
  if (array.values.size() != first.values.size())
    throw DataError(path + " holds " + std::to_string(array.values.size()) + " numbers, but " +
                    files_[0].path + " holds " + std::to_string(first.values.size()) +
                    ": both must come from one model");
  std::copy(array.values.begin(), array.values.end(),
            values.begin() + at * static_cast<std::int64_t>(first.values.size()));
}

void ManifestRows::load_files() {
  if (files_.empty()) return;
  const VectorArray first = read_vector_file(files_[0].path);
  const bool pairs = kind_ == VectorKind::kBinaryAttributes && first.shape.size() == 2;
  if (first.values.empty() || (!is_one_vector(first) && !pairs))
    throw DataError(files_[0].path + " does not hold one vector");
  if (pairs) out_.columns = first.shape[1];
  std::vector<float> values(files_.size() * first.values.size());
  ThreadPool pool(kThreads);
  const auto count = static_cast<std::int64_t>(files_.size());
  pool.parallel_for((count + kChunk - 1) / kChunk, [&](std::int64_t chunk) {
    for (std::int64_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); ++i)
      take(i, values, first);
  });
  const fs::path name = std::to_string(count) + " vector files of " + manifest_.source.string();
  const std::size_t store =
      out_.add(name, std::move(values), static_cast<std::int64_t>(first.values.size()));
  for (std::size_t i = 0; i < files_.size(); ++i) {
    out_.rows[files_[i].row].store = store;
    out_.rows[files_[i].row].row = static_cast<std::int64_t>(i);
  }
}

// With a column, an empty cell says that the row failed; without one, a vector must be there.
void ManifestRows::check_found() const {
  if (column_) return;
  const auto missing = std::count_if(out_.rows.begin(), out_.rows.end(),
                                     [](const StoreRow& row) { return row.row < 0; });
  if (missing == 0) return;
  const std::string source = manifest_.source.string();
  const auto first = std::find_if(out_.rows.begin(), out_.rows.end(),
                                  [](const StoreRow& row) { return row.row < 0; });
  const bool none = missing == static_cast<std::ptrdiff_t>(out_.rows.size());
  const std::string command = kind_ == VectorKind::kEmbedding ? "extract" : "binarize";
  const std::string what = kind_ == VectorKind::kEmbedding ? "embeddings" : "binary attributes";
  if (none)
    throw DataError(source + " has no " + what + " yet (no column `" + column_of(kind_) + "`, no " +
                    source + ".embeddings, no vector files beside the audio): run `balr " +
                    command + " " + source +
                    "` first, or pass the folder or the metadata.csv that it wrote");
  throw DataError(std::to_string(missing) + " of " + std::to_string(out_.rows.size()) +
                  " rows of " + source + " have no " + what +
                  " beside their audio (the first is '" + first->id + "'): run `balr " + command +
                  " " + source + "`");
}

}  // namespace

StoreRowList rows_of_manifest(const Manifest& manifest, const fs::path& root, VectorKind kind) {
  return ManifestRows(manifest, root, kind).read();
}

}  // namespace balr
