#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace balr::test {

// The folder of reference numbers (BALR_TEST_DATA), which a stranger's clone lacks: empty then.
// With BALR_REQUIRE_TEST_DATA=1 its absence is a failure instead.
std::filesystem::path test_data_folder();

// Skips the calling test, aloud, if the reference data are absent. Use as the first line of a test.
#define BALR_NEEDS_TEST_DATA()                                                              \
  do {                                                                                      \
    if (::balr::test::test_data_folder().empty())                                           \
      GTEST_SKIP() << "BALR_TEST_DATA is not set: the reference data are not in this clone"; \
  } while (false)

// One dataset of an HDF5 file, converted to T. Throws std::runtime_error naming file and dataset.
template <class T>
struct Array {
  std::vector<std::size_t> shape;
  std::vector<T> values;  // row-major
};
Array<float> read_float(const std::filesystem::path& file, const std::string& dataset);
Array<double> read_double(const std::filesystem::path& file, const std::string& dataset);
Array<std::int64_t> read_int(const std::filesystem::path& file, const std::string& dataset);
std::vector<std::string> read_text(const std::filesystem::path& file, const std::string& dataset);
bool has(const std::filesystem::path& file, const std::string& name);
std::vector<std::string> children(const std::filesystem::path& file, const std::string& group);
double read_attribute(const std::filesystem::path& file, const std::string& object, const std::string& name);

// A fresh empty folder below the build folder, removed when the object dies.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What BALR_TEST_LEVEL (quick, ci, full; default quick) makes of a count.
int by_level(int quick, int ci, int full);

}  // namespace balr::test
