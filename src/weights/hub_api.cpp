#include "weights/hub_api.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "balr/core/error.hpp"
#include "weights/append_file.hpp"
#include "weights/hub_layout.hpp"

namespace balr {
namespace {

constexpr double kLongestPause = 30, kLongestWish = 300;  // seconds

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

// W/"abc" -> abc
std::string plain_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  return etag;
}

bool is_temporary(int status) { return status >= 500 || status == 429 || status == 408; }

// The server may say how long to wait.
double pause_before(int failures, double first, const std::optional<HttpResponse>& response) {
  double pause = std::min(kLongestPause, first * static_cast<double>(1 << std::min(failures - 1, 16)));
  if (!response) return pause;
  if (const auto wish = number(response->header("retry-after")))
    pause = std::max(pause, std::min(kLongestWish, static_cast<double>(*wish)));
  return pause;
}

// Texts of the server are shown only where they can be printed.
std::string shown(std::string text) {
  text.resize(std::min<std::size_t>(text.size(), 200));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return text;
}

HubListing parse_listing(const std::string& body) {
  HubListing listing;
  try {
    const nlohmann::json answer = nlohmann::json::parse(body);
    listing.commit = answer.at("sha").get<std::string>();
    for (const auto& sibling : answer.at("siblings")) listing.files.push_back(sibling.at("rfilename").get<std::string>());
  } catch (const nlohmann::json::exception&) {
    throw DataError("the hub's answer is not what it should be; check HF_ENDPOINT");
  }
  if (!is_commit(listing.commit)) throw DataError("the hub names no commit; check HF_ENDPOINT");
  std::erase_if(listing.files, [](const std::string& name) { return !is_safe_name(name); });
  return listing;
}

// "bytes 100-199/200" -> 100
std::optional<std::uint64_t> first_byte(const HttpResponse& response) {
  const std::string range = response.header("content-range").value_or("");
  if (!range.starts_with("bytes ")) return std::nullopt;
  return number(range.substr(6, range.find('-') - 6));
}

}  // namespace

HubApi::HubApi(const HubSettings& settings, const FetchOptions& options, const FetchEvents& events)
    : settings_(settings), options_(options), events_(events), client_(options.user_agent, settings.ca_file) {}

HubListing HubApi::list(const std::string& repo, const std::string& revision) {
  const std::string url = settings_.endpoint + "/api/models/" + repo + "/revision/" + percent_encoded(revision);
  const std::string what = repo + (revision == "main" ? "" : " at the revision " + revision);
  const HttpResponse response = persistently(
      what, [&] { return client_.send({url, false, settings_.token, 0, settings_.look_up_timeout}); }, {});
  if (response.status != 200) refuse(response, what);
  return parse_listing(response.body);
}

HubFile HubApi::look_up(const std::string& repo, const std::string& commit, const std::string& file) {
  const std::string url = settings_.endpoint + "/" + repo + "/resolve/" + commit + "/" + percent_encoded(file, "/");
  const std::string what = file + " of " + repo;
  const HttpResponse response = persistently(
      what,
      [&] { return client_.send({url, true, settings_.token, 0, settings_.look_up_timeout}, Redirects::kWithinHost); }, {});
  if (response.status >= 400) refuse(response, what);
  const std::string etag = plain_etag(response.header("x-linked-etag").value_or(response.header("etag").value_or("")));
  // It becomes the name of a file.
  if (!is_safe_name(etag) || etag.find('/') != etag.npos || etag.front() == '.')
    throw DataError("the hub names no hash of " + what + "; check HF_ENDPOINT");
  auto size = number(response.header("x-linked-size"));
  if (!size && response.status == 200) size = number(response.header("content-length"));
  return {url, etag, size};
}

void HubApi::download(const HubFile& file, const std::string& name, const std::filesystem::path& incomplete) {
  const HttpResponse response = persistently(
      name, [&] { return attempt_download(file, name, incomplete); }, [&] { return AppendFile::size_of(incomplete); });
  if (response.status != 200 && response.status != 206) refuse(response, name);
}

