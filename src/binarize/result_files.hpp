#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "balr/data/manifest.hpp"
#include "balr/dataset/vector_rows.hpp"
#include "binarize/attribute_parts.hpp"

namespace balr {

inline constexpr const char* kAttributesName = "attributes.h5";

// Puts the parts together: <folder>/failures.csv (row, id, reason), metadata.csv and, last,
// attributes.h5. `manifest`: of an input that is a CSV, whose columns are carried along; relative
// paths in its columns audio and embedding become absolute (`root`: where the vector files start).
void write_results(const AttributeParts& parts, const AttributeInfo& info, const VectorRows& rows,
                   const std::optional<Manifest>& manifest, const std::filesystem::path& root,
                   const std::filesystem::path& folder);

}  // namespace balr
