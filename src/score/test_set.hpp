#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "balr/score/explain_trial.hpp"

namespace balr {

// Compares the recordings of two sides.
class Comparer {
 public:
  virtual ~Comparer() = default;
  // Rows of the test set, at least one a side; one alone where single_recording_only().
  // Thread-safe.
  virtual double score(std::span<const std::int64_t> enrollment,
                       std::span<const std::int64_t> test) const = 0;
  // What each attribute adds to the score, in their order; nothing for embeddings.
  virtual std::vector<AttributeContribution> contributions(
      std::span<const std::int64_t> /*enrollment*/, std::span<const std::int64_t> /*test*/) const {
    return {};
  }
  virtual bool single_recording_only() const { return false; }
  // Whether scores are natural logarithms of likelihood ratios.
  virtual bool is_log_lr() const = 0;
  // Why a row cannot be compared; empty if it can.
  virtual std::string refuse(std::int64_t /*row*/) const { return {}; }
};

// The recordings that trials are about.
class TestSet {
 public:
  // `dropped`: recordings without vectors, and why. Throws DataError if two have one id.
  TestSet(std::vector<std::string> ids, std::vector<std::string> speakers,
          std::unordered_map<std::string, std::string> dropped,
          std::unique_ptr<Comparer> comparer);
  TestSet(const TestSet&) = delete;  // views of its own texts
  TestSet& operator=(const TestSet&) = delete;

  std::int64_t size() const { return static_cast<std::int64_t>(ids_.size()); }
  const std::vector<std::string>& ids() const { return ids_; }
  const std::vector<std::string>& speakers() const { return speakers_; }
  bool has_speakers() const { return has_speakers_; }
  const Comparer& comparer() const { return *comparer_; }

  // Also of recordings that were dropped.
  bool knows(std::string_view id) const { return find(id) || !dropped_reason(id).empty(); }
  std::optional<std::int64_t> find(std::string_view id) const;
  std::string dropped_reason(std::string_view id) const;  // empty: it was not dropped
  // Empty: not known.
  const std::string& speaker(std::int64_t row) const {
    return speakers_[static_cast<std::size_t>(row)];
  }
  // Equal where the names are.
  std::uint32_t speaker_number(std::int64_t row) const {
    return numbers_[static_cast<std::size_t>(row)];
  }

 private:
  std::vector<std::string> ids_, speakers_;
  std::unordered_map<std::string_view, std::int64_t> rows_;
  std::unordered_map<std::string, std::string> dropped_;
  std::vector<std::uint32_t> numbers_;
  std::unique_ptr<Comparer> comparer_;
  bool has_speakers_ = false;
};

}  // namespace balr
