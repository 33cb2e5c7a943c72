#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "balr/dataset/vector_table.hpp"

namespace balr {

// Binary attributes of any input a command accepts, in memory as bits (64 bytes for a recording of
// 512), rows ordered by id as the Python balr orders them.
struct AttributeTable {
  std::int64_t attributes = 0;      // n
  std::int64_t words = 0;           // of a row: ceil(n / 64)
  std::vector<std::uint64_t> bits;  // [rows, words]: bit a % 64 of word a / 64; the rest is 0
  std::vector<std::string> ids, speakers;
  std::vector<std::int64_t> labels;      // 0..C-1, see encode_labels
  std::vector<std::string> label_names;  // C names
  DroppedRows dropped;
  std::string source;        // what was read, for messages
  std::string encoder;       // SHA-256 of the auto-encoder's file; empty if the input does not say
  std::string content_hash;  // SHA-256 over ids, speakers and bits in order

  std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()); }
  std::span<const std::uint64_t> row(std::int64_t at) const {
    return std::span(bits).subspan(static_cast<std::size_t>(at * words),
                                   static_cast<std::size_t>(words));
  }
  bool active(std::int64_t at, std::int64_t attribute) const {
    return (bits[static_cast<std::size_t>(at * words + attribute / 64)] >> (attribute % 64)) & 1;
  }
};

// Accepts
//   - attributes.h5, or the folder that `balr binarize` wrote it to;
//   - a CSV with a column `binary_attributes`: `attributes.h5#row` (the metadata.csv of binarize,
//   or any selection, order or edition of its rows), `matrix.npy#row`, or a vector file (.pkl,
//   .txt, .npy) of the Python balr, relative as in open_vectors(); an empty cell is a row without;
//   - a CSV, a folder or one file of audio with such files beside it (x.wav: x_ba.txt, x_ba.pkl);
//   - the CSV that was binarized, through its pointer file, whose hashes must still match;
//   - Kaldi's .ark or .scp and a .npy matrix whose numbers are 0 and 1, one a attribute.
// A vector file is (n, 2): column 0 is 0 or 1, column 1 is 1 minus it. `options.kind` is ignored.
// Memory is that of the bits, whatever the files' form.
// Throws DataError naming the row whose vector is none of these, embeddings passed for attributes,
// no rows at all, what open_vectors() names, and where `need_speakers` finds a row without.
AttributeTable open_attributes(const std::filesystem::path& input,
                               const std::filesystem::path& root, bool need_speakers,
                               const OpenOptions& options = {});

}  // namespace balr
