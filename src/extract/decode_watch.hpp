#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "balr/core/stage_clock.hpp"
#include "extract/row_decoder.hpp"

namespace balr {

class Journal;

// Decodes rows in whatever threads call it, notes them in the journal, and knows which of them take long.
class DecodeWatch {
 public:
  DecodeWatch(const Manifest& manifest, const RowRules& rules, const Embedder& embedder, Journal* journal);

  // Rows of one file. Nothing if they were given up meanwhile: then the calling thread must end at once and touch nothing, as the owner of this
  // may be gone.
  std::optional<std::vector<DecodedRow>> decode(Range rows);

  // Rows that have been decoding for longer than this are given up; returns them and the threads that are at them.
  std::vector<std::pair<Range, std::thread::id>> give_up(std::chrono::duration<double> limit);

  double seconds() const;

 private:
  struct Shared;
  const Manifest& manifest_;
  Journal* journal_;
  std::shared_ptr<Shared> shared_;  // what a thread that was given up may still use
};

}  // namespace balr
