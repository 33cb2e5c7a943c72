#pragma once
#include <filesystem>
#include <string>

#include "balr/weights/hub_cache.hpp"

namespace balr {

// What the variables of huggingface_hub say. Throws ConfigError for an endpoint that is no address or a token that
// cannot be one.
struct HubSettings {
  std::filesystem::path cache;  // HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME, ~/.cache
  std::string endpoint;         // HF_ENDPOINT, without a / at the end
  std::string token;            // HF_TOKEN, or the file HF_TOKEN_PATH, or HF_HOME/token; empty: none
  std::string token_origin;     // the variable or file that it is from
  std::string ca_file;          // REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE
  bool offline = false;         // HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE
  double look_up_timeout = 10;  // seconds; HF_HUB_ETAG_TIMEOUT
  double download_timeout = 10; // HF_HUB_DOWNLOAD_TIMEOUT
};

HubSettings hub_settings(const Environment& environment);

// The two that need no more than a path.
std::filesystem::path hub_cache_folder(const Environment& environment);
// ~ at the start, and $NAME or ${NAME} anywhere, as huggingface_hub expands its settings; an unknown name stays.
std::string expand_variables(const std::string& text, const Environment& environment);

}  // namespace balr
