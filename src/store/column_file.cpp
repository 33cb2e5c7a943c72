#include "store/column_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

}  // namespace

ColumnFile::ColumnFile(const fs::path& path, const ColumnFileKind& kind)
    : path_(path), kind_(kind) {
  silence_hdf5();
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0)
    throw IoError("cannot read " + path.string() + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) refuse("it is not a regular file");
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  const Hdf5Handle access = file_access_list();
  file_ = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file_) fail_to_open();
  check_format();
}

// By plain reads of the place that check_extent has looked at: no second copy in memory.
std::string ColumnFile::sum_of(const Checked& column) const {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw IoError("cannot read " + path_.string() + ": " + std::strerror(errno));
  std::uint64_t at = H5Dget_offset(column.dataset.get());
  std::uint64_t left = column.rows * column.width * column.element_bytes;
  std::vector<std::byte> block(std::min<std::uint64_t>(left, 1 << 20));
  Sha256 sum;
  while (left > 0) {
    const ssize_t count = pread(file, block.data(), std::min<std::uint64_t>(left, block.size()),
                                static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int cause = errno;
      close(file);
      throw IoError("cannot read " + path_.string() + ": " +
                    (count == 0 ? "it became shorter" : std::strerror(cause)));
    }
    sum.update(std::span(block).first(static_cast<std::size_t>(count)));
    at += static_cast<std::uint64_t>(count);
    left -= static_cast<std::uint64_t>(count);
  }
  close(file);
  return sum.hex();
}

bool ColumnFile::has(const char* name) const {
  return H5Lexists(file_.get(), name, H5P_DEFAULT) > 0;
}

void ColumnFile::refuse(const std::string& reason) const {
  throw DataError(path_.string() + " is not a usable " + kind_.called + ": " + reason +
                  "; make it again with `" + kind_.command + "`");
}

void ColumnFile::fail_to_open() const {
  const std::string reason = hdf5_error_text();
  if (reason.find("errno") != std::string::npos)
    throw IoError("cannot open " + path_.string() + ": " + reason);
  refuse("HDF5 cannot open it (" + reason + ")");
}

void ColumnFile::check_format() const {
  if (H5Aexists(file_.get(), "format") <= 0 || text_attribute("format") != kind_.format)
    refuse(std::string("its root attribute format is not ") + kind_.format);
  const std::int64_t version = number_attribute("format_version");
  if (version != kind_.version)
    throw StoreVersionError(path_.string() + " has format version " + std::to_string(version) +
                            ", and this program reads version " + std::to_string(kind_.version) +
                            "; use the program that wrote it, or make it again with `" +
                            kind_.command + "`");
}

