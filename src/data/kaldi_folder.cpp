#include "data/kaldi_folder.hpp"

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "data/piece_text.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 4096;  // bytes
constexpr std::string_view kBlanks = " \t\r";
constexpr double kOvershoot = 0.5;  // seconds; as Kaldi's extract-segments

// A list of Kaldi: lines of fields separated by blanks.
struct Line {
  std::string where;  // for messages: file and line
  std::vector<std::string> fields;
};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

// The line's fields; the last of `most` is all the rest, blanks inside it included.
std::vector<std::string> split(std::string_view text, std::size_t most) {
  std::vector<std::string> out;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const std::size_t end =
        out.size() + 1 == most ? text.size() : std::min(text.find_first_of(kBlanks), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

// Reads a list and adds its name and bytes to the hash.
std::vector<Line> read_list(const fs::path& file, std::size_t least, std::size_t most,
                            Sha256& hash) {
  const std::string text = read_file(file);
  hash.update(file.filename().string()).update(" ").update(sha256_hex(text)).update("\n");
  std::vector<Line> out;
  std::string_view rest = text;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    Line line{file.string() + ", line " + std::to_string(number), split(rest.substr(0, end), most)};
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.fields.empty()) continue;
    if (line.fields.size() < least)
      throw DataError(line.where + ": " + std::to_string(line.fields.size()) +
                      " fields, but a line needs " + std::to_string(least));
    for (const std::string& field : line.fields) {
      if (field.find('\0') != std::string::npos)
        throw DataError(line.where + ": a NUL byte; is this a text file?");
      if (field.size() > kMaxText) throw DataError(line.where + ": a text of more than 4096 bytes");
    }
    out.push_back(std::move(line));
  }
  return out;
}

void refuse_command(const Line& line) {
  const std::string& audio = line.fields[1];
  if (audio.back() == '|' || audio.front() == '|')
    throw DataError(line.where + ": '" + audio +
                    "' is a command, and balr runs none: write its output into a file (for Kaldi, "
                    "with wav-copy) and name that");
  if (audio == "-")
    throw DataError(line.where + ": audio from standard input is not supported; name a file");
}

// Where relative paths begin: Kaldi takes the working folder; a list that was written for its own
// folder is understood too.
fs::path base_folder(const std::vector<Line>& recordings, const fs::path& list,
                     const fs::path& root) {
  if (!root.empty()) return root;
  std::error_code ignored;
  for (const Line& line : recordings) {
    const fs::path audio = line.fields[1];
    if (audio.is_absolute()) continue;
    const bool beside =
        !fs::exists(audio, ignored) && fs::exists(list.parent_path() / audio, ignored);
    return beside ? list.parent_path() : fs::path();
  }
  return {};
}

Utterance make_row(const std::string& id, const std::string& audio, const fs::path& base) {
  Utterance row;
  row.id = id;
  row.audio = audio;
  row.path = (base / audio).string();
  return row;
}

void add_recordings(const std::vector<Line>& recordings, const fs::path& base, Manifest& out) {
  for (const Line& line : recordings)
    out.rows.push_back(make_row(line.fields[0], line.fields[1], base));
}

void add_segments(const std::vector<Line>& segments, const std::vector<Line>& recordings,
                  const fs::path& base, Manifest& out) {
  std::unordered_map<std::string_view, const std::string*> audio_of;
  for (const Line& line : recordings) audio_of.emplace(line.fields[0], &line.fields[1]);
  for (const Line& line : segments) {
    const auto audio = audio_of.find(line.fields[1]);
    if (audio == audio_of.end())
      throw DataError(line.where + ": the recording '" + line.fields[1] + "' is not in wav.scp");
    Utterance row = make_row(line.fields[0], *audio->second, base);
    // Kaldi's way to write the end of the recording and all of its channels.
    const std::string end = line.fields[3].starts_with('-') ? "" : line.fields[3];
    const bool one = line.fields.size() > 4 && line.fields[4] != "-1";
    row.piece = parse_piece(line.fields[2], end, one ? line.fields[4] : "", line.where);
    out.rows.push_back(std::move(row));
  }
}

void add_speakers(const std::vector<Line>& list, const fs::path& file, Manifest& out) {
  std::unordered_map<std::string_view, const std::string*> speaker_of;
  for (const Line& line : list) speaker_of.emplace(line.fields[0], &line.fields[1]);
  for (Utterance& row : out.rows) {
    const auto speaker = speaker_of.find(row.id);
    if (speaker == speaker_of.end())
      throw DataError(file.string() + " has no line for the utterance '" + row.id +
                      "'; add it, or remove the file to work without speakers");
    row.speaker = *speaker->second;
  }
  out.has_speaker = true;
}

void refuse_duplicates(const std::vector<Line>& lines) {
  std::unordered_set<std::string_view> seen;
  for (const Line& line : lines)
    if (!seen.insert(line.fields[0]).second)
      throw DataError(line.where + ": '" + line.fields[0] +
                      "' is there twice; names must be unique");
}

}  // namespace

bool is_kaldi(const fs::path& input) {
  std::error_code ignored;
  if (fs::is_directory(input, ignored)) return fs::is_regular_file(input / "wav.scp", ignored);
  return input.extension() == ".scp" && fs::is_regular_file(input, ignored);
}

Manifest read_kaldi(const fs::path& input, const fs::path& root) {
  const bool folder = fs::is_directory(input);
  const fs::path list = folder ? input / "wav.scp" : input;
  const fs::path segments = list.parent_path() / "segments",
                 speakers = list.parent_path() / "utt2spk";
  Manifest out;
  out.source = input;
  out.has_audio = true;
  out.max_overshoot = kOvershoot;
  Sha256 hash;
  const auto recordings = read_list(list, 2, 2, hash);
  refuse_duplicates(recordings);
  for (const Line& line : recordings) refuse_command(line);
  const fs::path base = base_folder(recordings, list, root);
  out.has_pieces = fs::exists(segments);
  if (out.has_pieces) {
    const auto lines = read_list(segments, 4, 5, hash);
    refuse_duplicates(lines);
    add_segments(lines, recordings, base, out);
  } else {
    add_recordings(recordings, base, out);
  }
  if (fs::exists(speakers)) add_speakers(read_list(speakers, 2, 2, hash), speakers, out);
  if (out.rows.empty()) throw DataError(list.string() + ": no rows; a line is a name and a path");
  out.hash = hash.hex();
  return out;
}

}  // namespace balr
