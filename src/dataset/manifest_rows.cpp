#include "dataset/manifest_rows.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <unordered_map>

#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dataset/vector_table.hpp"
#include "dataset/kind_names.hpp"
#include "dataset/pack_attributes.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 8;           // reading waits for the file system, not for a core
constexpr std::int64_t kChunk = 256;  // rows a job

// A cell `file#row`.
struct Cell {
  std::string_view file;
  std::int64_t row = -1;
};

Cell parse_cell(std::string_view text, const Manifest& manifest, std::size_t index,
                VectorKind kind) {
  Cell cell;
  const std::size_t hash = text.rfind('#');
  const char* const end = text.data() + text.size();
  const bool named = hash != std::string_view::npos && hash > 0;
  const char* const begin = named ? text.data() + hash + 1 : end;
  const auto [stop, error] = std::from_chars(begin, end, cell.row);
  if (!named || error != std::errc() || stop != end || cell.row < 0)
    throw DataError("row " + std::to_string(index + 1) + " of " + manifest.source.string() +
                    " has '" + std::string(text) + "' in the column " + column_of(kind) +
                    ", which is neither of the form store.h5#row nor a .pkl, .txt or .npy file: "
                    "run `" +
                    command_of(kind) + " " + manifest.source.string() + "`");
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
      : manifest_(manifest), root_(root), kind_(kind), out_(kind) {
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
  VectorArray first_array() const;
  VectorArray read_file(std::size_t at, const VectorArray& first) const;
  void for_each_file(const VectorArray& first,
                     const std::function<void(std::size_t, const VectorArray&)>& take) const;
  std::size_t load_numbers(const fs::path& name, const VectorArray& first);
  std::size_t load_attributes(const fs::path& name, const VectorArray& first);

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
  const Cell cell = parse_cell(*text, manifest_, index, kind_);
  StoreRow& row = out_.rows[index];
  row.store = open_store(cell.file);
  row.row = cell.row;
  const std::int64_t count = out_.rows_in(row.store);
  if (row.row >= count)
    throw DataError("row " + std::to_string(index + 1) + " of " + manifest_.source.string() +
                    " names row " + std::to_string(row.row) + " of a store that has " +
                    std::to_string(count) +
                    ": take the column from the metadata.csv that lies beside the store");
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

// The shape that all files must have: that of the first. Of binary attributes (n, 2).
VectorArray ManifestRows::first_array() const {
  VectorArray first = read_vector_file(files_[0].path);
  const bool pairs = first.shape.size() == 2 && first.shape[1] == 2;
  if (out_.binary() && (!pairs || first.values.empty()))
    throw DataError(files_[0].path +
                    " does not hold binary attributes, which are of the shape (n, 2): run `balr "
                    "binarize` on the embeddings");
  if (!out_.binary() && (first.values.empty() || !is_one_vector(first)))
    throw DataError(files_[0].path + " does not hold one vector");
  return first;
}

VectorArray ManifestRows::read_file(std::size_t at, const VectorArray& first) const {
  const std::string& path = files_[at].path;
  VectorArray array = read_vector_file(path);
  const bool alike = array.shape == first.shape || (!out_.binary() && is_one_vector(array));
  if (!alike && array.values.size() == first.values.size())
    throw DataError(path + " does not hold one vector");
  if (!alike || array.values.size() != first.values.size())
    throw DataError(path + " holds " + std::to_string(array.values.size()) + " numbers, but " +
                    files_[0].path + " holds " + std::to_string(first.values.size()) +
                    ": both must come from one model");
  return array;
}

// Calls `take` with the content of each file, on several threads.
void ManifestRows::for_each_file(
    const VectorArray& first,
    const std::function<void(std::size_t, const VectorArray&)>& take) const {
  ThreadPool pool(kThreads);
  const auto count = static_cast<std::int64_t>(files_.size());
  pool.parallel_for((count + kChunk - 1) / kChunk, [&](std::int64_t chunk) {
    for (std::int64_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); ++i) {
      const auto at = static_cast<std::size_t>(i);
      take(at, read_file(at, first));
    }
  });
}

std::size_t ManifestRows::load_numbers(const fs::path& name, const VectorArray& first) {
  const std::size_t size = first.values.size();
  std::vector<float> values(files_.size() * size);
  for_each_file(first, [&](std::size_t at, const VectorArray& array) {
    std::copy(array.values.begin(), array.values.end(),
              values.begin() + static_cast<std::ptrdiff_t>(at * size));
  });
  return out_.add(name, std::move(values), static_cast<std::int64_t>(size));
}

std::size_t ManifestRows::load_attributes(const fs::path& name, const VectorArray& first) {
  const std::int64_t attributes = first.shape[0];
  const auto bytes = static_cast<std::size_t>(attribute_bytes(attributes));
  std::vector<std::uint8_t> bits(files_.size() * bytes);
  for_each_file(first, [&](std::size_t at, const VectorArray& array) {
    pack_attributes(array.values, 2, bits.data() + at * bytes,
                    files_[at].path + " of the row '" + manifest_.rows[files_[at].row].id + "'");
  });
  return out_.add_bits(name, std::move(bits), attributes);
}

void ManifestRows::load_files() {
  if (files_.empty()) return;
  const VectorArray first = first_array();
  const fs::path name =
      std::to_string(files_.size()) + " vector files of " + manifest_.source.string();
  const std::size_t store =
      out_.binary() ? load_attributes(name, first) : load_numbers(name, first);
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
  const std::string command = "`" + command_of(kind_) + " " + source + "`";
  const std::string what = plural_of(kind_);
  if (none)
    throw DataError(source + " has no " + what + " yet (no column `" + column_of(kind_) + "`, no " +
                    pointer_path(source, kind_).string() +
                    ", no vector files beside the audio): " + "run " + command +
                    " first, or pass the folder or the metadata.csv that it wrote");
  throw DataError(std::to_string(missing) + " of " + std::to_string(out_.rows.size()) +
                  " rows of " + source + " have no " + what +
                  " beside their audio (the first is '" + first->id + "'): run " + command);
}

}  // namespace

StoreRowList rows_of_manifest(const Manifest& manifest, const fs::path& root, VectorKind kind) {
  return ManifestRows(manifest, root, kind).read();
}

}  // namespace balr
