#include "core/config_schema.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/python_scalar.hpp"

namespace balr {
namespace {

constexpr std::size_t kLongestName = 100;  // beyond it nothing is near

std::vector<GroupInfo> make_groups() {
  return {
      {"embeddings.model",
       false,
       true,
       {{"wespeaker", "balr.embeddings.wespeaker.WespeakerModel"}},
       {"wespeaker"}},
      {"trainer.losses",
       true,
       false,
       {{"mse", "balr.losses.mse_loss.MSELoss"},
        {"triplet", "balr.losses.triplet_margin_loss.TripletMarginLoss"},
        {"sparsity", "balr.losses.sparsity_loss.SparsityLoss"},
        {"arcface", "balr.losses.arcface_loss.ArcFaceLoss"}},
       {"mse", "triplet"}},
      {"encoder.model",
       false,
       true,
       {{"autoencoder", "balr.binary_attributes.autoencoder.BinaryAttributeAutoEncoder"}},
       {"autoencoder"}},
      {"scorer",
       false,
       true,
       {{"beta", "balr.scoring.beta.DirichletMultinomialScorer"},
        {"dna", "balr.scoring.llr.DNALLRScorer"},
        {"speech", "balr.scoring.llr.SpeechLLRScorer"},
        {"maxllr", "balr.scoring.llr.MaxLLRScorer"},
        {"cosine", "balr.scoring.cosine.CosineSimilarityScorer"},
        {"embedding_cosine", "balr.scoring.cosine.EmbeddingCosineScorer"}},
       {"beta"}},
  };
}

bool below(std::string_view key, std::string_view node) {
  return key.size() > node.size() && key.starts_with(node) && key[node.size()] == '.';
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const GroupInfo> config_groups() {
  static const std::vector<GroupInfo> groups = make_groups();
  return groups;
}

const GroupInfo* find_group(std::string_view name) {
  for (const GroupInfo& group : config_groups())
    if (group.name == name) return &group;
  return nullptr;
}

const GroupInfo* group_of(std::string_view key) {
  for (const GroupInfo& group : config_groups())
    if (below(key, group.name)) return &group;
  return nullptr;
}

const GroupInfo::Option* find_option(const GroupInfo& group, std::string_view name) {
  for (const GroupInfo::Option& option : group.options)
    if (option.name == name) return &option;
  return nullptr;
}

std::optional<std::size_t> find_key(std::string_view name) {
  const auto keys = Config::schema();
  const auto found = std::ranges::find(keys, name, &KeyInfo::name);
  if (found == keys.end()) return std::nullopt;
  return static_cast<std::size_t>(found - keys.begin());
}

bool is_node(std::string_view name) {
  return std::ranges::any_of(Config::schema(),
                             [&](const KeyInfo& key) { return below(key.name, name); });
}

namespace {

// "; data has the keys batch_size, ..." where the key's node is known; else how to see all keys.
std::string keys_beside(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view node = name.substr(0, dot == std::string_view::npos ? 0 : dot);
  std::string names;
  for (const KeyInfo& key : Config::schema())
    if (below(key.name, node) && key.name.find('.', node.size() + 1) == std::string::npos)
      names += (names.empty() ? "" : ", ") + key.name.substr(node.size() + 1);
  if (names.empty()) return "; `balr config` lists all keys";
  return "; " + std::string(node) + " has the keys " + names;
}

}  // namespace

std::string suggestion(std::string_view name) {
  if (name.size() > kLongestName) return "; `balr config` lists all keys";
  const std::string wanted = lower(name);
  std::string best;
  // A third of the letters may differ, three at least, but never all of a short name.
  const std::size_t allowed = std::max<std::size_t>(3, name.size() / 3);
  std::size_t smallest = std::min(allowed + 1, name.size());
  const auto consider = [&](const std::string& known) {
    // The last name alone, without the nodes before it, counts nearly as much.
    const std::string full = lower(known);
    const std::size_t short_form = edit_distance(wanted, full.substr(full.rfind('.') + 1)) + 1;
    const std::size_t distance = std::min(edit_distance(wanted, full), short_form);
    if (distance < smallest) {
      smallest = distance;
      best = known;
    }
  };
  for (const KeyInfo& key : Config::schema()) consider(key.name);
  for (const GroupInfo& group : config_groups()) consider(group.name);
  return best.empty() ? keys_beside(name) : "; did you mean " + best + "?";
}

std::string option_instead_of(std::string_view key) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOptions = {{
      {"device", "the option --device"},
      {"input", "the argument INPUT"},
      {"save_output", "the option --save-output or --no-save-output"},
      {"exist_ok", "the option --exist-ok or --no-exist-ok"},
      {"audio_formats", "the option --audio-formats"},
  }};
  for (const auto& [name, option] : kOptions)
    if (name == key) return std::string(option);
  return {};
}

}  // namespace balr
