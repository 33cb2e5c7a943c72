#pragma once
#include <filesystem>
#include <string>

// Which folder a run of `balr train` writes to. Pure looking: nothing is created here but by create_run_folder.
namespace balr {

struct FolderRequest {
  std::filesystem::path save_dir;
  std::string identity;      // run_identity: equal for the same configuration and data
  std::string job;           // Slurm's job id, empty elsewhere
  bool exist_ok = false;     // write there even if something else is there (another run is refused)
  bool resume = true;        // false: --no-resume
  bool must_resume = false;  // fail if there is nothing to go on with
};

enum class FolderState { kFresh, kResume, kFinished };

struct FolderChoice {
  std::filesystem::path folder;
  FolderState state = FolderState::kFresh;
  std::string note;  // what to tell the user aloud, or empty
};

// The same run there, unfinished: go on, unless --no-resume (a job that Slurm started again goes on all the same);
// the same run finished: kFinished; another run, or other files: the next free name (`mse2`, ...) in which the same run
// is looked for first; with exist_ok, files that are no run do not matter and another run is refused.
// Throws ConfigError (refused, nothing to resume, no free name, save_dir is a file), IoError.
FolderChoice choose_folder(const FolderRequest& request);

// The identity of a run: SHA-256 over the configuration's identity text and the hashes of both tables.
std::string run_identity(const std::string& config_identity, const std::string& train_hash, const std::string& test_hash);

// Creates the folder with run.json (identity, job) in it. Throws IoError.
void create_run_folder(const std::filesystem::path& folder, const std::string& identity, const std::string& job);

// Notes in run.json that all epochs are done.
void mark_finished(const std::filesystem::path& folder);

// Removes what a killed run left half-written (temporary names). Only for the owner of the folder.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace balr
