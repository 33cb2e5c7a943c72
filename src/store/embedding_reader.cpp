#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "balr/core/error.hpp"
#include "balr/store/embedding_store.hpp"
#include "store/store_format.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// A store opened for reading. Nothing in the file is believed before it is checked against the
// file's size.
class StoreFile {
 public:
  explicit StoreFile(const fs::path& path) : path_(path) {
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

  StoreInfo info() const {
    StoreInfo info;
    for (const auto& [name, member] : kTextAttributes) info.*member = text_attribute(name);
    for (const auto& [name, member] : kNumberAttributes) info.*member = number_attribute(name);
    if (info.first_row < 0 || info.total_rows < info.first_row)
      refuse("its attributes total_rows and first_row contradict each other");
    return info;
  }

  StoreRows rows(const StoreInfo& info) const {
    const Checked embeddings = open("embeddings", predefined(H5T_IEEE_F32LE), 2, 0);
    const hsize_t count = embeddings.rows;
    if (count > static_cast<hsize_t>(info.total_rows - info.first_row))
      refuse("it has more rows than its attribute total_rows says");
    StoreRows out;
    out.dimension = static_cast<std::int64_t>(embeddings.width);
    // All shapes are checked before the first allocation.
    const Checked id = open_text("id", count), speaker = open_text("speaker", count);
    const Checked status = open("status", status_type(), 1, count);
    const Checked seconds = open("seconds", predefined(H5T_IEEE_F32LE), 1, count);
    const Checked source_rate = open("source_rate", predefined(H5T_STD_I32LE), 1, count);
    Checked reason;
    if (H5Lexists(file_.get(), "reason", H5P_DEFAULT) > 0) reason = open_text("reason", count);

    read(embeddings, H5T_NATIVE_FLOAT, out.embeddings);
    out.ids = read_texts(id);
    out.speakers = read_texts(speaker);
    read(status, status.type.get(), out.status);
    for (std::uint8_t value : out.status)
      if (value >= kStatusNames.size()) refuse("/status holds an unknown value");
    read(seconds, H5T_NATIVE_FLOAT, out.seconds);
    read(source_rate, H5T_NATIVE_INT32, out.source_rate);
    if (reason.dataset) out.reasons = read_texts(reason);
    return out;
  }

 private:
  struct Checked {
    Hdf5Handle dataset, type;
    hsize_t rows = 0, width = 1;  // width: elements of a row
    std::size_t element_bytes = 0;
    const char* name = "";
  };

  [[noreturn]] void refuse(const std::string& reason) const {
    throw DataError(path_.string() + " is not a usable embedding store: " + reason +
                    "; make it again with `balr extract`");
  }

  [[noreturn]] void fail_to_open() const {
    const std::string reason = hdf5_error_text();
    if (reason.find("errno") != std::string::npos)
      throw IoError("cannot open " + path_.string() + ": " + reason);
    refuse("HDF5 cannot open it (" + reason + ")");
  }

  void check_format() const {
    if (H5Aexists(file_.get(), "format") <= 0 || text_attribute("format") != kFormatName)
      refuse(std::string("its root attribute format is not ") + kFormatName);
    const std::int64_t version = number_attribute("format_version");
    if (version != kFormatVersion)
      refuse("it has format version " + std::to_string(version) +
             ", and this program reads version " + std::to_string(kFormatVersion));
  }

  // A scalar attribute that occupies `bytes` bytes at most.
  Hdf5Handle attribute(const char* name, H5T_class_t kind, std::size_t bytes,
                       Hdf5Handle& type) const {
    Hdf5Handle found(
        H5Aexists(file_.get(), name) > 0 ? H5Aopen(file_.get(), name, H5P_DEFAULT) : -1, H5Aclose);
    if (!found) refuse(std::string("its root attribute ") + name + " is missing");
    type = Hdf5Handle(H5Aget_type(found.get()), H5Tclose);
    const Hdf5Handle space(H5Aget_space(found.get()), H5Sclose);
    if (!type || !space || H5Tget_class(type.get()) != kind || H5Tget_size(type.get()) > bytes ||
        (kind == H5T_STRING && H5Tis_variable_str(type.get()) != 0) ||
        H5Sget_simple_extent_type(space.get()) != H5S_SCALAR)
      refuse(std::string("its root attribute ") + name + " has another type");
    return found;
  }

  std::string text_attribute(const char* name) const {
    Hdf5Handle type;
    const Hdf5Handle found = attribute(name, H5T_STRING, kMaxAttributeBytes, type);
    std::string text(H5Tget_size(type.get()), '\0');
    if (H5Aread(found.get(), type.get(), text.data()) < 0)
      refuse(std::string("its root attribute ") + name + " cannot be read");
    text.erase(text.find_last_not_of('\0') + 1);
    return text;
  }

  std::int64_t number_attribute(const char* name) const {
    Hdf5Handle type;
    const Hdf5Handle found = attribute(name, H5T_INTEGER, 8, type);
    std::int64_t value = 0;
    if (H5Aread(found.get(), H5T_NATIVE_INT64, &value) < 0)
      refuse(std::string("its root attribute ") + name + " cannot be read");
    return value;
  }

  // Opens a dataset through a hard link and takes its type and shape down.
  Checked open_any(const char* name, int rank) const {
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
        H5Sget_simple_extent_dims(space.get(), dims, nullptr) != rank || dims[0] == 0 ||
        dims[1] == 0)
      refuse(called + " has another rank, or is empty");
    out.rows = dims[0];
    out.width = dims[1];
    out.element_bytes = H5Tget_size(out.type.get());
    return out;
  }

  void check_layout(hid_t dataset, const std::string& called) const {
    const Hdf5Handle list(H5Dget_create_plist(dataset), H5Pclose);
    if (!list || H5Pget_layout(list.get()) != H5D_CONTIGUOUS)
      refuse(called + " is not stored contiguously");
    if (H5Pget_external_count(list.get()) != 0) refuse(called + " lies in another file");
  }

  // The bytes of the dataset must lie in this file: checked before anything of that size is
  // allocated.
  void check_extent(const Checked& column, hsize_t rows) const {
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

  Checked open(const char* name, const Hdf5Handle& type, int rank, hsize_t rows) const {
    Checked column = open_any(name, rank);
    if (H5Tequal(column.type.get(), type.get()) <= 0)
      refuse(std::string("/") + name + " has another type");
    check_extent(column, rows);
    return column;
  }

  Checked open_text(const char* name, hsize_t rows) const {
    Checked column = open_any(name, 1);
    const hid_t type = column.type.get();
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
        H5Tget_strpad(type) != H5T_STR_NULLPAD)
      refuse(std::string("/") + name + " is not fixed-length text padded with NUL");
    check_extent(column, rows);
    return column;
  }

  template <class T>
  void read(const Checked& column, hid_t memory_type, std::vector<T>& out) const {
    out.resize(column.rows * column.width);
    read_into(column, memory_type, out.data());
  }

  void read_into(const Checked& column, hid_t memory_type, void* out) const {
    if (H5Dread(column.dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
      throw IoError("cannot read /" + std::string(column.name) + " of " + path_.string() + ": " +
                    hdf5_error_text());
  }

  std::vector<std::string> read_texts(const Checked& column) const {
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

  fs::path path_;
  std::uint64_t bytes_ = 0;
  Hdf5Handle file_;
};

}  // namespace

Store read_store(const fs::path& file) {
  const StoreFile store(file);
  Store out;
  out.info = store.info();
  out.rows = store.rows(out.info);
  return out;
}

StoreInfo read_store_info(const fs::path& file) { return StoreFile(file).info(); }

}  // namespace balr
