#pragma once
#include <cstdint>
#include <vector>

#include "balr/core/partition.hpp"
#include "balr/data/manifest.hpp"
#include "balr/store/embedding_store.hpp"
#include "extract/row_engine.hpp"

namespace balr {

// A row as a store has it.
RowResult row_of(const Store& store, std::int64_t row);

// Rows of one part, all of them or some that were claimed, while they are being computed.
class PartBuffer {
 public:
  // `rows` of the manifest; `dimension` of the embeddings.
  PartBuffer(std::int64_t part, Range rows, const Manifest& manifest, std::int64_t dimension);

  void put(const RowResult& result);
  // Takes over the rows of a fragment that are still pending here.
  void put(const Store& fragment);

  std::int64_t part() const { return part_; }
  Range range() const { return range_; }
  std::vector<std::int64_t> pending() const;
  bool complete() const { return missing_ == 0; }
  bool untouched() const { return missing_ == range_.size(); }
  const StoreRows& rows() const { return rows_; }

 private:
  std::int64_t part_;
  Range range_;
  StoreRows rows_;
  std::int64_t missing_;
};

}  // namespace balr
