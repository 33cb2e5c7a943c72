#include "balr/scoring/scorer_file.hpp"

#include <ATen/ATen.h>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/weights/state_dict.hpp"
#include "scoring/scorer_card.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

ScorerBuffer to_buffer(const std::string& name, const at::Tensor& tensor) {
  if (!at::isFloatingType(tensor.scalar_type()))
    throw DataError("'" + name + "' does not hold floating-point numbers; fit the scorer again");
  const at::Tensor wide = tensor.to(at::kDouble).contiguous();
  ScorerBuffer buffer{name, wide.sizes().vec(), {}, tensor.scalar_type() == at::kDouble};
  const double* first = wide.const_data_ptr<double>();
  buffer.values.assign(first, first + wide.numel());
  return buffer;
}

fs::path card_beside(const fs::path& file) {
  fs::path card = file;
  return card.replace_extension(".json");
}

// The card beside the file, if there is one; it must be that file's.
std::optional<ScorerCard> read_card(const fs::path& file, const std::string& hash,
                                    ScorerKind kind) {
  const fs::path path = card_beside(file);
  std::error_code absent;
  if (!fs::exists(path, absent)) return std::nullopt;
  ParsedCard parsed;
  try {
    parsed = parse_card(read_file(path));
  } catch (const DataError& e) {
    throw DataError(path.string() + ": " + e.what() + "; move it away, or fit the scorer again");
  }
  if (parsed.file_hash != hash)
    throw DataError(path.string() + " describes another file than " + file.string() +
                    "; bring the two of one fit together, or fit the scorer again");
  if (parsed.scorer != scorer_name(kind))
    throw DataError(file.string() + " was fitted with scorer=" + parsed.scorer + "; give that");
  parsed.card.settings.kind = kind;
  return std::move(parsed.card);
}

}  // namespace

void write_scorer(const fs::path& folder, const std::vector<ScorerBuffer>& buffers,
                  const ScorerCard& card) {
  StateDict tensors;
  for (const ScorerBuffer& buffer : buffers) {
    at::Tensor tensor = at::empty(buffer.shape, at::kDouble);
    BALR_CHECK(static_cast<std::size_t>(tensor.numel()) == buffer.values.size());
    std::ranges::copy(buffer.values, tensor.mutable_data_ptr<double>());
    tensors.emplace_back(buffer.name, buffer.is_float64 ? tensor : tensor.to(at::kFloat));
  }
  const fs::path file = folder / "scorer.pt";
  write_state_dict(file, tensors);
  write_file_atomically(card_beside(file), card_json(card, sha256_of_file(file)));
}

LoadedScorer read_scorer(const fs::path& file, ScorerKind kind) {
  LoadedScorer loaded;
  const StateDict tensors = read_state_dict(file);
  loaded.hash = sha256_of_file(file);
  loaded.card = read_card(file, loaded.hash, kind);
  try {
    std::vector<ScorerBuffer> buffers;
    for (const auto& [name, tensor] : tensors) buffers.push_back(to_buffer(name, tensor));
    loaded.scorer = make_scorer(kind, buffers);
  } catch (const DataError& e) {
    throw DataError(file.string() + ": " + e.what());
  }
  if (loaded.card && loaded.card->attributes != loaded.scorer->attributes())
    throw DataError(card_beside(file).string() + " speaks of " +
                    std::to_string(loaded.card->attributes) + " attributes, the scorer has " +
                    std::to_string(loaded.scorer->attributes()) + "; fit the scorer again");
  return loaded;
}

}  // namespace balr
