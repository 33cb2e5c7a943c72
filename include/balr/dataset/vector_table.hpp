#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "balr/data/vector_file.hpp"
#include "balr/store/embedding_store.hpp"

namespace balr {

// Rows of an input that have no vector, by id, and why: "decode", "too_short", ... (RowStatus) where
// the extraction said so, else "no embedding in FILE" ("no attributes in FILE").
using DroppedRows = std::unordered_map<std::string, std::string>;

// Embeddings of any input a command accepts, in memory, rows ordered by id as the Python balr
// orders them.
struct VectorTable {
  std::int64_t dimension = 0;  // numbers of a row
  // 2 for binary attributes, whose rows are the Python balr's [attribute][column] with column 0 =
  // active and 1 = not active (open_attributes() keeps them as bits); else 1.
  std::int64_t columns = 1;
  std::vector<float> values;  // [rows, dimension]
  std::vector<std::string> ids, speakers;
  std::vector<std::int64_t> labels;      // 0..C-1, see encode_labels
  std::vector<std::string> label_names;  // C names
  DroppedRows dropped;
  std::string source;                    // store that was read
  std::string model;                     // "repo/name sha256" of the speaker model, for the log
  std::string content_hash;              // SHA-256 over ids, speakers and values in order
  std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()); }
};

struct OpenOptions {
  VectorKind kind = VectorKind::kEmbedding;
  std::string format = {};  // h5, ark, scp, npy: what a file is; empty: what its name says
  // For a folder of audio with vector files beside it.
  std::vector<std::string> audio_formats = {"flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"};
};

// Accepts
//   - a `.h5` store, or a folder written by extract (its embeddings.h5);
//   - a CSV with a column `embedding` (`binary_attributes`): `store.h5#row` (metadata.csv, or any
//   selection, order or edition of its rows), `matrix.npy#row`, or a vector file (.pkl, .txt,
//   .npy); id and speaker are the CSV's, an empty cell is a failed row. Vector files are relative
//   to `root` if not empty, else to the CSV's folder; stores to the CSV's folder, else to `root`;
//   - a CSV, a folder or one file of audio with vector files beside it (x.wav: x_emb.txt,
//   x_emb.pkl); a cell of the column goes before the file beside the audio;
//   - the CSV that was extracted, through its pointer file, whose hashes must still match. It goes
//   before both;
//   - Kaldi's .ark or .scp of vectors, with `utt2spk` beside it; a .npy matrix (ids: 0, 1, ...).
// Rows that extraction failed on, or that are not finite, are dropped and counted.
// Throws DataError naming what was looked for and the command that makes it, and where
// `need_speakers` finds a row without.
VectorTable open_vectors(const std::filesystem::path& input, const std::filesystem::path& root,
                         bool need_speakers, const OpenOptions& options = {});

// The pointer file beside a CSV that was extracted (`<csv>.embeddings`) or binarized
// (`<csv>.attributes`): one line of JSON.
struct Pointer {
  std::filesystem::path store;
  std::string store_hash, csv_hash;  // SHA-256 of the files
  std::string model;                 // as VectorTable::model
};
std::filesystem::path pointer_path(const std::filesystem::path& csv,
                                   VectorKind kind = VectorKind::kEmbedding);
// Notes the store relative to the CSV's folder where it lies below it, else absolute. Throws
// IoError.
void write_pointer(const std::filesystem::path& csv, const Pointer& pointer,
                   VectorKind kind = VectorKind::kEmbedding);
// `store` comes back as a path that can be opened. Throws DataError (not a pointer), IoError.
Pointer read_pointer(const std::filesystem::path& file);
// "repo/name sha256": the text of VectorTable::model and Pointer::model.
std::string model_text(const StoreInfo& info);

}  // namespace balr
