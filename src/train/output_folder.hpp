#pragma once
#include <filesystem>
#include <string>

// Which folder a run of `balr train` writes to. A run is known by its RunState (run.json).
namespace balr {

struct FolderRequest {
  std::filesystem::path save_dir;
  std::string identity;      // RunState::identity: equal for the same configuration and data
  std::string job;           // Slurm's job id, empty elsewhere
  bool exist_ok = false;     // write there even if something else is there (another run is refused)
  bool resume = true;        // false: --no-resume
  bool must_resume = false;  // fail if there is nothing to go on with
};

enum class FolderState { kFresh, kResume, kFinished };

struct FolderChoice {
  std::filesystem::path folder;
  FolderState state = FolderState::kFresh;
  std::string note;          // what to tell the user aloud, or empty
  bool is_numbered = false;  // not save_dir itself
};

// The same run there, unfinished: go on, unless --no-resume (a job that Slurm started again goes on all the same);
// the same run finished: kFinished; another run, or other files: the next free name (`mse2`, ...) in which the same run
// is looked for first; with exist_ok, files that are no run do not matter and another run is refused.
// Throws ConfigError (refused, nothing to resume, no free name, save_dir is a file), IoError.
FolderChoice choose_folder(const FolderRequest& request);

// Creates the folder, with its parents; false: it was there. Throws IoError.
bool create_folder(const std::filesystem::path& folder);

// Removes what a killed run left half-written (temporary names). Only for the owner of the folder.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace balr
