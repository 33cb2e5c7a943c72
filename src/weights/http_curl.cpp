#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <exception>

#include "balr/core/error.hpp"
#include "weights/http_client.hpp"

namespace balr {
namespace {

constexpr std::size_t kMaxBody = 16 << 20;
constexpr int kMaxRedirects = 10;

// What curl's callbacks work on; nothing may be thrown through C.
struct Exchange {
  HttpResponse* response;
  const HttpSink* sink;
  std::exception_ptr thrown;
};

std::string trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return std::string(text);
}

// A status line starts a new answer: a proxy's, or one with status 100, comes before the real one.
void take_header(HttpResponse& response, std::string_view line) {
  if (line.starts_with("HTTP/")) {
    response.headers.clear();
    const std::size_t space = line.find(' ');
    response.status = 0;
    for (std::size_t i = space + 1; space != line.npos && i < line.size() && std::isdigit(static_cast<unsigned char>(line[i])); ++i)
      response.status = std::min(response.status * 10 + (line[i] - '0'), 1000);
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  response.headers[name] = trimmed(line.substr(colon + 1));
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  try {
    take_header(*exchange.response, {data, size});
    return size;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  HttpResponse& response = *exchange.response;
  try {
    if (*exchange.sink && (response.status == 200 || response.status == 206))
      (*exchange.sink)(response, {data, size});
    else
      response.body.append(data, std::min(size, kMaxBody - response.body.size()));
    return size;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

struct UrlHandle {
  CURLU* handle = curl_url();
  UrlHandle() { check(handle != nullptr, "no memory for a URL"); }
  ~UrlHandle() { curl_url_cleanup(handle); }
  UrlHandle(const UrlHandle&) = delete;
  UrlHandle& operator=(const UrlHandle&) = delete;

  bool set(const std::string& url) { return curl_url_set(handle, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK; }
  std::string get(CURLUPart part, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return "";
    std::string out = text;
    curl_free(text);
    return out;
  }
};

// Scheme, host and port: to which a token belongs.
std::string origin_of(const std::string& url) {
  UrlHandle parsed;
  if (!parsed.set(url)) return "";
  return parsed.get(CURLUPART_SCHEME) + "://" + parsed.get(CURLUPART_HOST) + ":" +
         parsed.get(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string resolved(const std::string& base, const std::string& location) {
  UrlHandle parsed;
  if (!parsed.set(base) || !parsed.set(location))
    throw DataError("the server redirects from " + base + " to what is no address; try again later");
  return parsed.get(CURLUPART_URL);
}

[[noreturn]] void fail(CURLcode code, const std::string& url, const std::string& cause) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      throw ConfigError("the certificate of " + origin_of(url) + " cannot be trusted (" + cause +
                        "); set SSL_CERT_FILE to the file with your site's certificates");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      throw ConfigError(url + " is no address of a server (" + cause + "); check HF_ENDPOINT and the proxy");
    default: throw HttpError(cause);
  }
}

bool is_redirect(const HttpResponse& response) {
  return (response.status >= 301 && response.status <= 303) || response.status == 307 || response.status == 308;
}

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    check(longer != nullptr, "no memory for a header");
    list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

std::optional<std::string> HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

struct HttpClient::State {
  std::string user_agent, ca_file;
  CURL* curl = nullptr;
};

HttpClient::HttpClient(std::string user_agent, std::string ca_file)
    : state_(std::make_unique<State>(State{std::move(user_agent), std::move(ca_file)})) {
  check(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl does not start");
  state_->curl = curl_easy_init();
  check(state_->curl != nullptr, "libcurl does not start");
}

HttpClient::~HttpClient() { curl_easy_cleanup(state_->curl); }

HttpResponse HttpClient::send(HttpRequest request, Redirects redirects, const HttpSink& sink) {
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    HttpResponse response = send_once(request, sink);
    const auto location = response.header("location");
    if (!is_redirect(response) || !location) return response;
    const std::string next = resolved(request.url, *location);
    if (origin_of(next) != origin_of(request.url)) {
      if (redirects == Redirects::kWithinHost) return response;
      if (request.url.starts_with("https:") && !next.starts_with("https:"))
        throw DataError("the server redirects from " + request.url + " to an address without encryption; try again later");
      request.token.clear();
    }
    request.url = next;
  }
  throw DataError("the server redirects without end at " + request.url + "; try again later");
}

HttpResponse HttpClient::send_once(const HttpRequest& request, const HttpSink& sink) {
  CURL* curl = state_->curl;
  curl_easy_reset(curl);  // keeps the connection
  HttpResponse response;
  response.url = request.url;
  Exchange exchange{&response, &sink, nullptr};
  char cause[CURL_ERROR_SIZE] = {};
  HeaderList headers;
  headers.add("Accept-Encoding: identity");  // sizes and ranges are those of the file
  if (!request.token.empty()) headers.add("Authorization: Bearer " + request.token);
  const auto timeout = std::max(1L, static_cast<long>(request.timeout_seconds + 0.5));
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOBODY, request.head ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, state_->user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, cause);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, timeout);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  if (!state_->ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, state_->ca_file.c_str());
  const std::string range = std::to_string(request.from) + "-";
  if (request.from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  const CURLcode code = curl_easy_perform(curl);
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (code != CURLE_OK) fail(code, request.url, *cause ? cause : curl_easy_strerror(code));
  return response;
}

std::string percent_encoded(std::string_view text, std::string_view keep) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos || keep.find(c) != keep.npos))
      out += c;
    else
      (out += '%').append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return out;
}

}  // namespace balr
