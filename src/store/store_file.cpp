#include "store/store_file.hpp"

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

StoreFile::StoreFile(const fs::path& path) : path_(path) {
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

StoreInfo StoreFile::info() const {
  StoreInfo info;
  for (const auto& [name, member] : kTextAttributes)
    info.*member = text_attribute(file_.get(), name);
  for (const auto& [name, member] : kNumberAttributes) info.*member = number_attribute(name);
  if (info.first_row < 0 || info.total_rows < info.first_row)
    refuse("its attributes total_rows and first_row contradict each other");
  return info;
}

StoreRows StoreFile::rows(const StoreInfo& info) const {
  const Checked embeddings = open("embeddings", predefined(H5T_IEEE_F32LE), 2, 0);
  const hsize_t count = embeddings.rows;
  if (count > static_cast<hsize_t>(info.total_rows - info.first_row))
    refuse("it has more rows than its attribute total_rows says");
  StoreRows out;
  out.dimension = static_cast<std::int64_t>(embeddings.width);
  // All shapes are checked before the first allocation.
  const Hdf5Handle number = predefined(H5T_STD_I64LE);
  const Checked id = open_text("id", count), speaker = open_text("speaker", count);
  const Checked status = open("status", status_type(), 1, count);
  const Checked seconds = open("seconds", predefined(H5T_IEEE_F32LE), 1, count);
  const Checked source_rate = open("source_rate", predefined(H5T_STD_I32LE), 1, count);
  Checked reason, file_size, file_time;
  if (has("reason")) reason = open_text("reason", count);
  if (has("file_size")) file_size = open("file_size", number, 1, count);
  if (has("file_time")) file_time = open("file_time", number, 1, count);

  read(embeddings, H5T_NATIVE_FLOAT, out.embeddings);
  out.ids = read_texts(id);
  out.speakers = read_texts(speaker);
  read(status, status.type.get(), out.status);
  for (std::uint8_t value : out.status)
    if (value >= kStatusNames.size()) refuse("/status holds an unknown value");
  read(seconds, H5T_NATIVE_FLOAT, out.seconds);
  read(source_rate, H5T_NATIVE_INT32, out.source_rate);
  if (reason.dataset) out.reasons = read_texts(reason);
  if (file_size.dataset) read(file_size, H5T_NATIVE_INT64, out.file_size);
  if (file_time.dataset) read(file_time, H5T_NATIVE_INT64, out.file_time);
  return out;
}

std::vector<std::string> StoreFile::damaged(const StoreInfo& info) const {
  std::vector<std::string> out;
  if (text_attribute(file_.get(), kAttributesSum) != sha256_hex(attributes_text(info)))
    out.emplace_back("attributes");
  for (const char* name : {"embeddings", "id", "speaker", "status", "seconds", "source_rate",
                           "reason", "file_size", "file_time"}) {
    const bool extra =
        std::string_view(name) == "reason" || std::string_view(name).starts_with("file_");
    if (extra && !has(name)) continue;
    const Checked column = open_any(name, std::string_view(name) == "embeddings" ? 2 : 1);
    check_extent(column, 0);
    if (text_attribute(column.dataset.get(), kColumnSum) != sum_of(column))
      out.push_back(std::string("/") + name);
  }
  return out;
}

// By plain reads of the place that check_extent has looked at: no second copy in memory.
std::string StoreFile::sum_of(const Checked& column) const {
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

bool StoreFile::has(const char* name) const {
  return H5Lexists(file_.get(), name, H5P_DEFAULT) > 0;
}

void StoreFile::refuse(const std::string& reason) const {
  throw DataError(path_.string() + " is not a usable embedding store: " + reason +
                  "; make it again with `balr extract`");
}

void StoreFile::fail_to_open() const {
  const std::string reason = hdf5_error_text();
  if (reason.find("errno") != std::string::npos)
    throw IoError("cannot open " + path_.string() + ": " + reason);
  refuse("HDF5 cannot open it (" + reason + ")");
}

void StoreFile::check_format() const {
  if (H5Aexists(file_.get(), "format") <= 0 || text_attribute(file_.get(), "format") != kFormatName)
    refuse(std::string("its root attribute format is not ") + kFormatName);
  const std::int64_t version = number_attribute("format_version");
  if (version != kFormatVersion)
    throw StoreVersionError(path_.string() + " has format version " + std::to_string(version) +
                            ", and this program reads version " + std::to_string(kFormatVersion) +
                            "; use the program that wrote it, or make it again with `balr extract`");
}

Hdf5Handle StoreFile::attribute(hid_t object, const char* name, H5T_class_t kind, std::size_t bytes,
                                Hdf5Handle& type) const {
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

std::string StoreFile::text_attribute(hid_t object, const char* name) const {
  Hdf5Handle type;
  const Hdf5Handle found = attribute(object, name, H5T_STRING, kMaxAttributeBytes, type);
  std::string text(H5Tget_size(type.get()), '\0');
  if (H5Aread(found.get(), type.get(), text.data()) < 0)
    refuse(std::string("its attribute ") + name + " cannot be read");
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

std::int64_t StoreFile::number_attribute(const char* name) const {
  Hdf5Handle type;
  const Hdf5Handle found = attribute(file_.get(), name, H5T_INTEGER, 8, type);
  std::int64_t value = 0;
  if (H5Aread(found.get(), H5T_NATIVE_INT64, &value) < 0)
    refuse(std::string("its attribute ") + name + " cannot be read");
  return value;
}

StoreFile::Checked StoreFile::open_any(const char* name, int rank) const {
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

void StoreFile::check_layout(hid_t dataset, const std::string& called) const {
  const Hdf5Handle list(H5Dget_create_plist(dataset), H5Pclose);
  if (!list || H5Pget_layout(list.get()) != H5D_CONTIGUOUS)
    refuse(called + " is not stored contiguously");
  if (H5Pget_external_count(list.get()) != 0) refuse(called + " lies in another file");
}

void StoreFile::check_extent(const Checked& column, hsize_t rows) const {
  const std::string called = std::string("/") + column.name;
  if (rows != 0 && column.rows != rows)
    refuse(called + " has another number of rows than /embeddings");
  const haddr_t offset = H5Dget_offset(column.dataset.get());
  std::uint64_t bytes = 0;
  if (offset == HADDR_UNDEF || __builtin_mul_overflow(column.rows, column.width, &bytes) ||
      __builtin_mul_overflow(bytes, column.element_bytes, &bytes) || offset > bytes_ ||
      bytes > bytes_ - offset)
    refuse(called + " is larger than the file (cut off, or never written)");
}

StoreFile::Checked StoreFile::open(const char* name, const Hdf5Handle& type, int rank,
                                   hsize_t rows) const {
  Checked column = open_any(name, rank);
  if (H5Tequal(column.type.get(), type.get()) <= 0)
    refuse(std::string("/") + name + " has another type");
  check_extent(column, rows);
  return column;
}

StoreFile::Checked StoreFile::open_text(const char* name, hsize_t rows) const {
  Checked column = open_any(name, 1);
  const hid_t type = column.type.get();
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
      H5Tget_strpad(type) != H5T_STR_NULLPAD)
    refuse(std::string("/") + name + " is not fixed-length text padded with NUL");
  check_extent(column, rows);
  return column;
}

void StoreFile::read_into(const Checked& column, hid_t memory_type, void* out) const {
  if (H5Dread(column.dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
    throw IoError("cannot read /" + std::string(column.name) + " of " + path_.string() + ": " +
                  hdf5_error_text());
}

std::vector<std::string> StoreFile::read_texts(const Checked& column) const {
  std::vector<char> packed(column.rows * column.element_bytes);
  read_into(column, column.type.get(), packed.data());
  std::vector<std::string> out;
  out.reserve(column.rows);
  for (hsize_t row = 0; row < column.rows; ++row) {
    const std::string_view cell(packed.data() + row * column.element_bytes, column.element_bytes);
    out.emplace_back(cell.substr(0, cell.find_last_not_of('\0') + 1));
  }
  return out;
}

}  // namespace balr
