#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace balr {

// Looks up an environment variable; a parameter so that tests need not change the process's own.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

// The folder of a model: `repo` itself if it starts with '/', '.' or '~' or names an existing folder; else its snapshot in the
// Hugging Face cache (HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub),
// as refs/main names it. Never touches the network. Throws ConfigError that says what was looked for and what to do.
std::filesystem::path find_model_folder(const std::string& repo, const Environment& environment);

// The weights in that folder: the exact name; name + ".pt"; the same without a trailing "s"; the only *.pt.
// The log says which was taken if it is not the exact name. Throws ConfigError with the names that are there.
std::filesystem::path find_model_file(const std::filesystem::path& folder, const std::string& name);

}  // namespace balr
