#include "score/comparers.hpp"

#include "balr/scoring/speaker_counts.hpp"

namespace balr {
namespace {

class AttributeComparer final : public Comparer {
 public:
  AttributeComparer(std::unique_ptr<Scorer> scorer, std::vector<std::uint64_t> bits,
                    std::int64_t words)
      : scorer_(std::move(scorer)),
        bits_(std::move(bits)),
        words_(static_cast<std::size_t>(words)) {}

  double score(std::span<const std::int64_t> enrollment,
               std::span<const std::int64_t> test) const override {
    if (enrollment.size() == 1 && test.size() == 1)
      return scorer_->score_bits(row(enrollment[0]), row(test[0]));
    const std::vector<std::int32_t> e = add_up(enrollment), t = add_up(test);
    return scorer_->score({e, static_cast<std::int32_t>(enrollment.size())},
                          {t, static_cast<std::int32_t>(test.size())});
  }
  std::vector<AttributeContribution> contributions(
      std::span<const std::int64_t> enrollment, std::span<const std::int64_t> test) const override {
    const std::vector<std::int32_t> e = add_up(enrollment), t = add_up(test);
    std::vector<double> values(e.size());
    scorer_->contributions({e, static_cast<std::int32_t>(enrollment.size())},
                           {t, static_cast<std::int32_t>(test.size())}, values);
    std::vector<AttributeContribution> out;
    for (std::size_t a = 0; a < values.size(); ++a)
      out.push_back({static_cast<std::int64_t>(a), e[a], t[a], values[a]});
    return out;
  }
  bool single_recording_only() const override { return scorer_->single_recording_only(); }
  bool is_log_lr() const override { return scorer_->is_log_lr(); }

 private:
  std::span<const std::uint64_t> row(std::int64_t at) const {
    return std::span(bits_).subspan(static_cast<std::size_t>(at) * words_, words_);
  }
  std::vector<std::int32_t> add_up(std::span<const std::int64_t> rows) const {
    std::vector<std::int32_t> active(static_cast<std::size_t>(scorer_->attributes()));
    for (const std::int64_t at : rows) add_bits(active, row(at));
    return active;
  }

  std::unique_ptr<Scorer> scorer_;
  std::vector<std::uint64_t> bits_;
  std::size_t words_;
};

class EmbeddingComparer final : public Comparer {
 public:
  EmbeddingComparer(std::vector<float> values, std::int64_t dimension, std::vector<double> mean)
      : values_(std::move(values)), cosine_(values_, dimension, std::move(mean)) {}

  double score(std::span<const std::int64_t> enrollment,
               std::span<const std::int64_t> test) const override {
    return cosine_.score(enrollment, test);
  }
  bool is_log_lr() const override { return false; }
  std::string refuse(std::int64_t row) const override {
    return cosine_.usable(row) ? "" : "its embedding is the mean itself";
  }

 private:
  std::vector<float> values_;
  EmbeddingCosine cosine_;
};

}  // namespace

std::unique_ptr<Comparer> compare_attributes(std::unique_ptr<Scorer> scorer,
                                             std::vector<std::uint64_t> bits, std::int64_t words) {
  return std::make_unique<AttributeComparer>(std::move(scorer), std::move(bits), words);
}

std::unique_ptr<Comparer> compare_embeddings(std::vector<float> values, std::int64_t dimension,
                                             std::vector<double> mean) {
  return std::make_unique<EmbeddingComparer>(std::move(values), dimension, std::move(mean));
}

}  // namespace balr
