#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "balr/data/audio.hpp"
#include "balr/dataset/vector_table.hpp"

namespace balr {

// The rows of any input that open_vectors() takes, embeddings, in the input's order, those without
// a vector too.
class VectorRows {
 public:
  // Throws as open_vectors().
  static VectorRows open(const std::filesystem::path& input, const std::filesystem::path& root,
                         const OpenOptions& options = {});
  VectorRows(VectorRows&&) noexcept;
  VectorRows& operator=(VectorRows&&) noexcept;
  ~VectorRows();

  std::int64_t rows() const;
  std::int64_t dimension() const;
  const std::string& id(std::int64_t row) const;
  const std::string& speaker(std::int64_t row) const;
  RowStatus status(std::int64_t row) const;
  std::span<const float> vector(std::int64_t row) const;  // only where the status is kOk

  std::string source() const;        // what was read, for messages
  std::string model() const;         // as VectorTable::model
  std::string content_hash() const;  // SHA-256 over ids, speakers, status and vectors in order

 private:
  struct State;
  explicit VectorRows(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace balr
