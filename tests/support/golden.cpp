#include "support/golden.hpp"

#include <hdf5.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace balr::test {
namespace {

namespace fs = std::filesystem;

struct Handle {
  hid_t id;
  herr_t (*close)(hid_t);
  ~Handle() {
    if (id >= 0) close(id);
  }
};

hid_t checked(hid_t id, const fs::path& file, const std::string& name) {
  if (id < 0) throw std::runtime_error("cannot read " + name + " of " + file.string());
  return id;
}

template <class T>
Array<T> read(const fs::path& file, const std::string& dataset, hid_t type) {
  Handle f{checked(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), file, dataset), H5Fclose};
  Handle d{checked(H5Dopen2(f.id, dataset.c_str(), H5P_DEFAULT), file, dataset), H5Dclose};
  Handle s{H5Dget_space(d.id), H5Sclose};
  std::vector<hsize_t> dims(static_cast<std::size_t>(H5Sget_simple_extent_ndims(s.id)));
  H5Sget_simple_extent_dims(s.id, dims.data(), nullptr);
  Array<T> out;
  std::size_t count = 1;
  for (hsize_t n : dims) {
    out.shape.push_back(n);
    count *= n;
  }
  out.values.resize(count);
  if (count && H5Dread(d.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.values.data()) < 0)
    throw std::runtime_error("cannot read " + dataset + " of " + file.string());
  return out;
}

}  // namespace

fs::path test_data_folder() {
  const char* folder = std::getenv("BALR_TEST_DATA");
  const char* required = std::getenv("BALR_REQUIRE_TEST_DATA");
  if (folder && fs::is_directory(fs::path(folder) / "golden")) return fs::absolute(folder);
  if (required && std::string(required) == "1")
    throw std::runtime_error("BALR_REQUIRE_TEST_DATA=1, but BALR_TEST_DATA names no folder with golden/ in it");
  return {};
}

Array<float> read_float(const fs::path& f, const std::string& d) { return read<float>(f, d, H5T_NATIVE_FLOAT); }
Array<double> read_double(const fs::path& f, const std::string& d) { return read<double>(f, d, H5T_NATIVE_DOUBLE); }
Array<std::int64_t> read_int(const fs::path& f, const std::string& d) { return read<std::int64_t>(f, d, H5T_NATIVE_INT64); }

std::vector<std::string> read_text(const fs::path& file, const std::string& dataset) {
  Handle f{checked(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), file, dataset), H5Fclose};
  Handle d{checked(H5Dopen2(f.id, dataset.c_str(), H5P_DEFAULT), file, dataset), H5Dclose};
  Handle s{H5Dget_space(d.id), H5Sclose};
  Handle t{H5Dget_type(d.id), H5Tclose};
  const auto count = static_cast<std::size_t>(H5Sget_simple_extent_npoints(s.id));
  const std::size_t width = H5Tget_size(t.id);
  std::string bytes(count * width, '\0');
  if (H5Dread(d.id, t.id, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
    throw std::runtime_error("cannot read " + dataset + " of " + file.string());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.emplace_back(bytes.substr(i * width, width).c_str());
  return out;
}

bool has(const fs::path& file, const std::string& name) {
  Handle f{checked(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), file, name), H5Fclose};
  std::string part;
  for (std::size_t at = 0; at != std::string::npos;) {  // H5Lexists wants every link on the way to exist
    at = name.find('/', at + 1);
    part = name.substr(0, at);
    if (!part.empty() && part != "/" && H5Lexists(f.id, part.c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return true;
}

std::vector<std::string> children(const fs::path& file, const std::string& group) {
  Handle f{checked(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), file, group), H5Fclose};
  Handle g{checked(H5Gopen2(f.id, group.c_str(), H5P_DEFAULT), file, group), H5Gclose};
  std::vector<std::string> names;
  H5Literate(g.id, H5_INDEX_NAME, H5_ITER_INC, nullptr,
             [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
               static_cast<std::vector<std::string>*>(out)->push_back(name);
               return 0;
             }, &names);
  return names;
}

double read_attribute(const fs::path& file, const std::string& object, const std::string& name) {
  Handle f{checked(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), file, object), H5Fclose};
  Handle a{checked(H5Aopen_by_name(f.id, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), file, name), H5Aclose};
  double value = 0;
  if (H5Aread(a.id, H5T_NATIVE_DOUBLE, &value) < 0) throw std::runtime_error("cannot read attribute " + name);
  return value;
}

TempDir::TempDir() {
  static std::atomic<int> counter{0};
  const char* build = std::getenv("BALR_BUILD_DIR");
  path_ = fs::path(build ? build : fs::temp_directory_path().string()) / "test-tmp" /
          (std::to_string(getpid()) + "-" + std::to_string(counter++));
  fs::remove_all(path_);
  fs::create_directories(path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

int by_level(int quick, int ci, int full) {
  const char* level = std::getenv("BALR_TEST_LEVEL");
  const std::string name = level ? level : "quick";
  return name == "full" ? full : name == "ci" ? ci : quick;
}

}  // namespace balr::test
