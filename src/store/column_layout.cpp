#include "store/column_layout.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

[[noreturn]] void fail(const std::string& reason) {
  throw IoError("cannot lay out a store in memory: " + reason);
}

// Where HDF5's memory driver keeps the file: its buffer is ours, so that it outlives the closing of
// the file.
class MemoryFile {
 public:
  // Metadata up to `metadata_bytes` lie in one block at the start.
  Hdf5Handle access_list(std::size_t metadata_bytes) {
    Hdf5Handle list = file_access_list();
    H5FD_file_image_callbacks_t callbacks = {allocate, nullptr, reallocate, release,
                                             keep,     forget,  this};
    BALR_CHECK(H5Pset_fapl_core(list.get(), 1, false) >= 0);
    BALR_CHECK(H5Pset_file_image_callbacks(list.get(), &callbacks) >= 0);
    BALR_CHECK(H5Pset_meta_block_size(list.get(), metadata_bytes) >= 0);
    BALR_CHECK(H5Pset_small_data_block_size(list.get(), 0) >= 0);
    return list;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  static void* allocate(std::size_t size, H5FD_file_image_op_t, void* self) {
    return reallocate(nullptr, size, H5FD_FILE_IMAGE_OP_FILE_RESIZE, self);
  }
  static void* reallocate(void*, std::size_t size, H5FD_file_image_op_t, void* self) {
    auto& bytes = static_cast<MemoryFile*>(self)->bytes_;
    try {
      bytes.resize(size);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    return bytes.data();
  }
  static herr_t release(void*, H5FD_file_image_op_t, void*) { return 0; }
  static void* keep(void* self) { return self; }
  static herr_t forget(void*) { return 0; }

  std::string bytes_;
};

void put_attribute(hid_t file, const char* name, const Hdf5Handle& type, const void* value) {
  Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  Hdf5Handle attribute(H5Acreate2(file, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                       H5Aclose);
  if (!attribute || H5Awrite(attribute.get(), type.get(), value) < 0) fail(hdf5_error_text());
}

// A checksum; zeros stand for one that is not known yet.
void put_sum(hid_t object, const char* name, const std::string& sum) {
  const std::string text = sum.empty() ? std::string(64, '0') : sum;
  BALR_CHECK(text.size() == 64);
  put_attribute(object, name, text_type(text.size()), text.c_str());
}

void put_text(hid_t file, const char* name, const std::string& text) {
  if (text.size() > kMaxAttributeBytes)
    throw IoError(std::string("the store's attribute ") + name + " is longer than " +
                  std::to_string(kMaxAttributeBytes) + " bytes");
  put_attribute(file, name, text_type(std::max<std::size_t>(1, text.size())), text.c_str());
}

void put_number(hid_t file, const char* name, std::int64_t value) {
  put_attribute(file, name, predefined(H5T_STD_I64LE), &value);
}

Hdf5Handle make_column(hid_t file, const char* name, hid_t type, std::vector<hsize_t> dims) {
  Hdf5Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
  Hdf5Handle list(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  BALR_CHECK(H5Pset_layout(list.get(), H5D_CONTIGUOUS) >= 0);
  BALR_CHECK(H5Pset_alloc_time(list.get(), H5D_ALLOC_TIME_EARLY) >=
             0);  // places are known, and nothing is written
  BALR_CHECK(H5Pset_fill_time(list.get(), H5D_FILL_TIME_NEVER) >= 0);
  BALR_CHECK(H5Pset_obj_track_times(list.get(), false) >=
             0);  // no time stamps: the same rows, the same bytes
  Hdf5Handle column(H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT),
                    H5Dclose);
  if (!column) fail(hdf5_error_text());
  return column;
}

// Creates one column and notes where it lies.
void add_column(ColumnLayout& layout, hid_t file, const Column& column, std::int64_t rows,
                const std::string& sum) {
  std::vector<hsize_t> dims = {static_cast<hsize_t>(rows)};
  if (column.matrix) dims.push_back(column.width);
  const Hdf5Handle type = cell_type(column.cell, column.width);
  const std::uint64_t row_bytes = H5Tget_size(type.get()) * (column.matrix ? column.width : 1);
  Hdf5Handle dataset = make_column(file, column.name, type.get(), std::move(dims));
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (offset == HADDR_UNDEF) fail(hdf5_error_text());
  put_sum(dataset.get(), kColumnSum, sum);
  layout.columns.push_back({offset, row_bytes});
}

// Enough for all metadata of a store: headers of a few KiB, and attributes, which HDF5 may move
// once.
std::size_t metadata_bytes(const ColumnFileSpec& spec) {
  std::size_t texts = 0;
  for (std::size_t i = 1; i < spec.attributes.size(); ++i)  // `format` counts as header
    if (!spec.attributes[i].number) texts += spec.attributes[i].text.size();
  return (24576 + 3 * texts + 4095) / 4096 * 4096;
}

void create(ColumnLayout& layout, MemoryFile& memory, const ColumnFileSpec& spec,
            const std::vector<std::string>& sums) {
  const Hdf5Handle access = memory.access_list(metadata_bytes(spec));
  Hdf5Handle file(H5Fcreate("store", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
  if (!file) fail(hdf5_error_text());
  for (const RootAttribute& attribute : spec.attributes) {
    if (attribute.number) {
      put_number(file.get(), attribute.name, *attribute.number);
    } else {
      put_text(file.get(), attribute.name, attribute.text);
    }
  }
  put_sum(file.get(), kAttributesSum, sha256_hex(attributes_text(spec.attributes)));
  for (std::size_t i = 0; i < spec.columns.size(); ++i)
    add_column(layout, file.get(), spec.columns[i], spec.rows, sums.empty() ? "" : sums[i]);
  if (!file.close()) fail(hdf5_error_text());
}

}  // namespace

std::string attributes_text(const std::vector<RootAttribute>& attributes) {
  std::string out;
  for (const RootAttribute& attribute : attributes)
    out += std::string(attribute.name) + "=" + attribute.text + "\n";
  return out;
}

Hdf5Handle cell_type(Cell cell, std::size_t width) {
  switch (cell) {
    case Cell::kFloat32:
      return predefined(H5T_IEEE_F32LE);
    case Cell::kInt32:
      return predefined(H5T_STD_I32LE);
    case Cell::kInt64:
      return predefined(H5T_STD_I64LE);
    case Cell::kUint8:
      return predefined(H5T_STD_U8LE);
    case Cell::kStatus:
      return status_type();
    case Cell::kText:
      return text_type(width);
  }
  BALR_CHECK(false);
  return {};
}

ColumnLayout lay_out_columns(const ColumnFileSpec& spec, const std::vector<std::string>& sums) {
  silence_hdf5();
  MemoryFile memory;
  ColumnLayout layout;
  create(layout, memory, spec, sums);
  std::uint64_t first = layout.columns.front().offset;
  for (const auto& place : layout.columns) first = std::min(first, place.offset);
  BALR_CHECK(memory.bytes().size() <= first);
  layout.metadata = memory.bytes();
  layout.metadata.resize(first, '\0');
  return layout;
}

}  // namespace balr
