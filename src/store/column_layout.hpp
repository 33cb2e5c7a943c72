#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/hdf5_handle.hpp"

// The common form of our HDF5 files: contiguous columns with as many rows each, scalar attributes
// at the root, and the checksums of both.
namespace balr {

enum class Cell { kFloat32, kInt32, kInt64, kUint8, kStatus, kText };

struct Column {
  const char* name;  // of the dataset, without the slash
  Cell cell;
  std::size_t width = 1;  // of a text: bytes; of a matrix: elements of a row
  bool matrix = false;    // two dimensions
};

struct RootAttribute {
  RootAttribute(const char* n, std::string t) : name(n), text(std::move(t)) {}
  RootAttribute(const char* n, std::int64_t v) : name(n), text(std::to_string(v)), number(v) {}
  const char* name;
  std::string text;                         // of a number: its digits
  std::optional<std::int64_t> number = {};  // if it is one
};

struct ColumnFileSpec {
  std::vector<RootAttribute> attributes;  // `format` and `format_version` first
  std::int64_t rows = 0;
  std::vector<Column> columns;  // as they lie in the file
};

// Attributes live in object headers, whose messages end at 64 KiB.
inline constexpr std::size_t kMaxAttributeBytes = 60'000;

// Names of the checksums, which are texts of 64 hexadecimal digits.
inline constexpr const char* kColumnSum = "sha256";
inline constexpr const char* kAttributesSum = "attributes_sha256";
// What attributes_sha256 is computed over: one line NAME=VALUE for each attribute, in this order.
std::string attributes_text(const std::vector<RootAttribute>& attributes);

// Fixed-length UTF-8, padded with NUL.
Hdf5Handle text_type(std::size_t width);
// Of a cell; a text of this width.
Hdf5Handle cell_type(Cell cell, std::size_t width);

// Where everything lies in a file of this form.
struct ColumnLayout {
  struct Place {
    std::uint64_t offset = 0;  // of the first row, in bytes from the start of the file
    std::uint64_t row_bytes = 0;
  };
  std::vector<Place> columns;
  std::string metadata;  // the file from its first byte to the first column
};

// Lets HDF5 lay the file out in memory; all metadata go before the columns, whose data are never
// written there. Why not let HDF5 write the file: HDF5 1.10 crashes when a write fails while a file
// is closed (tried with a full disk). Plain writes at known places report every error, and give the
// same bytes in whatever pieces the rows come.
// The checksums (one a column) are known after the last row: laying out again with them gives
// metadata of the same size, to be written over the first ones.
ColumnLayout lay_out_columns(const ColumnFileSpec& spec, const std::vector<std::string>& sums = {});

}  // namespace balr
