#include "store/store_layout.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

[[noreturn]] void fail(const std::string& reason) {
  throw IoError("cannot lay out an embedding store in memory: " + reason);
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
void add_column(StoreLayout& layout, hid_t file, Column column, const char* name,
                const Hdf5Handle& type, std::vector<hsize_t> dims, const ColumnSums& sums) {
  const std::uint64_t row_bytes = H5Tget_size(type.get()) * (dims.size() == 2 ? dims[1] : 1);
  Hdf5Handle dataset = make_column(file, name, type.get(), std::move(dims));
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (offset == HADDR_UNDEF) fail(hdf5_error_text());
  put_sum(dataset.get(), kColumnSum, sums[static_cast<std::size_t>(column)]);
  layout.columns[static_cast<std::size_t>(column)] = {offset, row_bytes};
}

// Enough for all metadata of a store: headers of a few KiB, and attributes, which HDF5 may move
// once.
std::size_t metadata_bytes(const StoreInfo& info) {
  std::size_t texts = 0;
  for (const auto& attribute : kTextAttributes) texts += (info.*attribute.member).size();
  return (24576 + 3 * texts + 4095) / 4096 * 4096;
}

void add_columns(StoreLayout& layout, hid_t file, const StoreShape& shape, const ColumnSums& sums) {
  const auto rows = static_cast<hsize_t>(shape.rows), width = static_cast<hsize_t>(shape.dimension);
  const Hdf5Handle real = predefined(H5T_IEEE_F32LE), number = predefined(H5T_STD_I64LE);
  const auto add = [&](Column column, const char* name, const Hdf5Handle& type) {
    add_column(layout, file, column, name, type, {rows}, sums);
  };
  add_column(layout, file, Column::kEmbeddings, "embeddings", real, {rows, width}, sums);
  add(Column::kId, "id", text_type(shape.id_width));
  add(Column::kSpeaker, "speaker", text_type(shape.speaker_width));
  add(Column::kStatus, "status", status_type());
  add(Column::kSeconds, "seconds", real);
  add(Column::kSourceRate, "source_rate", predefined(H5T_STD_I32LE));
  if (shape.reason_width > 0) add(Column::kReason, "reason", text_type(shape.reason_width));
  if (!shape.files) return;
  add(Column::kFileSize, "file_size", number);
  add(Column::kFileTime, "file_time", number);
}

void create(StoreLayout& layout, MemoryFile& memory, const StoreInfo& info, const StoreShape& shape,
            const ColumnSums& sums) {
  const Hdf5Handle access = memory.access_list(metadata_bytes(info));
  Hdf5Handle file(H5Fcreate("store", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
  if (!file) fail(hdf5_error_text());
  put_text(file.get(), "format", kFormatName);
  put_number(file.get(), "format_version", kFormatVersion);
  for (const auto& [name, member] : kTextAttributes) put_text(file.get(), name, info.*member);
  for (const auto& [name, member] : kNumberAttributes) put_number(file.get(), name, info.*member);
  put_sum(file.get(), kAttributesSum, sha256_hex(attributes_text(info)));
  add_columns(layout, file.get(), shape, sums);
  if (!file.close()) fail(hdf5_error_text());
}

}  // namespace

StoreLayout lay_out_store(const StoreInfo& info, const StoreShape& shape, const ColumnSums& sums) {
  silence_hdf5();
  MemoryFile memory;
  StoreLayout layout;
  create(layout, memory, info, shape, sums);
  std::uint64_t first = layout.columns.front().offset;
  for (const auto& place : layout.columns)
    if (place.row_bytes > 0) first = std::min(first, place.offset);
  BALR_CHECK(memory.bytes().size() <= first);
  layout.metadata = memory.bytes();
  layout.metadata.resize(first, '\0');
  return layout;
}

}  // namespace balr
