#pragma once
#include <hdf5.h>

#include <string>
#include <utility>

// The only place that includes HDF5 (with the files of this folder): owned identifiers and error
// texts.
namespace balr {

// Owns one HDF5 identifier.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  // False if HDF5 reports an error.
  bool close() { return id_ < 0 || close_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

// HDF5 prints its errors to stderr unless told otherwise; every entry of this module calls this
// first.
void silence_hdf5();

// What HDF5's error stack says: its innermost message (with the operating system's text), and what
// to do about locks.
std::string hdf5_error_text();

// How files are opened: without locks unless HDF5_USE_FILE_LOCKING says otherwise, and in the
// format of HDF5 1.10.
Hdf5Handle file_access_list();

}  // namespace balr
