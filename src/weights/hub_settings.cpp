#include "weights/hub_settings.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string home(const Environment& environment) { return environment("HOME").value_or("/"); }

std::optional<std::string> filled(const Environment& environment, const char* name) {
  auto value = environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

std::optional<fs::path> path_of(const Environment& environment, const char* name) {
  const auto value = filled(environment, name);
  if (!value) return std::nullopt;
  return expand_variables(*value, environment);
}

fs::path hub_home(const Environment& environment) {
  if (const auto folder = path_of(environment, "HF_HOME")) return *folder;
  if (const auto folder = path_of(environment, "XDG_CACHE_HOME")) return *folder / "huggingface";
  return fs::path(home(environment)) / ".cache" / "huggingface";
}

bool is_true(const std::optional<std::string>& value) {
  std::string upper = value.value_or("");
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper == "1" || upper == "ON" || upper == "YES" || upper == "TRUE";
}

double seconds_of(const Environment& environment, const char* name) {
  const std::string text = filled(environment, name).value_or("10");
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1)
    throw ConfigError(std::string(name) + "=" + text + " is not a number of seconds from 1 on; change or unset it");
  return seconds;
}

std::string trimmed(std::string text) {
  const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), space).base(), text.end());
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), space));
  return text;
}

void set_token(HubSettings& settings, const Environment& environment) {
  if (is_true(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return;
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (settings.token.empty()) settings.token = trimmed(filled(environment, name).value_or("")), settings.token_origin = name;
  if (settings.token.empty()) {
    const fs::path file = path_of(environment, "HF_TOKEN_PATH").value_or(hub_home(environment) / "token");
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) return;
    settings.token = trimmed(read_file(file));
    settings.token_origin = file.string();
  }
  // A line break would add a header of its own to the request.
  for (const unsigned char c : settings.token)
    if (c <= 0x20 || c > 0x7e)
      throw ConfigError("the token in " + settings.token_origin + " has a space or control character; write it again");
}

void set_endpoint(HubSettings& settings, const Environment& environment) {
  settings.endpoint = filled(environment, "HF_ENDPOINT").value_or("https://huggingface.co");
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  if (!settings.endpoint.starts_with("https://") && !settings.endpoint.starts_with("http://"))
    throw ConfigError("HF_ENDPOINT=" + settings.endpoint + " is no address; write https://HOST or unset it");
}

}  // namespace

std::string expand_variables(const std::string& text, const Environment& environment) {
  std::string out;
  std::size_t at = 0;
  if (text == "~" || text.starts_with("~/")) out = home(environment), at = 1;
  while (at < text.size()) {
    const bool braces = text.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    if (text[at] == '$')
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    const bool closed = !braces || (end < text.size() && text[end] == '}');
    const auto value = end > begin && closed ? environment(text.substr(begin, end - begin)) : std::nullopt;
    if (value) {
      out += *value;
      at = end + (braces ? 1 : 0);
    } else {
      out += text[at++];
    }
  }
  return out;
}

fs::path hub_cache_folder(const Environment& environment) {
  if (const auto folder = path_of(environment, "HF_HUB_CACHE")) return *folder;
  if (const auto folder = path_of(environment, "HUGGINGFACE_HUB_CACHE")) return *folder;
  return hub_home(environment) / "hub";
}

HubSettings hub_settings(const Environment& environment) {
  HubSettings settings;
  settings.cache = hub_cache_folder(environment);
  set_endpoint(settings, environment);
  set_token(settings, environment);
  settings.offline = is_true(filled(environment, "HF_HUB_OFFLINE") ? environment("HF_HUB_OFFLINE") : environment("TRANSFORMERS_OFFLINE"));
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (settings.ca_file.empty()) settings.ca_file = filled(environment, name).value_or("");
  settings.look_up_timeout = seconds_of(environment, "HF_HUB_ETAG_TIMEOUT");
  settings.download_timeout = seconds_of(environment, "HF_HUB_DOWNLOAD_TIMEOUT");
  return settings;
}

}  // namespace balr
