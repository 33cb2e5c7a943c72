#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

// The only place that knows libcurl. Proxies come from the usual variables (https_proxy, no_proxy, ...).
namespace balr {

// The connection failed, broke or stood still: another attempt may succeed.
class HttpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct HttpRequest {
  std::string url;              // http or https
  bool head = false;            // HEAD instead of GET
  std::string token;            // sent as a bearer token, to the host of `url` only
  std::uint64_t from = 0;       // first byte wanted
  double timeout_seconds = 10;  // to connect, and longest time without a byte
};

struct HttpResponse {
  int status = 0;
  std::string url;                             // that answered
  std::map<std::string, std::string> headers;  // names in lower case; the last one of a name
  std::string body;                            // what no sink took, at most 16 MiB

  std::optional<std::string> header(const std::string& lower_case_name) const;
};

// Takes the body of an answer of status 200 or 206 piece by piece; what it throws ends the request and is passed on.
using HttpSink = std::function<void(const HttpResponse& head, std::string_view bytes)>;

enum class Redirects {
  kFollow,       // to any host; the token stays with the first one
  kWithinHost,   // an answer that points to another host is returned as it is
};

class HttpClient {
 public:
  // ca_file: certificates to trust instead of the system's; empty: the system's.
  HttpClient(std::string user_agent, std::string ca_file);
  ~HttpClient();

  // Throws HttpError; ConfigError for a server that is not trusted or no address; DataError for endless redirects, or
  // one from https to http.
  HttpResponse send(HttpRequest request, Redirects redirects = Redirects::kFollow, const HttpSink& sink = {});

 private:
  HttpResponse send_once(const HttpRequest& request, const HttpSink& sink);

  struct State;
  std::unique_ptr<State> state_;
};

// Escapes everything but letters, digits and - . _ ~ and the characters of `keep`.
std::string percent_encoded(std::string_view text, std::string_view keep = "");

}  // namespace balr
