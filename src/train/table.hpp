#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balr/dataset/vector_table.hpp"

namespace balr {

class World;

// Rows to train on, in memory: what of a VectorTable training needs. Cheap to copy.
struct Table {
  std::int64_t dimension = 0;
  std::span<const float> values;     // [rows, dimension]
  std::vector<std::int64_t> labels;  // 0..C-1
  std::vector<std::string> label_names;
  std::int64_t dropped = 0;
  std::string source, model, content_hash;
  std::shared_ptr<const void> memory;  // holds the values
  std::int64_t rows() const { return static_cast<std::int64_t>(labels.size()); }
};

Table make_table(VectorTable table);
// Throws DataError naming the first row whose values are not finite (open_vectors leaves such rows
// out); `what` is "training" or "validation".
void check_finite(const VectorTable& table, const char* what);

// Collective. One rank of each node reads the input (see open_vectors); the others share its memory.
// Where there is no room for shared memory, each reads its own copy. Throws as open_vectors does, the
// same on every rank.
Table open_table(const std::filesystem::path& input, const std::filesystem::path& root,
                 const char* what, World& world);

}  // namespace balr
