#include "balr/weights/hub_fetch.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "weights/append_file.hpp"
#include "weights/file_lock.hpp"
#include "weights/hub_api.hpp"
#include "weights/hub_layout.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError("cannot make the cache folder " + folder.string() + ": " + error.message() +
                  "; set HF_HUB_CACHE to a folder that can be written");
}

void need_space(const fs::path& folder, std::uint64_t bytes) {
  struct statvfs room {};
  if (statvfs(folder.c_str(), &room) == 0 && bytes > std::uint64_t{room.f_bavail} * room.f_frsize)
    throw IoError("there are fewer than " + std::to_string(bytes) + " bytes free in " + folder.string() +
                  "; free some, or set HF_HUB_CACHE to another folder");
}

// Whether the content is what its etag says; true where the etag is no hash that we know.
bool has_hash(const fs::path& file, const std::string& etag) {
  if (etag.find_first_not_of("0123456789abcdef") != etag.npos) return true;
  if (etag.size() == 64) return sha256_of_file(file) == etag;
  if (etag.size() == 40) return git_blob_id_of_file(file) == etag;
  return true;
}

bool is_hash(const std::string& etag) {
  return (etag.size() == 64 || etag.size() == 40) && etag.find_first_not_of("0123456789abcdef") == etag.npos;
}

class Fetch {
 public:
  Fetch(const ModelRequest& request, const HubSettings& settings, const FetchOptions& options, const FetchEvents& events)
      : request_(request),
        events_(events),
        folder_(hub_folder(settings.cache, request.repo)),
        api_(settings, options, events) {}

  void run() {
    const HubListing listing = api_.list(request_.repo, request_.revision);
    const auto weights = choose_weights(listing.files, request_.model_name);
    if (!weights)
      throw ConfigError("the model " + request_.repo + " has no weights called " + request_.model_name +
                        "; set --model-name to one of its files: " + listed(listing.files));
    if (std::find(listing.files.begin(), listing.files.end(), request_.config_name) == listing.files.end())
      throw ConfigError("the model " + request_.repo + " has no " + request_.config_name +
                        "; set --config-name to one of its files: " + listed(listing.files));
    for (const std::string& name : {request_.config_name, *weights}) fetch_file(listing.commit, name);
    std::string names;
    for (const std::string& name : listing.files) names += name + "\n";
    write_if_other(folder_.listing(listing.commit), names);
    if (request_.revision != listing.commit) write_if_other(folder_.ref(request_.revision), listing.commit);
  }

 private:
  void note(const std::string& message) const {
    if (events_.note) events_.note(message);
  }

  static void remove(const fs::path& file) {
    std::error_code ignored;
    fs::remove(file, ignored);
  }

  // A cache that has it all may be read-only.
  static void write_if_other(const fs::path& file, const std::string& content) {
    if (is_file(file) && read_file(file) == content) return;
    make_folder(file.parent_path());
    write_file_atomically(file, content);
  }

  void fetch_file(const std::string& commit, const std::string& name) {
    const fs::path pointer = folder_.snapshot(commit) / name;
    if (is_file(pointer)) return;
    const HubFile file = api_.look_up(request_.repo, commit, name);
    make_folder(pointer.parent_path());
    make_folder(folder_.blob(file.etag).parent_path());
    make_folder(folder_.locks);
    const FileLock lock(folder_.lock(file.etag), [&] { note("waiting for another process that downloads " + name); });
    if (is_file(pointer)) return;
    const bool is_new = !is_file(folder_.blob(file.etag));
    if (is_new) fetch_blob(file, name);
    point(pointer, folder_.blob(file.etag), is_new);
  }

  void fetch_blob(const HubFile& file, const std::string& name) {
    const fs::path blob = folder_.blob(file.etag), incomplete = blob.string() + ".incomplete";
    const std::uint64_t here = AppendFile::size_of(incomplete);
    if (file.size && *file.size > here) need_space(blob.parent_path(), *file.size - here);
    note((here > 0 ? "going on with " : "getting ") + name + " of " + request_.repo +
         (file.size ? " (" + std::to_string(*file.size) + " bytes)" : ""));
    if (!is_hash(file.etag)) note("the server names no hash of " + name + ", so only its size is checked");
    api_.download(file, name, incomplete);
    if (!has_hash(incomplete, file.etag) && here > 0) {  // an older run may have left anything
      note("what was here of " + name + " is not part of it: getting it again");
      remove(incomplete);
      api_.download(file, name, incomplete);
    }
    if (!has_hash(incomplete, file.etag)) {
      remove(incomplete);
      throw DataError("the downloaded " + name + " of " + request_.repo + " does not have the hash " + file.etag +
                      " that the hub names; try again, and tell the owner of the server or proxy if it happens again");
    }
    publish(incomplete, blob);
  }

  // The file in the snapshot: a relative link to the blob, so that the cache may be moved; where the file system has no
  // links, the blob itself, or a copy of one that others may use.
  static void point(const fs::path& pointer, const fs::path& blob, bool is_new) {
    std::error_code error;
    fs::remove(pointer, error);  // a link that leads nowhere
    fs::create_symlink(blob.lexically_relative(pointer.parent_path()), pointer, error);
    if (!error || is_file(pointer)) return;
    if (is_new) return publish(blob, pointer);
    const fs::path temporary = temporary_name(pointer);
    fs::copy_file(blob, temporary, fs::copy_options::overwrite_existing, error);
    if (error) throw IoError("cannot copy " + blob.string() + " to " + pointer.string() + ": " + error.message() + "; free some space");
    publish(temporary, pointer);
  }

  const ModelRequest& request_;
  const FetchEvents& events_;
  HubFolder folder_;
  HubApi api_;
};

std::optional<ModelFiles> cached(const ModelRequest& request, const Environment& environment) {
  try {
    return find_cached_model(request, environment);
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

}  // namespace

ModelFiles fetch_model(const ModelRequest& request, const Environment& environment, const FetchOptions& options,
                       const FetchEvents& events) {
  if (is_model_path(request.repo))
    throw ConfigError(request.repo + " is a path, and paths are never fetched; give a name like ORG/NAME");
  if (!is_safe_name(request.revision)) throw ConfigError("--revision " + request.revision + " is no branch, tag or commit");
  const HubSettings settings = hub_settings(environment);
  const auto here = cached(request, environment);
  if (here && is_commit(request.revision)) return *here;  // a commit never changes
  if (settings.offline) {
    if (here) return *here;
    throw ConfigError("the model " + request.repo + " is not in the cache, and HF_HUB_OFFLINE forbids to get it; unset that where there is a network");
  }
  try {
    Fetch(request, settings, options, events).run();
  } catch (const HubUnreachable& error) {
    if (!here) throw;
    if (events.note) events.note(std::string(error.what()) + ": what is in the cache is taken");
    return *here;
  }
  return find_cached_model(request, environment);
}

}  // namespace balr
