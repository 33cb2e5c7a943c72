#include "balr/data/manifest.hpp"

#include <algorithm>
#include <unordered_set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "data/csv.hpp"
#include "data/kaldi_folder.hpp"
#include "data/piece_text.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 4096;  // bytes

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string extension(const fs::path& file) {
  const std::string text = lower(file.extension().string());
  return text.empty() ? text : text.substr(1);
}

// Where the columns that mean something are; npos: absent.
struct Columns {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t id = kNone, audio = kNone, speaker = kNone, embedding = kNone;
  std::size_t start = kNone, end = kNone, channel = kNone;
  bool pieces() const { return start != kNone || end != kNone || channel != kNone; }
};

Columns find_columns(const std::vector<std::string>& header, const fs::path& file) {
  const auto find = [&](const std::string& name) {
    const auto at = std::find(header.begin(), header.end(), name);
    if (at == header.end()) return Columns::kNone;
    if (std::find(at + 1, header.end(), name) != header.end())
      throw DataError(file.string() + ": two columns are called '" + name + "'; rename one");
    return static_cast<std::size_t>(at - header.begin());
  };
  Columns columns{find("id"), find("audio"), find("speaker"), find("embedding")};
  if (columns.audio != Columns::kNone) {  // without audio these are names like any other
    columns.start = find("start");
    columns.end = find("end");
    columns.channel = find("channel");
  }
  if (columns.id == Columns::kNone && columns.audio == Columns::kNone)
    throw DataError(
        file.string() +
        ": neither a column 'id' nor a column 'audio'; the first line must name the columns");
  return columns;
}

Utterance make_utterance(const std::vector<std::string>& cells, const Columns& columns,
                         const fs::path& folder, const std::string& where) {
  const auto cell = [&](std::size_t column) {
    return column == Columns::kNone ? std::string() : cells[column];
  };
  Utterance out;
  out.audio = cell(columns.audio);
  out.id = columns.id == Columns::kNone ? out.audio : cell(columns.id);
  out.speaker = cell(columns.speaker);
  out.embedding = cell(columns.embedding);
  if (out.id.empty())
    throw DataError(where + ": the cell '" + (columns.id == Columns::kNone ? "audio" : "id") +
                    "' is empty");
  for (const std::string* text : {&out.id, &out.audio, &out.speaker, &out.embedding})
    if (text->size() > kMaxText) throw DataError(where + ": a text of more than 4096 bytes");
  if (columns.pieces())
    out.piece = parse_piece(cell(columns.start), cell(columns.end), cell(columns.channel), where);
  if (!out.audio.empty())
    out.path = (folder / out.audio).string();  // an absolute path replaces the folder
  return out;
}

void refuse_duplicates(const Manifest& manifest, const std::vector<std::int64_t>& lines) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    if (seen.insert(manifest.rows[i].id).second) continue;
    throw DataError(manifest.source.string() + ", line " + std::to_string(lines[i + 1]) +
                    ": the id '" + manifest.rows[i].id + "' is there twice; ids must be unique");
  }
}

Manifest read_csv(const fs::path& file, const fs::path& root) {
  const std::string text = read_file(file);
  CsvTable table = parse_csv(text, file);
  if (table.records.size() < 2)
    throw DataError(file.string() + ": no rows; the first line names the columns, rows follow");
  Manifest out;
  out.source = file;
  out.hash = sha256_hex(text);
  out.header = std::move(table.records[0]);
  const Columns columns = find_columns(out.header, file);
  out.has_audio = columns.audio != Columns::kNone;
  out.has_speaker = columns.speaker != Columns::kNone;
  out.has_embedding = columns.embedding != Columns::kNone;
  out.has_pieces = columns.pieces();
  const fs::path folder = root.empty() ? file.parent_path() : root;
  for (std::size_t i = 1; i < table.records.size(); ++i) {
    const std::string where = file.string() + ", line " + std::to_string(table.lines[i]);
    if (table.records[i].size() != out.header.size())
      throw DataError(where + ": " + std::to_string(table.records[i].size()) +
                      " cells, but the header has " + std::to_string(out.header.size()) +
                      "; quote cells that contain commas");
    out.rows.push_back(make_utterance(table.records[i], columns, folder, where));
    out.cells.push_back(std::move(table.records[i]));
  }
  refuse_duplicates(out, table.lines);
  return out;
}

Manifest read_folder(const fs::path& folder, const std::vector<std::string>& audio_formats) {
  Manifest out;
  out.source = folder;
  out.has_audio = true;
  std::error_code error, ignored;
  auto at = fs::recursive_directory_iterator(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::directory_entry& entry = *at;
    if (!entry.is_regular_file(ignored)) continue;
    const std::string format = extension(entry.path());
    const bool wanted =
        std::any_of(audio_formats.begin(), audio_formats.end(), [&](const std::string& name) {
          return lower(name) == format || lower(name) == "." + format;
        });
    if (!wanted) continue;
    Utterance row;
    row.id = row.audio = entry.path().lexically_relative(folder).generic_string();
    row.path = entry.path().string();
    out.rows.push_back(std::move(row));
  }
  if (error) throw IoError("cannot list all of " + folder.string() + ": " + error.message());
  if (out.rows.empty())
    throw DataError(folder.string() + ": no audio files in this folder; see --audio-formats");
  std::sort(out.rows.begin(), out.rows.end(),
            [](const Utterance& a, const Utterance& b) { return a.id < b.id; });
  Sha256 hash;
  for (const Utterance& row : out.rows) hash.update(row.id).update("\n");
  out.hash = hash.hex();
  return out;
}

}  // namespace

Manifest read_manifest(const fs::path& input, const fs::path& root,
                       const std::vector<std::string>& audio_formats) {
  std::error_code ignored;
  if (is_kaldi(input)) return read_kaldi(input, root);
  if (fs::is_directory(input, ignored)) return read_folder(input, audio_formats);
  if (!fs::exists(input, ignored)) throw DataError(input.string() + " does not exist");
  if (extension(input) == "csv") return read_csv(input, root);
  for (const char* other : {"h5", "npy", "ark"})
    if (extension(input) == other)
      throw DataError(input.string() +
                      " holds vectors, not audio: pass the CSV, the folder or the audio file");
  Manifest out;
  out.source = input;
  out.has_audio = true;
  Utterance row;
  row.id = input.stem().string();
  row.audio = input.string();
  row.path = input.string();
  out.hash = sha256_hex(row.id + "\n");
  out.rows.push_back(std::move(row));
  return out;
}

}  // namespace balr