HttpResponse HubApi::attempt_download(const HubFile& file, const std::string& name, const std::filesystem::path& incomplete) {
  AppendFile out(incomplete);
  if (file.size && out.size() > *file.size) out.start_over();
  HttpResponse done;
  done.status = 200;
  if (file.size && out.size() == *file.size) return done;
  const std::uint64_t from = out.size();
  bool started = false;
  const auto sink = [&](const HttpResponse& head, std::string_view bytes) {
    // The whole file instead of the rest of it.
    if (!started && (head.status == 200 || first_byte(head) != from)) {
      if (head.status == 206 && first_byte(head) != std::uint64_t{0}) throw HttpError("the server sent another part");
      out.start_over();
    }
    started = true;
    if (file.size && out.size() + bytes.size() > *file.size) {
      out.start_over();
      throw DataError("the server sends more than the " + std::to_string(*file.size) + " bytes of " + name + "; try again later");
    }
    out.append(bytes);
    if (events_.progress) events_.progress(name, out.size(), file.size.value_or(0));
  };
  HttpResponse response = client_.send({file.url, false, settings_.token, from, settings_.download_timeout},
                                       Redirects::kFollow, sink);
  if (response.status == 200 && !started) out.start_over();  // an empty file
  if (response.status == 416) {  // what is here is longer than the file, or something else
    out.start_over();
    throw HttpError("the server does not go on from byte " + std::to_string(from));
  }
  out.sync();
  if (response.status < 300 && file.size && out.size() != *file.size) throw HttpError("the connection ended too early");
  return response;
}

// Attempts count anew whenever there was progress.
HttpResponse HubApi::persistently(const std::string& what, const std::function<HttpResponse()>& attempt,
                                  const std::function<std::uint64_t()>& progress) {
  std::uint64_t before = progress ? progress() : 0;
  for (int failures = 1;; ++failures) {
    std::optional<HttpResponse> response;
    std::string cause;
    try {
      response = attempt();
      if (!is_temporary(response->status)) return *response;
      cause = "status " + std::to_string(response->status);
    } catch (const HttpError& error) {
      cause = error.what();
    }
    const std::uint64_t after = progress ? progress() : 0;
    if (after > before) failures = 1;
    before = after;
    if (failures >= options_.attempts)
      throw HubUnreachable("cannot get " + what + " from " + settings_.endpoint + " (" + shown(cause) +
                           "); check the network and the proxy (https_proxy), or try again later");
    const double pause = pause_before(failures, options_.first_pause, response);
    if (events_.note) events_.note(what + ": " + shown(cause) + "; trying again");
    std::this_thread::sleep_for(std::chrono::duration<double>(pause));
  }
}

void HubApi::refuse(const HttpResponse& response, const std::string& what) const {
  const std::string code = response.header("x-error-code").value_or("");
  const std::string status = " (status " + std::to_string(response.status) + ")";
  const std::string token = settings_.token.empty() ? "set HF_TOKEN to a token of " + settings_.endpoint
                                                    : "check the token in " + settings_.token_origin;
  if (code == "GatedRepo")
    throw ConfigError(what + " is only for those who accept its conditions" + status + ": do so on " + settings_.endpoint + ", and " + token);
  if (code == "RevisionNotFound") throw ConfigError("there is no " + what + " on " + settings_.endpoint + status + "; check --revision");
  if (code == "EntryNotFound") throw ConfigError("there is no " + what + " on " + settings_.endpoint + status + "; check the names");
  if (response.status == 401)
    throw ConfigError(settings_.endpoint + " does not give us " + what + status + ": check its name, and if it is private, " + token);
  if (response.status == 403) throw ConfigError(settings_.endpoint + " forbids us " + what + status + "; " + token);
  if (response.status == 404) throw ConfigError("there is no " + what + " on " + settings_.endpoint + status + "; check its name");
  throw DataError("the answer of " + settings_.endpoint + " for " + what + " is of no use" + status + "; check HF_ENDPOINT" +
                  (response.header("x-error-message") ? ": " + shown(*response.header("x-error-message")) : ""));
}

}  // namespace balr
