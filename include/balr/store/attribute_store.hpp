#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "balr/store/embedding_store.hpp"

// The store of binary attributes: one plain HDF5 file with the same rules as the embedding store
// (contiguous, checksums, no links).
//   /attributes uint8 [N, ceil(n / 8)]: attribute a of a row is bit 7 - a % 8 of byte a / 8, as
//   numpy.packbits has it, the bits after the last 0; so in Python
//   numpy.unpackbits(f["attributes"][:], axis=1, count=n). All 0 where the row failed.
//   /id, /speaker, /status as in the embedding store; root attributes = format, format_version and
//   AttributeInfo.
namespace balr {

struct AttributeInfo {
  std::int64_t attributes = 0;    // n
  std::string encoder_sha256;     // of the auto-encoder's file
  std::string embeddings_sha256;  // of what was encoded: ids, speakers, status and vectors
  std::string model;              // of the embeddings: "repo/name sha256"
  std::string identity;           // hash of encoder and input: parts of one run share it
  std::string program_version;
  std::int64_t total_rows = 0;  // N of the whole input
  std::int64_t first_row = 0;   // of the input: 0 in a finished store
};

struct AttributeRows {
  std::int64_t attributes = 0;
  std::vector<std::uint8_t> bits;  // [rows, attribute_bytes(attributes)], packed as in the file
  std::vector<std::string> ids, speakers;
  std::vector<std::uint8_t> status;  // RowStatus
  std::int64_t rows() const { return static_cast<std::int64_t>(status.size()); }
};

struct AttributeStore {
  AttributeInfo info;
  AttributeRows rows;
};

// Of a row.
constexpr std::int64_t attribute_bytes(std::int64_t attributes) { return (attributes + 7) / 8; }
constexpr bool attribute_bit(const std::uint8_t* row, std::int64_t attribute) {
  return (row[attribute / 8] >> (7 - attribute % 8)) & 1;
}
constexpr void set_attribute_bit(std::uint8_t* row, std::int64_t attribute) {
  row[attribute / 8] = static_cast<std::uint8_t>(row[attribute / 8] | (128 >> (attribute % 8)));
}

// Writes a store piece by piece, as StoreWriter does. All members throw IoError.
class AttributeWriter {
 public:
  // `rows` >= 1 in all; widths in bytes of the longest text.
  AttributeWriter(const std::filesystem::path& file, const AttributeInfo& info, std::int64_t rows,
                  std::int64_t id_width, std::int64_t speaker_width);
  ~AttributeWriter();
  AttributeWriter(const AttributeWriter&) = delete;
  AttributeWriter& operator=(const AttributeWriter&) = delete;

  void append(const AttributeRows& rows);  // the next rows
  void finish();                           // after exactly `rows` rows

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All rows at once; the same bytes as AttributeWriter's with the longest texts as widths.
void write_attribute_store(const std::filesystem::path& file, const AttributeInfo& info,
                           const AttributeRows& rows);

// Whether the file says that it is a store of attributes; false for anything else, and for what
// cannot be read.
bool is_attribute_store(const std::filesystem::path& file);

// As read_store(), read_checked_store() and read_store_info().
AttributeStore read_attribute_store(const std::filesystem::path& file);
AttributeStore read_checked_attribute_store(const std::filesystem::path& file);
AttributeInfo read_attribute_info(const std::filesystem::path& file);

// What `balr verify` says about a store.
struct AttributeReport {
  AttributeInfo info;
  std::int64_t rows = 0;
  std::array<std::int64_t, 8> by_status{};  // rows, by RowStatus
  // One sentence each; empty: the checksums are right, failed rows and the bits after the last
  // attribute are 0, and (in a finished store) the rows are as many as the input has.
  std::vector<std::string> problems;
};
AttributeReport verify_attribute_store(const std::filesystem::path& file, bool finished = true);

}  // namespace balr
