#include <algorithm>
#include <fstream>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/data/kaldi_table.hpp"
#include "balr/data/manifest.hpp"
#include "balr/dataset/convert.hpp"
#include "dataset/input_rows.hpp"
#include "dataset/pack_attributes.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 8;           // writing waits for the file system, not for a core
constexpr std::int64_t kChunk = 256;  // files a job
constexpr const char* kMetadata = "metadata.csv";

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("cannot create the folder " + folder.string() + ": " + error.message());
}

// A path below the folder whatever the id: no empty, `.` or `..` parts.
std::string inside(const std::string& id) {
  std::string out;
  for (std::size_t begin = 0; begin <= id.size();) {
    const std::size_t end = std::min(id.find('/', begin), id.size());
    const std::string part = id.substr(begin, end - begin);
    out += (begin == 0 ? "" : "/") + (part.empty() || part == "." || part == ".." ? "_" : part);
    begin = end + 1;
  }
  return out;
}

std::string without_audio_suffix(const std::string& id, const std::vector<std::string>& formats) {
  const std::size_t dot = id.rfind('.');
  if (dot == std::string::npos || dot == 0 || id[dot - 1] == '/') return id;
  std::string suffix = id.substr(dot + 1);
  for (char& c : suffix)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::find(formats.begin(), formats.end(), suffix) == formats.end() ? id
                                                                            : id.substr(0, dot);
}

// One file name a row, relative to the folder, no two alike.
std::vector<std::string> file_names(const std::vector<StoreRow>& rows, const std::string& ending,
                                    const std::vector<std::string>& audio_formats) {
  std::unordered_map<std::string, int> count;
  for (const StoreRow& row : rows) ++count[inside(without_audio_suffix(row.id, audio_formats))];
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  for (const StoreRow& row : rows) {
    std::string name = inside(without_audio_suffix(row.id, audio_formats));
    if (count[name] > 1) name = inside(row.id);
    name += ending;
    if (!seen.insert(name).second)
      throw DataError("the id '" + row.id + "' and another one give the same file " + name +
                      ": rename one, or export npy");
    names.push_back(std::move(name));
  }
  return names;
}

class Export {
 public:
  Export(const ConvertOptions& options, ExportFormat format)
      : options_(options),
        format_(format),
        list_(read_input_rows(options.input, options.root, options.open)) {
    counts_.left_out = static_cast<std::int64_t>(drop_failed_rows(list_, options.input).size());
    counts_.rows = static_cast<std::int64_t>(list_.rows.size());
    if (counts_.rows == 0)
      throw DataError("no row of " + options.input.string() + " has a vector: nothing to export");
  }

  ConvertCounts run() {
    const fs::path last =
        options_.folder / (format_ == ExportFormat::kKaldi ? matrix_name(".ark") : kMetadata);
    if (fs::exists(last) && !options_.force)
      throw DataError(last.string() +
                      " is there already: choose another --out, or replace it with "
                      "--force");
    make_folder(options_.folder);
    switch (format_) {
      case ExportFormat::kPickle:
        write_files(VectorFormat::kPickle);
        break;
      case ExportFormat::kText:
        write_files(VectorFormat::kText);
        break;
      case ExportFormat::kNpy:
        write_matrix();
        break;
      case ExportFormat::kKaldi:
        write_kaldi();
        break;
    }
    return counts_;
  }

 private:
  void write_files(VectorFormat format);
  void write_matrix();
  void write_kaldi();
  void write_metadata(const std::vector<std::string>& cells) const;
  // Of attributes: one number each. `memory` holds what does not lie in the store so.
  std::span<const float> row_of_matrix(const StoreRow& row, std::vector<float>& memory) const {
    if (!list_.binary()) return list_.vector(row);
    append_numbers(list_.bits(row), list_.dimension(), 1, memory);
    return memory;
  }
  std::string matrix_name(const char* extension) const {
    return (list_.binary() ? "attributes" : "embeddings") + std::string(extension);
  }

  const ConvertOptions& options_;
  const ExportFormat format_;
  StoreRowList list_;
  ConvertCounts counts_;
};

void Export::write_files(VectorFormat format) {
  const bool pairs = list_.binary();
  const std::string ending = (pairs ? "_ba" : "_emb") + std::string(extension_of(format));
  const auto names = file_names(list_.rows, ending, options_.open.audio_formats);
  std::unordered_set<std::string> folders;
  for (const std::string& name : names) {
    const fs::path folder = (options_.folder / name).parent_path();
    if (folders.insert(folder.string()).second) make_folder(folder);
  }
  ThreadPool pool(kThreads);
  pool.parallel_for((counts_.rows + kChunk - 1) / kChunk, [&](std::int64_t chunk) {
    for (std::int64_t i = chunk * kChunk; i < std::min(counts_.rows, (chunk + 1) * kChunk); ++i) {
      const auto at = static_cast<std::size_t>(i);
      std::vector<float> values;
      append_vector(list_, list_.rows[at], values);
      std::vector<std::int64_t> shape{list_.dimension()};
      if (pairs) shape.push_back(2);
      write_vector_file(options_.folder / names[at], vector_file_content(values, shape, format));
    }
  });
  write_metadata(names);
}

void Export::write_matrix() {
  const fs::path file = options_.folder / matrix_name(".npy"), temporary = temporary_name(file);
  std::ofstream out(temporary, std::ios::binary);
  const std::int64_t dimension = list_.dimension();
  out << vector_file_content({}, {counts_.rows, dimension}, VectorFormat::kNpy);
  std::vector<std::string> cells;
  for (const StoreRow& row : list_.rows) {
    std::vector<float> one;
    const auto values = std::as_bytes(row_of_matrix(row, one));
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size()));
    cells.push_back(matrix_name(".npy") + "#" + std::to_string(cells.size()));
  }
  out.close();
  if (!out) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw IoError("cannot write " + file.string());
  }
  publish(temporary, file);
  write_metadata(cells);
}

void Export::write_kaldi() {
  std::string speakers;
  for (const StoreRow& row : list_.rows)
    if (!row.speaker.empty()) speakers += row.id + " " + row.speaker + "\n";
  KaldiWriter writer(fs::absolute(options_.folder / matrix_name(".ark")));
  for (const StoreRow& row : list_.rows) {
    std::vector<float> one;
    writer.append(row.id, row_of_matrix(row, one));
  }
  if (!speakers.empty()) write_file_atomically(options_.folder / "utt2spk", speakers);
  writer.finish();
}

void Export::write_metadata(const std::vector<std::string>& cells) const {
  const bool speakers = std::any_of(list_.rows.begin(), list_.rows.end(),
                                    [](const StoreRow& row) { return !row.speaker.empty(); });
  const bool pairs = list_.binary();
  std::vector<std::string> line{"id", "speaker", pairs ? "binary_attributes" : "embedding"};
  if (!speakers) line.erase(line.begin() + 1);
  std::string text = csv_line(line);
  for (std::size_t i = 0; i < list_.rows.size(); ++i) {
    line = {list_.rows[i].id, list_.rows[i].speaker, cells[i]};
    if (!speakers) line.erase(line.begin() + 1);
    text += csv_line(line);
  }
  write_file_atomically(options_.folder / kMetadata, text);
}

}  // namespace

ConvertCounts export_vectors(const ConvertOptions& options, ExportFormat format) {
  return Export(options, format).run();
}

}  // namespace balr
