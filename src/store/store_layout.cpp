#include "store/store_layout.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "balr/core/error.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

[[noreturn]] void fail(const std::string& reason) {
  throw IoError("cannot lay out an embedding store in memory: " + reason);
}

class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("balr-store", MFD_CLOEXEC)) {
    if (descriptor_ < 0) fail(std::strerror(errno));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(descriptor_); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  std::uint64_t size() const {
    struct stat status = {};
    BALR_CHECK(fstat(descriptor_, &status) == 0);
    return static_cast<std::uint64_t>(status.st_size);
  }
  std::string read(std::uint64_t offset, std::uint64_t bytes) const {
    std::string out(bytes, '\0');
    BALR_CHECK(pread(descriptor_, out.data(), bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes));
    return out;
  }

 private:
  int descriptor_;
};

// HDF5 would crash on the first write beyond the process's limit, even in memory: refuse before it tries.
void check_file_size_limit(const StoreShape& shape) {
  const auto rows = static_cast<std::uint64_t>(shape.rows);
  const std::uint64_t bytes =
      rows * (static_cast<std::uint64_t>(shape.dimension) * 4 + shape.id_width + shape.speaker_width +
              shape.reason_width + 9) + (1u << 20);
  rlimit limit = {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bytes)
    throw IoError("an embedding store of " + std::to_string(bytes) + " bytes is larger than this process's file size limit of " +
                  std::to_string(limit.rlim_cur) + ": raise it with `ulimit -f`");
}

void put_attribute(hid_t file, const char* name, const Hdf5Handle& type, const void* value) {
  Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  Hdf5Handle attribute(H5Acreate2(file, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!attribute || H5Awrite(attribute.get(), type.get(), value) < 0) fail(hdf5_error_text());
}

void put_text(hid_t file, const char* name, const std::string& text) {
  if (text.size() > kMaxAttributeBytes)
    throw IoError(std::string("the store's attribute ") + name + " is longer than " + std::to_string(kMaxAttributeBytes) + " bytes");
  put_attribute(file, name, text_type(std::max<std::size_t>(1, text.size())), text.c_str());
}

void put_number(hid_t file, const char* name, std::int64_t value) {
  put_attribute(file, name, predefined(H5T_STD_I64LE), &value);
}

Hdf5Handle make_column(hid_t file, const char* name, hid_t type, std::vector<hsize_t> dims) {
  Hdf5Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
  Hdf5Handle list(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  BALR_CHECK(H5Pset_layout(list.get(), H5D_CONTIGUOUS) >= 0);
  BALR_CHECK(H5Pset_alloc_time(list.get(), H5D_ALLOC_TIME_EARLY) >= 0);  // places are known, and nothing is written
  BALR_CHECK(H5Pset_fill_time(list.get(), H5D_FILL_TIME_NEVER) >= 0);
  BALR_CHECK(H5Pset_obj_track_times(list.get(), false) >= 0);  // no time stamps: the same rows, the same bytes
  Hdf5Handle column(H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT), H5Dclose);
  if (!column) fail(hdf5_error_text());
  return column;
}

// Creates one column and notes where it lies.
void add_column(StoreLayout& layout, hid_t file, Column column, const char* name, const Hdf5Handle& type,
                std::vector<hsize_t> dims) {
  const std::uint64_t row_bytes = H5Tget_size(type.get()) * (dims.size() == 2 ? dims[1] : 1);
  Hdf5Handle dataset = make_column(file, name, type.get(), std::move(dims));
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (offset == HADDR_UNDEF) fail(hdf5_error_text());
  layout.columns[static_cast<std::size_t>(column)] = {offset, row_bytes};
}

void create(StoreLayout& layout, const std::string& path, const StoreInfo& info, const StoreShape& shape) {
  const Hdf5Handle access = file_access_list();
  Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
  if (!file) fail(hdf5_error_text());
  put_text(file.get(), "format", kFormatName);
  put_number(file.get(), "format_version", kFormatVersion);
  for (const auto& [name, member] : kTextAttributes) put_text(file.get(), name, info.*member);
  for (const auto& [name, member] : kNumberAttributes) put_number(file.get(), name, info.*member);

  const auto rows = static_cast<hsize_t>(shape.rows);
  const Hdf5Handle real = predefined(H5T_IEEE_F32LE);
  add_column(layout, file.get(), Column::kEmbeddings, "embeddings", real, {rows, static_cast<hsize_t>(shape.dimension)});
  add_column(layout, file.get(), Column::kId, "id", text_type(shape.id_width), {rows});
  add_column(layout, file.get(), Column::kSpeaker, "speaker", text_type(shape.speaker_width), {rows});
  add_column(layout, file.get(), Column::kStatus, "status", status_type(), {rows});
  add_column(layout, file.get(), Column::kSeconds, "seconds", real, {rows});
  add_column(layout, file.get(), Column::kSourceRate, "source_rate", predefined(H5T_STD_I32LE), {rows});
  if (shape.reason_width > 0)
    add_column(layout, file.get(), Column::kReason, "reason", text_type(shape.reason_width), {rows});
  if (!file.close()) fail(hdf5_error_text());
}

}  // namespace

StoreLayout lay_out_store(const StoreInfo& info, const StoreShape& shape) {
  silence_hdf5();
  check_file_size_limit(shape);
  const MemoryFile memory;
  StoreLayout layout;
  create(layout, memory.path(), info, shape);
  layout.file_bytes = memory.size();

  std::vector<StoreLayout::Place> places;
  for (const auto& place : layout.columns)
    if (place.row_bytes > 0) places.push_back(place);
  std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::uint64_t at = 0;
  for (const auto& [offset, row_bytes] : places) {
    BALR_CHECK(offset >= at);
    if (offset > at) layout.metadata.push_back({at, memory.read(at, offset - at)});
    at = offset + row_bytes * static_cast<std::uint64_t>(shape.rows);
  }
  BALR_CHECK(layout.file_bytes >= at);
  if (layout.file_bytes > at) layout.metadata.push_back({at, memory.read(at, layout.file_bytes - at)});
  return layout;
}

}  // namespace balr
