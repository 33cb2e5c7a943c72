#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/data/audio_piece.hpp"

namespace balr {

// One row of the input. Texts are kept as they are written; an empty cell is a missing value.
struct Utterance {
  std::string id;
  std::string audio;  // as written; empty if the input has no such column
  // audio, resolved against the root folder; empty if audio is. Not a std::filesystem::path, which
  // would take as much memory as all the rest.
  std::string path;
  std::string speaker;
  std::string embedding;  // the `embedding` column, if any
  AudioPiece piece = {};       // of the file, from the columns `start`, `end` and `channel`
};

// The input of a command, in the order of the file (CSV), or sorted by id (folder).
struct Manifest {
  std::vector<Utterance> rows;
  bool has_audio = false, has_speaker = false, has_embedding = false, has_pieces = false;
  double max_overshoot = 0.01;   // seconds a piece may reach beyond its file: AudioLimits
  std::filesystem::path source;  // CSV, folder or file
  std::string hash;  // SHA-256 of the CSV's bytes (pieces included), of Kaldi's lists, of the ids
  // For metadata.csv: header and all cells of the CSV, unchanged (empty for a folder or a file).
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> cells;
};

// Reads a CSV (RFC 4180, BOM, CRLF; everything is text), a folder (recursive, files with one of
// `audio_formats`), a Kaldi data folder or list (a folder with a wav.scp, or *.scp; `segments` and
// `utt2spk` beside it are used) or one audio file. Relative paths are joined to `root` if not
// empty, else to the CSV's folder; those of a wav.scp to the working folder, as in Kaldi, or to the
// list's where the first is only there. Commands (`cmd |`) are refused. Throws DataError with file
// and line: neither id nor audio column, duplicate ids, ragged rows, NUL bytes, a text over 4,096
// bytes, start, end or channel that are no piece, no rows.
Manifest read_manifest(const std::filesystem::path& input, const std::filesystem::path& root,
                       const std::vector<std::string>& audio_formats);

// True if all texts are decimal integers of at most 64 bits, with or without sign (and there are
// any).
bool all_numeric(const std::vector<std::string>& texts);
// Order of the Python balr: numeric if all ids are numbers, else by bytes of UTF-8. Returns row
// indices.
std::vector<std::int64_t> order_by_id(const std::vector<std::string>& ids);
// Speaker index 0..C-1 of each row by sorting the distinct names (numeric if all are numbers).
std::vector<std::int64_t> encode_labels(const std::vector<std::string>& speakers);

// CSV writing with RFC 4180 quoting where needed and "\n" line ends.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace balr