Hdf5Handle ColumnFile::attribute(hid_t object, const char* name, H5T_class_t kind,
                                 std::size_t bytes, Hdf5Handle& type) const {
  Hdf5Handle found(H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1, H5Aclose);
  if (!found) refuse(std::string("its attribute ") + name + " is missing");
  type = Hdf5Handle(H5Aget_type(found.get()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(found.get()), H5Sclose);
  if (!type || !space || H5Tget_class(type.get()) != kind || H5Tget_size(type.get()) > bytes ||
      (kind == H5T_STRING && H5Tis_variable_str(type.get()) != 0) ||
      H5Sget_simple_extent_type(space.get()) != H5S_SCALAR)
    refuse(std::string("its attribute ") + name + " has another type");
  return found;
}

std::string ColumnFile::text_attribute(hid_t object, const char* name) const {
  Hdf5Handle type;
  const Hdf5Handle found = attribute(object, name, H5T_STRING, kMaxAttributeBytes, type);
  std::string text(H5Tget_size(type.get()), '\0');
  if (H5Aread(found.get(), type.get(), text.data()) < 0)
    refuse(std::string("its attribute ") + name + " cannot be read");
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

std::int64_t ColumnFile::number_attribute(const char* name) const {
  Hdf5Handle type;
  const Hdf5Handle found = attribute(file_.get(), name, H5T_INTEGER, 8, type);
  std::int64_t value = 0;
  if (H5Aread(found.get(), H5T_NATIVE_INT64, &value) < 0)
    refuse(std::string("its attribute ") + name + " cannot be read");
  return value;
}

ColumnFile::Checked ColumnFile::open_any(const char* name, int rank) const {
  const std::string called = std::string("/") + name;
  H5L_info_t link = {};
  if (H5Lget_info(file_.get(), name, &link, H5P_DEFAULT) < 0) refuse(called + " is missing");
  if (link.type != H5L_TYPE_HARD) refuse(called + " is a link to another place");
  Checked out;
  out.name = name;
  out.dataset = Hdf5Handle(H5Dopen2(file_.get(), name, H5P_DEFAULT), H5Dclose);
  if (!out.dataset) refuse(called + " cannot be opened as a dataset");
  check_layout(out.dataset.get(), called);
  out.type = Hdf5Handle(H5Dget_type(out.dataset.get()), H5Tclose);
  const Hdf5Handle space(H5Dget_space(out.dataset.get()), H5Sclose);
  hsize_t dims[2] = {0, 1};
  if (!out.type || !space || H5Sget_simple_extent_ndims(space.get()) != rank ||
      H5Sget_simple_extent_dims(space.get(), dims, nullptr) != rank || dims[0] == 0 || dims[1] == 0)
    refuse(called + " has another rank, or is empty");
  out.rows = dims[0];
  out.width = dims[1];
  out.element_bytes = H5Tget_size(out.type.get());
  return out;
}

void ColumnFile::check_layout(hid_t dataset, const std::string& called) const {
  const Hdf5Handle list(H5Dget_create_plist(dataset), H5Pclose);
  if (!list || H5Pget_layout(list.get()) != H5D_CONTIGUOUS)
    refuse(called + " is not stored contiguously");
  if (H5Pget_external_count(list.get()) != 0) refuse(called + " lies in another file");
}

void ColumnFile::check_extent(const Checked& column, hsize_t rows) const {
  const std::string called = std::string("/") + column.name;
  if (rows != 0 && column.rows != rows)
    refuse(called + " has another number of rows than the other columns");
  const haddr_t offset = H5Dget_offset(column.dataset.get());
  std::uint64_t bytes = 0;
  if (offset == HADDR_UNDEF || __builtin_mul_overflow(column.rows, column.width, &bytes) ||
      __builtin_mul_overflow(bytes, column.element_bytes, &bytes) || offset > bytes_ ||
      bytes > bytes_ - offset)
    refuse(called + " is larger than the file (cut off, or never written)");
}

ColumnFile::Checked ColumnFile::open(const char* name, Cell cell, int rank, hsize_t rows) const {
  Checked column = open_any(name, rank);
  const hid_t type = column.type.get();
  if (cell == Cell::kText) {
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
        H5Tget_strpad(type) != H5T_STR_NULLPAD)
      refuse(std::string("/") + name + " is not fixed-length text padded with NUL");
  } else if (H5Tequal(type, cell_type(cell, 1).get()) <= 0) {
    refuse(std::string("/") + name + " has another type");
  }
  check_extent(column, rows);
  return column;
}

void ColumnFile::read_into(const Checked& column, void* out) const {
  if (H5Dread(column.dataset.get(), column.type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
    throw IoError("cannot read /" + std::string(column.name) + " of " + path_.string() + ": " +
                  hdf5_error_text());
}

std::vector<std::string> ColumnFile::read_texts(const Checked& column) const {
  std::vector<char> packed(column.rows * column.element_bytes);
  read_into(column, packed.data());
  std::vector<std::string> out;
  out.reserve(column.rows);
  for (hsize_t row = 0; row < column.rows; ++row) {
    const std::string_view cell(packed.data() + row * column.element_bytes, column.element_bytes);
    out.emplace_back(cell.substr(0, cell.find_last_not_of('\0') + 1));
  }
  return out;
}

std::vector<std::uint8_t> ColumnFile::read_status(const Checked& column) const {
  std::vector<std::uint8_t> out;
  read(column, out);
  for (std::uint8_t value : out)
    if (value >= kStatusNames.size()) refuse("/status holds an unknown value");
  return out;
}

std::vector<std::string> ColumnFile::damaged(const std::vector<RootAttribute>& attributes,
                                             const std::vector<Column>& columns) const {
  std::vector<std::string> out;
  if (text_attribute(kAttributesSum) != sha256_hex(attributes_text(attributes)))
    out.emplace_back("attributes");
  for (const Column& column : columns) {
    const Checked found = open_any(column.name, column.matrix ? 2 : 1);
    check_extent(found, 0);
    if (text_attribute(found.dataset.get(), kColumnSum) != sum_of(found))
      out.push_back(std::string("/") + column.name);
  }
  return out;
}

std::string format_of(const fs::path& file) {
  silence_hdf5();
  const Hdf5Handle access = file_access_list();
  const Hdf5Handle opened(H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!opened || H5Aexists(opened.get(), "format") <= 0) return {};
  const Hdf5Handle found(H5Aopen(opened.get(), "format", H5P_DEFAULT), H5Aclose);
  const Hdf5Handle type(found ? H5Aget_type(found.get()) : -1, H5Tclose);
  const Hdf5Handle space(found ? H5Aget_space(found.get()) : -1, H5Sclose);
  if (!type || !space || H5Tget_class(type.get()) != H5T_STRING ||
      H5Tis_variable_str(type.get()) != 0 || H5Tget_size(type.get()) > kMaxAttributeBytes ||
      H5Sget_simple_extent_type(space.get()) != H5S_SCALAR)
    return {};
  std::string text(H5Tget_size(type.get()), '\0');
  if (H5Aread(found.get(), type.get(), text.data()) < 0) return {};
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

}  // namespace balr
