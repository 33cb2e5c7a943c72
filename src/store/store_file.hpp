#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/store/embedding_store.hpp"
#include "store/hdf5_handle.hpp"

namespace balr {

// A store opened for reading. Nothing in the file is believed before it is checked against the
// file's size. All members throw DataError (not a usable store) or IoError.
class StoreFile {
 public:
  explicit StoreFile(const std::filesystem::path& path);

  StoreInfo info() const;
  StoreRows rows(const StoreInfo& info) const;
  // Names of the datasets (and "attributes") whose checksum differs from the one noted for them.
  std::vector<std::string> damaged(const StoreInfo& info) const;

 private:
  struct Checked {
    Hdf5Handle dataset, type;
    hsize_t rows = 0, width = 1;  // width: elements of a row
    std::size_t element_bytes = 0;
    const char* name = "";
  };

  [[noreturn]] void refuse(const std::string& reason) const;
  [[noreturn]] void fail_to_open() const;
  void check_format() const;
  // A scalar attribute of an object that occupies `bytes` bytes at most.
  Hdf5Handle attribute(hid_t object, const char* name, H5T_class_t kind, std::size_t bytes,
                       Hdf5Handle& type) const;
  std::string text_attribute(hid_t object, const char* name) const;
  std::int64_t number_attribute(const char* name) const;

  bool has(const char* name) const;
  // Opens a dataset through a hard link and takes its type and shape down.
  Checked open_any(const char* name, int rank) const;
  void check_layout(hid_t dataset, const std::string& called) const;
  // The bytes of the dataset must lie in this file: checked before anything of that size is
  // allocated.
  void check_extent(const Checked& column, hsize_t rows) const;
  Checked open(const char* name, const Hdf5Handle& type, int rank, hsize_t rows) const;
  Checked open_text(const char* name, hsize_t rows) const;

  void read_into(const Checked& column, hid_t memory_type, void* out) const;
  std::vector<std::string> read_texts(const Checked& column) const;
  template <class T>
  void read(const Checked& column, hid_t memory_type, std::vector<T>& out) const {
    out.resize(column.rows * column.width);
    read_into(column, memory_type, out.data());
  }
  std::string sum_of(const Checked& column) const;

  std::filesystem::path path_;
  std::uint64_t bytes_ = 0;
  Hdf5Handle file_;
};

}  // namespace balr
