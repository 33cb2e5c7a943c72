#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/store/embedding_store.hpp"

namespace balr {

// What `balr verify` says about a store.
struct StoreReport {
  StoreInfo info;
  std::int64_t rows = 0, dimension = 0;
  std::array<std::int64_t, 8> by_status{};  // rows, by RowStatus
  double seconds = 0;                       // of audio in rows that are ok
  // One sentence each; empty: the checksums are right, rows that are ok are finite and the others
  // NaN, and (in a finished store) the rows are as many as the input has.
  std::vector<std::string> problems;
};

// Reads the whole store. Throws DataError if it is no store at all, IoError.
StoreReport verify_store(const std::filesystem::path& file);

// "ok", "missing", ... as in the file's enum.
const char* status_name(std::size_t status);

}  // namespace balr
