#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "store/column_layout.hpp"
#include "store/hdf5_handle.hpp"

namespace balr {

// What a file of columns claims to be, and what messages say of it.
struct ColumnFileKind {
  const char* format;
  std::int64_t version;
  const char* called;   // "embedding store"
  const char* command;  // that makes it
};

// A file of columns opened for reading. Nothing in it is believed before it is checked against the
// file's size. All members throw DataError (not a usable file; StoreVersionError) or IoError.
class ColumnFile {
 public:
  ColumnFile(const std::filesystem::path& path, const ColumnFileKind& kind);

 protected:
  struct Checked {
    Hdf5Handle dataset, type;
    hsize_t rows = 0, width = 1;  // width: elements of a row
    std::size_t element_bytes = 0;
    const char* name = "";
  };

  [[noreturn]] void refuse(const std::string& reason) const;
  std::string text_attribute(const char* name) const { return text_attribute(file_.get(), name); }
  std::int64_t number_attribute(const char* name) const;

  bool has(const char* name) const;
  // Opens a column, checks its type, rank and place in the file, before anything of its size is
  // allocated. `rows`: how many it must have (0: any number). Texts are of any width.
  Checked open(const char* name, Cell cell, int rank, hsize_t rows) const;
  void read_into(const Checked& column, void* out) const;  // as it lies in the file
  template <class T>
  void read(const Checked& column, std::vector<T>& out) const {
    out.resize(column.rows * column.width);
    read_into(column, out.data());
  }
  std::vector<std::string> read_texts(const Checked& column) const;
  std::vector<std::uint8_t> read_status(const Checked& column) const;

  // Names of those of these columns (and "attributes") whose checksum differs from the one noted.
  std::vector<std::string> damaged(const std::vector<RootAttribute>& attributes,
                                   const std::vector<Column>& columns) const;

 private:
  [[noreturn]] void fail_to_open() const;
  void check_format() const;
  // A scalar attribute of an object that occupies `bytes` bytes at most.
  Hdf5Handle attribute(hid_t object, const char* name, H5T_class_t kind, std::size_t bytes,
                       Hdf5Handle& type) const;
  std::string text_attribute(hid_t object, const char* name) const;
  // Opens a dataset through a hard link and takes its type and shape down.
  Checked open_any(const char* name, int rank) const;
  void check_layout(hid_t dataset, const std::string& called) const;
  // The bytes of the dataset must lie in this file.
  void check_extent(const Checked& column, hsize_t rows) const;
  std::string sum_of(const Checked& column) const;

  std::filesystem::path path_;
  ColumnFileKind kind_;
  std::uint64_t bytes_ = 0;
  Hdf5Handle file_;
};

// What the root attribute `format` of an HDF5 file says; empty if it cannot be read.
std::string format_of(const std::filesystem::path& file);

}  // namespace balr
