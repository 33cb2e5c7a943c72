#include "train/run_folder.hpp"

#include <spdlog/spdlog.h>

#include "balr/core/atomic_file.hpp"
#include "balr/dist/world.hpp"
#include "train/output_folder.hpp"

namespace balr {
namespace {

// Whether the folder is still what it was when it was chosen: another run may have begun or ended there meanwhile.
bool is_unchanged(const FolderChoice& choice, const std::string& identity) {
  const auto run = read_run_state(choice.folder);
  if (choice.state == FolderState::kFresh) return !run;
  return run && run->identity == identity && run->state != "complete";
}

// Chooses the folder and takes its lease.
FolderChoice take_folder(const FolderRequest& request, World& world, std::optional<Lease>& lease) {
  while (true) {
    const FolderChoice choice = choose_folder(request);
    if (choice.state == FolderState::kFinished) return choice;
    const bool created = create_folder(choice.folder);
    if (choice.is_numbered && choice.state == FolderState::kFresh && !created) continue;  // another run took that name
    lease = Lease::acquire(choice.folder, {}, [&world] { world.tick(); });
    if (is_unchanged(choice, request.identity)) return choice;
    lease.reset();
  }
}

RunState new_state(const TrainOptions& options, const std::string& identity) {
  RunState state = started_state("train", identity);
  state.unit = "epochs";
  state.total = options.settings.epochs;
  state.version = options.program_version;
  return state;
}

void say(const FolderChoice& choice) {
  if (choice.note.empty()) return;
  spdlog::log(choice.state == FolderState::kFresh ? spdlog::level::warn : spdlog::level::info, choice.note);
}

}  // namespace

void RunFolder::check_owned() const {
  if (lease && !lease->still_owned())
    throw IoError("another run has taken over " + path.string() + " while this one gave no sign of life; nothing more is "
                  "written, see which of them is to go on");
}

RunFolder open_run_folder(const TrainOptions& options, const std::string& identity, World& world) {
  RunFolder folder;
  std::string text;
  all_agree(world, "output folder", [&] {
    if (world.rank() != 0) return;
    const FolderChoice choice = take_folder(
        {options.save_dir, identity, job_from_environment().id, options.exist_ok, options.resume, options.must_resume},
        world, folder.lease);
    say(choice);
    text = (choice.state == FolderState::kFinished ? "f" : "o") + choice.folder.string();
    if (choice.state == FolderState::kFinished) return;
    remove_temporaries(choice.folder);
    folder.state = new_state(options, identity);
    write_run_state(choice.folder, folder.state);
    write_file_atomically(choice.folder / "config.yaml", options.config_yaml);
  });
  text = world.broadcast(text, 0, "output folder");
  folder.finished = text[0] == 'f';
  folder.path = text.substr(1);
  return folder;
}

}  // namespace balr
