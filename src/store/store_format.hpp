#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "balr/store/embedding_store.hpp"
#include "store/hdf5_handle.hpp"

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

// Attributes live in object headers, whose messages end at 64 KiB.
inline constexpr std::size_t kMaxAttributeBytes = 60'000;

// Names of the checksums, which are texts of 64 hexadecimal digits.
inline constexpr const char* kColumnSum = "sha256";
inline constexpr const char* kAttributesSum = "attributes_sha256";
// What attributes_sha256 is computed over: one line NAME=VALUE for each attribute, in this order.
std::string attributes_text(const StoreInfo& info);

// Fixed-length UTF-8, padded with NUL.
Hdf5Handle text_type(std::size_t width);
// The enum of /status over uint8.
Hdf5Handle status_type();
// A handle on a predefined type, which must not be closed.
Hdf5Handle predefined(hid_t type);

}  // namespace balr
