#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "balr/core/error.hpp"
#include "balr/data/kaldi_table.hpp"
#include "data/text_array.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKey = 4096;
constexpr std::size_t kMaxToken = 64;

// Reads vectors from a stream of known length. `name` is for messages.
class VectorReader {
 public:
  VectorReader(std::istream& in, std::uintmax_t bytes, std::string name)
      : in_(in), bytes_(bytes), name_(std::move(name)) {}

  // False at the end of the table.
  bool read_key(std::string& key) {
    key.clear();
    int c = in_.get();
    while (c == '\n' || c == '\r' || c == ' ') c = in_.get();
    if (c == EOF) return false;
    for (; c != ' ' && c != '\t'; c = in_.get()) {
      if (c == EOF || c == '\n' || c == '\0' || key.size() > kMaxKey)
        throw DataError(name_ + " is not a Kaldi table: a key and a blank must come first");
      key += static_cast<char>(c);
    }
    return true;
  }

  std::vector<float> read_vector(const std::string& key) {
    key_ = key;
    if (in_.peek() != '\0') return read_text();
    in_.get();
    if (in_.get() != 'B') fail("is neither binary nor text");
    return read_binary();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError("the entry '" + key_ + "' of " + name_ + " " + what);
  }

  std::vector<float> read_binary() {
    std::string token;
    for (int c = in_.get(); c != ' '; c = in_.get()) {
      if (c == EOF || token.size() > 4) fail("is not a vector of float or double");
      token += static_cast<char>(c);
    }
    if (token.starts_with("CM"))
      fail(
          "is a compressed matrix: write it as vectors first (copy-vector, or copy-matrix "
          "--compress=false)");
    const bool matrix = token == "FM" || token == "DM";
    if (!matrix && token != "FV" && token != "DV") fail("is not a vector of float or double");
    const std::int32_t rows = matrix ? read_size() : 1;
    const std::int32_t columns = read_size();
    if (rows != 1) fail("is a matrix of " + std::to_string(rows) + " rows, not a vector");
    return token[0] == 'F' ? read_values<float>(columns) : read_values<double>(columns);
  }

  std::int32_t read_size() {
    if (in_.get() != 4) fail("has a size that is not a 32-bit number");
    std::int32_t size = -1;
    in_.read(reinterpret_cast<char*>(&size), sizeof size);
    if (!in_ || size < 0) fail("has no size, or a negative one");
    return size;
  }

  template <class T>
  std::vector<float> read_values(std::int32_t count) {
    const auto at = static_cast<std::uintmax_t>(in_.tellg());
    if (at > bytes_ || static_cast<std::uintmax_t>(count) > (bytes_ - at) / sizeof(T))
      fail("says that it has " + std::to_string(count) + " numbers, which the file does not have");
    std::vector<T> values(static_cast<std::size_t>(count));
    in_.read(reinterpret_cast<char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
    if (!in_) fail("is cut off");
    return {values.begin(), values.end()};
  }

  // " [ 1 2 3 ]" and the end of the line; a matrix has a line end after the bracket and after each
  // row but the last.
  std::vector<float> read_text() {
    std::vector<float> values;
    bool opened = false, row_ended = false;
    while (true) {
      const std::string token = read_token(opened && !values.empty(), row_ended);
      if (!opened && token == "[") {
        opened = true;
      } else if (opened && token == "]") {
        return values;
      } else {
        double value = 0;
        if (!opened || !parse_number(token, value)) fail("holds something that is not a vector");
        if (row_ended) fail("is a matrix, not a vector");
        values.push_back(static_cast<float>(value));
      }
    }
  }

  // The next word; `row_ended` becomes true where a line end comes before it and `in_row` is true.
  std::string read_token(bool in_row, bool& row_ended) {
    int c = in_.get();
    for (; c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = in_.get())
      row_ended = row_ended || (in_row && c == '\n');
    std::string token;
    for (; c != ' ' && c != '\t' && c != '\n' && c != '\r'; c = in_.get()) {
      if (c == EOF && token != "]") fail("is cut off");
      if (c == EOF) break;
      if (token.size() > kMaxToken) fail("holds something that is not a vector");
      token += static_cast<char>(c);
    }
    if (c == '\n') in_.unget();
    return token;
  }

  std::istream& in_;
  std::uintmax_t bytes_;
  std::string name_, key_;
};

// A file that stays open while neighbouring lines name it.
struct OpenFile {
  fs::path path;
  std::ifstream stream;
  std::uintmax_t bytes = 0;

  void open(const fs::path& file) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) throw DataError("there is no file " + file.string());
    bytes = fs::file_size(file, error);
    stream = std::ifstream(file, std::ios::binary);
    if (error || !stream) throw IoError("cannot read " + file.string());
    path = file;
  }
};

struct Place {
  fs::path file;
  std::uintmax_t offset = 0;
};

Place parse_place(std::string_view text, const fs::path& scp, const std::string& where) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  if (text.empty()) throw DataError(where + ": no file after the key");
  if (text.ends_with('|') || text.starts_with('|'))
    throw DataError(
        where +
        ": a command instead of a file; commands are never run, copy the table with Kaldi first");
  if (text.ends_with(']'))
    throw DataError(where + ": a range of a matrix, not a vector; copy the table with Kaldi first");
  Place place;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon + 1 < text.size()) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, place.offset);
    if (error == std::errc() && stop == end)
      text = text.substr(0, colon);
    else
      place.offset = 0;
  }
  place.file = text;
  if (place.file.is_relative() && fs::exists(scp.parent_path() / place.file))
    place.file = scp.parent_path() / place.file;
  return place;
}

void read_kaldi_scp(const fs::path& scp, const KaldiSink& sink) {
  OpenFile list, ark;
  list.open(scp);
  std::size_t number = 0;
  for (std::string line; std::getline(list.stream, line);) {
    const std::string where = scp.string() + ", line " + std::to_string(++number);
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos) continue;
    const std::size_t blank = line.find_first_of(" \t", begin);
    if (blank == std::string::npos) throw DataError(where + ": no file after the key");
    KaldiVector entry;
    entry.key = line.substr(begin, blank - begin);
    const std::size_t rest = std::min(line.find_first_not_of(" \t", blank), line.size());
    const Place place = parse_place(std::string_view(line).substr(rest), scp, where);
    try {
      if (ark.path != place.file) ark.open(place.file);
      ark.stream.clear();
      if (place.offset >= ark.bytes) throw DataError(place.file.string() + " ends before it");
      ark.stream.seekg(static_cast<std::streamoff>(place.offset));
      entry.values =
          VectorReader(ark.stream, ark.bytes, place.file.string()).read_vector(entry.key);
    } catch (const DataError& error) {
      throw DataError(where + ": " + error.what());
    }
    sink(std::move(entry));
  }
}

}  // namespace

void read_kaldi_ark(std::istream& ark, std::uintmax_t bytes, const std::string& name,
                    const KaldiSink& sink) {
  VectorReader reader(ark, bytes, name);
  KaldiVector entry;
  while (reader.read_key(entry.key)) {
    entry.values = reader.read_vector(entry.key);
    sink(std::move(entry));
    entry = {};
  }
}

void read_kaldi_table(const fs::path& table, bool script, const KaldiSink& sink) {
  if (script) return read_kaldi_scp(table, sink);
  OpenFile ark;
  ark.open(table);
  read_kaldi_ark(ark.stream, ark.bytes, table.string(), sink);
}

}  // namespace balr
