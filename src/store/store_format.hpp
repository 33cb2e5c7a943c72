#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "balr/store/embedding_store.hpp"
#include "store/column_layout.hpp"

// Names and types of the file format, shared by its writer and its reader.
namespace balr {

inline constexpr const char* kFormatName = "balr-embeddings";
inline constexpr std::int64_t kFormatVersion = 2;

// /status; the index is the value (RowStatus of module data has the same ones, a test says so).
inline constexpr std::array<const char*, 8> kStatusNames = {
    "ok", "missing", "decode", "too_short", "too_long", "out_of_range", "nonfinite", "crashed"};

struct TextAttribute {
  const char* name;
  std::string StoreInfo::*member;
};
inline constexpr std::array<TextAttribute, 9> kTextAttributes = {
    {{"model_repo", &StoreInfo::model_repo},
     {"model_name", &StoreInfo::model_name},
     {"model_sha256", &StoreInfo::model_sha256},
     {"features", &StoreInfo::features},
     {"precision", &StoreInfo::precision},
     {"input_hash", &StoreInfo::input_hash},
     {"identity", &StoreInfo::identity},
     {"recipe", &StoreInfo::recipe},
     {"program_version", &StoreInfo::program_version}}};

struct NumberAttribute {
  const char* name;
  std::int64_t StoreInfo::*member;
};
inline constexpr std::array<NumberAttribute, 2> kNumberAttributes = {
    {{"total_rows", &StoreInfo::total_rows}, {"first_row", &StoreInfo::first_row}}};

// Columns of a store, in the order in which they lie in the file; the last three only if `shape`
// says so.
struct StoreShape {
  std::int64_t rows = 0, dimension = 0;
  std::size_t id_width = 1, speaker_width = 1;
  std::size_t reason_width = 0;  // 0: no such column
  bool files = false;            // with /file_size and /file_time
};
std::vector<RootAttribute> root_attributes(const StoreInfo& info);
ColumnFileSpec store_spec(const StoreInfo& info, const StoreShape& shape);

// The enum of /status over uint8.
Hdf5Handle status_type();
// A handle on a predefined type, which must not be closed.
Hdf5Handle predefined(hid_t type);

}  // namespace balr
