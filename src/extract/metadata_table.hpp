#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "balr/data/manifest.hpp"
#include "extract/vector_outputs.hpp"

namespace balr {

constexpr const char* kStoreName = "embeddings.h5";

// metadata.csv: the CSV's columns with `embedding` added or replaced; for other inputs: id, audio and what else is known.
class MetadataTable {
 public:
  // With `vectors`, `embedding` names their files, and failed rows are left out, as the Python balr needs it; `folder` is where
  // the table will lie.
  explicit MetadataTable(const Manifest& manifest, const VectorOutputs* vectors = nullptr, std::filesystem::path folder = {});

  // Rows in the manifest's order. Relative audio paths become absolute.
  void add(std::int64_t row, bool ok);
  const std::string& text() const { return text_; }

 private:
  std::vector<std::string> known_columns() const;
  std::vector<std::string> known_cells(const Utterance& row) const;
  std::size_t column(const std::string& name) const;

  std::string cell(std::int64_t row, bool ok) const;

  const Manifest& manifest_;
  const VectorOutputs* vectors_;
  std::filesystem::path folder_;
  std::vector<std::string> header_;
  std::size_t audio_ = 0, embedding_ = 0;
  std::string text_;
};

}  // namespace balr
