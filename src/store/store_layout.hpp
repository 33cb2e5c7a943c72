#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "balr/store/embedding_store.hpp"

namespace balr {

// Columns of a store, in the order in which they lie in the file.
enum class Column : std::size_t {
  kEmbeddings,
  kId,
  kSpeaker,
  kStatus,
  kSeconds,
  kSourceRate,
  kReason,
  kFileSize,
  kFileTime
};
inline constexpr std::size_t kColumns = 9;
using ColumnSums = std::array<std::string, kColumns>;  // SHA-256 of each, by Column

struct StoreShape {
  std::int64_t rows = 0, dimension = 0;
  std::size_t id_width = 1, speaker_width = 1;
  std::size_t reason_width = 0;  // 0: no such column
  bool files = false;            // with /file_size and /file_time
};

// Where everything lies in a store of this shape.
struct StoreLayout {
  struct Place {
    std::uint64_t offset = 0;     // of the first row, in bytes from the start of the file
    std::uint64_t row_bytes = 0;  // 0: no such column
  };
  std::array<Place, kColumns> columns;
  std::string metadata;  // the file from its first byte to the first column
};

// Lets HDF5 lay the file out in memory; all metadata go before the columns, whose data are never
// written there. Why not let HDF5 write the file: HDF5 1.10 crashes when a write fails while a file
// is closed (tried with a full disk). Plain writes at known places report every error, and give the
// same bytes in whatever pieces the rows come.
// The checksums are known after the last row: laying out again with them gives metadata of the same
// size, to be written over the first ones.
StoreLayout lay_out_store(const StoreInfo& info, const StoreShape& shape,
                          const ColumnSums& sums = {});

}  // namespace balr
