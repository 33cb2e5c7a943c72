#pragma once
#include "balr/core/partition.hpp"
#include "balr/extract/row_rules.hpp"
#include "extract/row_work.hpp"

namespace balr {

// Decodes rows by the user's rules. Thread-safe.
class RowDecoder {
 public:
  RowDecoder(const Manifest& manifest, const RowRules& rules, const Embedder& embedder);

  // Rows of one file (same_file_runs()), which is decoded once. What each gets does not depend on
  // the others. Too short audio gets kTooShort, or is repeated.
  std::vector<DecodedRow> decode(Range rows) const;

 private:
  DecodedRow make_row(std::int64_t row, DecodeResult decoded) const;
  void judge_length(DecodedRow& row) const;

  const Manifest& manifest_;
  RowRules rules_;
  AudioLoader loader_;
  std::int64_t min_samples_, model_min_samples_, chunk_samples_;
};

}  // namespace balr
