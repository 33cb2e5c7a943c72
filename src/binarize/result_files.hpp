#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "balr/data/manifest.hpp"
#include "balr/dataset/vector_file_names.hpp"
#include "balr/dataset/vector_rows.hpp"
#include "binarize/attribute_parts.hpp"

namespace balr {

// Where the results of a run go and what they are made from.
struct ResultPlan {
  const AttributeInfo& info;
  const VectorRows& rows;
  // Of an input that is a CSV, whose columns are carried along; relative paths in its columns audio
  // and embedding become absolute (`root`: where the vector files start).
  const std::optional<Manifest>& manifest;
  std::filesystem::path root, folder;
  // Also the Python balr's files; metadata.csv names them then, and leaves failed rows out.
  std::optional<VectorFormat> format;
  std::optional<VectorFileNames> names;
};

// Names of the `_ba` files: in `folder`, or, if that is empty, beside what each row refers to: its
// audio, else its embedding's file. Throws DataError where a row has neither.
VectorFileNames attribute_file_names(const Manifest& manifest, const std::filesystem::path& root,
                                     const std::filesystem::path& folder, VectorFormat format);

// Puts the parts together: <folder>/failures.csv (row, id, reason), metadata.csv and, last,
// attributes.h5.
void write_results(const AttributeParts& parts, const ResultPlan& plan);

}  // namespace balr
