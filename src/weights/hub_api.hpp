#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/weights/hub_fetch.hpp"
#include "weights/http_client.hpp"
#include "weights/hub_settings.hpp"

// What the hub's server is asked. Broken connections, time-outs, 5xx, 408 and 429 are tried again with growing pauses.
namespace balr {

// The hub cannot be reached, although nothing was wrong with the question.
class HubUnreachable : public IoError {
 public:
  using IoError::IoError;
};

struct HubListing {
  std::string commit;
  std::vector<std::string> files;
};

struct HubFile {
  std::string url;
  std::string etag;  // SHA-256 of a large file, git's id of a small one; else whatever the server has
  std::optional<std::uint64_t> size;
};

class HubApi {
 public:
  HubApi(const HubSettings& settings, const FetchOptions& options, const FetchEvents& events);

  // All throw ConfigError for what the user can change (names, token), HubUnreachable, and DataError for an answer
  // that makes no sense.
  HubListing list(const std::string& repo, const std::string& revision);
  HubFile look_up(const std::string& repo, const std::string& commit, const std::string& file);
  // Appends what is missing at the end of `incomplete`, or starts it anew where the server does not go on.
  // Throws IoError if it cannot be written.
  void download(const HubFile& file, const std::string& name, const std::filesystem::path& incomplete);

 private:
  HttpResponse persistently(const std::string& what, const std::function<HttpResponse()>& attempt,
                            const std::function<std::uint64_t()>& progress);
  HttpResponse attempt_download(const HubFile& file, const std::string& name, const std::filesystem::path& incomplete);
  [[noreturn]] void refuse(const HttpResponse& response, const std::string& what) const;

  const HubSettings& settings_;
  const FetchOptions& options_;
  const FetchEvents& events_;
  HttpClient client_;
};

}  // namespace balr
