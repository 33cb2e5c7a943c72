#pragma once
#include "balr/store/attribute_store.hpp"
#include "store/column_layout.hpp"

// Names of the file format, shared by its writer and its reader.
namespace balr {

inline constexpr const char* kAttributeFormat = "balr-attributes";
inline constexpr std::int64_t kAttributeVersion = 1;

struct AttributeText {
  const char* name;
  std::string AttributeInfo::*member;
};
inline constexpr AttributeText kAttributeTexts[] = {
    {"encoder_sha256", &AttributeInfo::encoder_sha256},
    {"embeddings_sha256", &AttributeInfo::embeddings_sha256},
    {"model", &AttributeInfo::model},
    {"identity", &AttributeInfo::identity},
    {"program_version", &AttributeInfo::program_version}};

struct AttributeNumber {
  const char* name;
  std::int64_t AttributeInfo::*member;
};
inline constexpr AttributeNumber kAttributeNumbers[] = {
    {"number_of_attributes", &AttributeInfo::attributes},
    {"total_rows", &AttributeInfo::total_rows},
    {"first_row", &AttributeInfo::first_row}};

std::vector<RootAttribute> root_attributes(const AttributeInfo& info);
ColumnFileSpec attribute_spec(const AttributeInfo& info, std::int64_t rows, std::size_t id_width,
                              std::size_t speaker_width);

}  // namespace balr
