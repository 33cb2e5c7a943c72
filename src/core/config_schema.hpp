#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balr/core/config.hpp"

namespace balr {

// A group: a node of the tree whose content is selected by name (trainer.losses=[mse]).
struct GroupInfo {
  struct Option {
    std::string name;
    std::string
        target;  // the class of the Python balr, which names the option in YAML files (_target_)
  };
  std::string name;
  bool many;       // several options at once, each a node of its own below the group
  bool removable;  // ~group leaves it empty
  std::vector<Option> options;
  std::vector<std::string> defaults;
};

// The class of the Python balr behind the node trainer.
inline constexpr const char* kTrainerTarget =
    "balr.binary_attributes.trainer.BinaryAttributeEncoderTrainer";

std::span<const GroupInfo> config_groups();
const GroupInfo* find_group(std::string_view name);
// The group that holds this key, e.g. trainer.losses for trainer.losses.mse.weight.
const GroupInfo* group_of(std::string_view key);
const GroupInfo::Option* find_option(const GroupInfo& group, std::string_view name);

// Position in Config::schema().
std::optional<std::size_t> find_key(std::string_view name);
// True if `name` is an inner node of the tree, such as trainer or embeddings.model.features.
bool is_node(std::string_view name);
// The known key or group nearest to a misspelt one, as "; did you mean X?"; else its neighbours, as
// "; data has the keys ...", or advice to list all.
std::string suggestion(std::string_view name);
// Of keys that only an option of the command line gives (device, ...): the option; else empty.
std::string option_instead_of(std::string_view key);

}  // namespace balr
