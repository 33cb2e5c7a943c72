// For h5py_test.py: writes the sample store, or reads a store and says what it found; errors leave
// as balr's exit codes.
//   store_tool write FILE ROWS DIMENSION [reasons]     store_tool read|info|verify FILE
//   store_tool write-attributes FILE ROWS ATTRIBUTES   store_tool read-|verify-attributes FILE
// BALR_TEST_FLOCK_ERRNO makes every flock() fail with that number, as a file system without locks
// does.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "balr/core/error.hpp"
#include "balr/store/attribute_store.hpp"
#include "balr/store/verify_store.hpp"
#include "sample_rows.hpp"

extern "C" int flock(int descriptor, int operation) noexcept {
  if (const char* error = std::getenv("BALR_TEST_FLOCK_ERRNO")) {
    errno = std::atoi(error);
    return -1;
  }
  return static_cast<int>(syscall(SYS_flock, descriptor, operation));
}

namespace {

int run(int argc, char** argv) {
  using namespace balr;
  const std::string command = argc > 2 ? argv[1] : "";
  if (command == "write" && argc >= 5) {
    const std::int64_t rows = std::atoll(argv[3]);
    StoreRows sample = test::sample_rows(rows, std::atoll(argv[4]));
    if (argc > 5)
      for (std::int64_t i = 0; i < rows; ++i)
        sample.reasons.push_back(i % 8 == 0 ? "" : "cassé " + std::to_string(i));
    if (argc > 5)
      for (std::int64_t i = 0; i < rows; ++i) {
        sample.file_size.push_back(1000 + i);
        sample.file_time.push_back(1'700'000'000'000'000'000 + i);
      }
    write_store(argv[2], test::sample_info(rows), sample);
  } else if (command == "write-attributes" && argc >= 5) {
    const std::int64_t rows = std::atoll(argv[3]), attributes = std::atoll(argv[4]);
    write_attribute_store(argv[2], test::sample_attribute_info(rows, attributes),
                          test::sample_attributes(rows, attributes));
  } else if (command == "read-attributes") {
    const AttributeStore store = read_attribute_store(argv[2]);
    std::printf("%lld %lld\n", static_cast<long long>(store.rows.rows()),
                static_cast<long long>(store.rows.attributes));
  } else if (command == "verify-attributes") {
    const AttributeReport report = verify_attribute_store(argv[2]);
    for (const std::string& problem : report.problems) std::printf("%s\n", problem.c_str());
    return report.problems.empty() ? 0 : 65;
  } else if (command == "read") {
    const Store store = read_store(argv[2]);
    double sum = 0;
    for (float value : store.rows.embeddings) sum += value == value ? value : 0;
    std::printf("%lld %lld %.9g\n", static_cast<long long>(store.rows.rows()),
                static_cast<long long>(store.rows.dimension), sum);
  } else if (command == "verify") {
    const StoreReport report = verify_store(argv[2]);
    for (const std::string& problem : report.problems) std::printf("%s\n", problem.c_str());
    return report.problems.empty() ? 0 : 65;
  } else if (command == "info") {
    std::printf("%s\n", read_store_info(argv[2]).model_name.c_str());
  } else {
    std::fprintf(stderr, "usage: see the head of store_tool.cpp\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const balr::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
