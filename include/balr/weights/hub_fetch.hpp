#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "balr/weights/hub_cache.hpp"

// Downloads a model from the Hugging Face hub into the cache that huggingface_hub uses too.
namespace balr {

// For a person: what goes on. Each may be empty.
struct FetchEvents {
  std::function<void(const std::string& message)> note;
  // Often: bytes of `file` that are here, and its size (0: not known).
  std::function<void(const std::string& file, std::uint64_t done, std::uint64_t total)> progress;
};

struct FetchOptions {
  int attempts = 6;            // in a row without a new byte
  double first_pause = 0.5;    // seconds; doubled each time, at most 30
  std::string user_agent = "balr";
};

// Gets the configuration and the weights (by the name rule of find_model_files, over the repository's whole listing) of
// request.repo, unless they are here. Interrupted downloads go on where they stopped; each file is checked by the hash
// that the server names and appears whole or not at all; of several processes one downloads a file while the others
// wait. With HF_HUB_OFFLINE, or a hub that cannot be reached, what is cached is taken.
// Throws ConfigError (a name, a revision, a file or the token is refused; a path instead of a name), IoError (network,
// disk, a cache that cannot be written), DataError (wrong hash or nonsense from the server).
ModelFiles fetch_model(const ModelRequest& request, const Environment& environment, const FetchOptions& options = {},
                       const FetchEvents& events = {});

}  // namespace balr
