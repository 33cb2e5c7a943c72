#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

// Scorers: how much more likely what two sides of a trial show is if one speaker made both, than
// if two did. Computed in double, in the log domain; scores are natural logarithms of likelihood
// ratios, but for kCosine, which is no likelihood ratio. Formulas: those of the Python balr 2.0.0.
namespace balr {

enum class ScorerKind { kBeta, kDna, kSpeech, kMaxLlr, kCosine };
// As in scorer=NAME: beta, dna, speech, maxllr, cosine.
std::string scorer_name(ScorerKind kind);

// A named array of a fitted scorer, as scorer.pt holds it.
struct ScorerBuffer {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<double> values;  // row-major
  bool is_float64 = false;     // in the file; else float32
};

// What one side of a trial shows: in how many of its recordings each attribute is active.
struct TrialSide {
  std::span<const std::int32_t> active;  // [attributes]
  std::int32_t recordings = 1;           // >= 1
};

class Scorer {
 public:
  virtual ~Scorer() = default;
  ScorerKind kind() const { return kind_; }
  std::int64_t attributes() const { return attributes_; }
  // dna and speech compare one recording with one.
  bool single_recording_only() const;
  // False: the scores are similarities (kCosine).
  bool is_log_lr() const { return kind_ != ScorerKind::kCosine; }

  // What each attribute adds to the score; their sum is the score. Sides of several recordings are
  // a programmer error where single_recording_only().
  virtual void contributions(const TrialSide& enrollment, const TrialSide& test,
                             std::span<double> out) const = 0;
  virtual double score(const TrialSide& enrollment, const TrialSide& test) const;
  // One recording a side, as bits (see add_recording); the fast way.
  virtual double score_bits(std::span<const std::uint64_t> enrollment,
                            std::span<const std::uint64_t> test) const = 0;

 protected:
  Scorer(ScorerKind kind, std::int64_t attributes) : kind_(kind), attributes_(attributes) {}
  void check_sides(const TrialSide& enrollment, const TrialSide& test) const;

 private:
  ScorerKind kind_;
  std::int64_t attributes_;
};

// From the buffers of a fit: beta: alpha [n, 2] (active, inactive); dna, speech: typicality [n],
// dropout [n], llrs [2, n, 2] (index 0: active, of the enrolment; of the test); maxllr: f, p, q
// [n]. Throws DataError that names a buffer which is missing, unexpected, of another shape, not
// finite or outside its range. Thread-safe afterwards.
std::unique_ptr<Scorer> make_scorer(ScorerKind kind, std::span<const ScorerBuffer> buffers);
// cos over the active counts times cos over the inactive ones; norms below `eps` count as `eps`.
std::unique_ptr<Scorer> make_cosine_scorer(std::int64_t attributes, double eps);

}  // namespace balr
