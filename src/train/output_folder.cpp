#include "train/output_folder.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "balr/core/error.hpp"
#include "balr/run/run_state.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr const char* kComplete = "complete";  // RunState::state
constexpr int kLastNumber = 9998;  // as the Python balr

// The run in this folder; one that cannot be understood is somebody else's.
std::optional<RunState> run_in(const fs::path& folder) {
  try {
    return read_run_state(folder);
  } catch (const DataError&) {
    return RunState{};
  }
}

fs::path numbered(const fs::path& path, int number) { return path.string() + std::to_string(number); }

// `train/mse/` means `train/mse`.
fs::path without_trailing_slash(const fs::path& path) {
  const fs::path clean = path.lexically_normal();
  return clean.has_filename() ? clean : clean.parent_path();
}

// Absent, empty, or left by a run that died before it wrote anything but its lease.
bool is_vacant(const fs::path& folder) {
  if (!fs::exists(folder)) return true;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with(".balr-lease")) return false;
  return true;
}

// The numbers of existing siblings `mse2`, `mse3`, ..., in order.
std::vector<int> numbers_in_use(const fs::path& path) {
  std::vector<int> numbers;
  const std::string stem = path.filename().string();
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code absent;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, absent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(stem)) continue;
    int number = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + stem.size(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && std::to_string(number) == name.substr(stem.size()))
      numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

fs::path next_free(const fs::path& path) {
  for (int number = 2; number <= kLastNumber; ++number)
    if (!fs::exists(numbered(path, number))) return numbered(path, number);
  throw ConfigError("no free name is left beside " + path.string() + "; give another --save-dir");
}

// The folder of the same run, if this request may go on with it: the named folder or a numbered one beside it.
std::optional<FolderChoice> same_run(const FolderRequest& request, const fs::path& path) {
  std::vector<fs::path> candidates{path};
  for (const int number : numbers_in_use(path))
    if (number >= 2 && number <= kLastNumber) candidates.push_back(numbered(path, number));
  for (const fs::path& folder : candidates) {
    const auto run = run_in(folder);
    if (!run || run->identity != request.identity) continue;
    if (!request.resume && (request.job.empty() || run->job != request.job)) continue;
    if (run->state == kComplete) return FolderChoice{folder, FolderState::kFinished, "this run is finished in " + folder.string()};
    return FolderChoice{folder, FolderState::kResume, "going on with the run in " + folder.string()};
  }
  return std::nullopt;
}

}  // namespace

FolderChoice choose_folder(const FolderRequest& request) {
  const fs::path path = without_trailing_slash(request.save_dir);
  if (path.empty()) throw ConfigError("--save-dir is empty; give a folder");
  if (request.must_resume && !request.resume) throw ConfigError("--must-resume and --no-resume exclude each other; give one");
  if (fs::exists(path) && !fs::is_directory(path))
    throw ConfigError("--save-dir " + path.string() + " is a file; give a folder");
  if (auto choice = same_run(request, path)) return *choice;
  if (request.must_resume)
    throw ConfigError("--must-resume, but " + path.string() + " holds no run with this configuration and these data; "
                      "check both, or start it without --must-resume");
  if (is_vacant(path)) return {path, FolderState::kFresh, ""};
  const bool has_run = run_in(path).has_value();
  if (request.exist_ok && has_run)
    throw ConfigError(path.string() + " already holds a run, which --exist-ok does not overwrite; give another --save-dir");
  if (request.exist_ok) return {path, FolderState::kFresh, ""};
  const fs::path folder = next_free(path);
  return {folder, FolderState::kFresh,
          path.string() + (has_run ? " holds another run" : " holds other files") + ": this run writes to " + folder.string(), true};
}

bool create_folder(const fs::path& folder) {
  std::error_code error;
  const bool created = fs::create_directories(folder, error);
  if (error) throw IoError("cannot create the folder " + folder.string() + ": " + error.message());
  return created;
}

void remove_temporaries(const fs::path& folder) {
  std::vector<fs::path> left_over;
  std::error_code ignored;  // what cannot be removed does no harm
  for (const fs::path& place : {folder, folder / "checkpoints"})
    for (const fs::directory_entry& entry : fs::directory_iterator(place, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(".") && name.find(".tmp-") != std::string::npos) left_over.push_back(entry.path());
    }
  for (const fs::path& path : left_over) fs::remove_all(path, ignored);
}

}  // namespace balr
