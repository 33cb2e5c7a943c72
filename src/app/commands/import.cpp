#include "app/commands/import.hpp"

namespace balr {

CommandInfo ImportCommand::info() {
  return {
      .name = "import",
      .group = Group::kFiles,
      .program = Program::kFiles,
      .summary = "One store of embeddings from pkl, txt, npy or Kaldi ark files",
      .description =
          "Writes embeddings.h5 and metadata.csv, as extract does. A million vector files are\n"
          "read once then, instead of at the start of every training. Pickles are read as data:\n"
          "one that holds anything but a numpy array of numbers is refused.",
      .examples =
          "balr import dev.csv --save-dir embeddings/dev\n"
          "balr import kaldi/dev/xvector.scp --save-dir embeddings/dev",
  };
}

void ImportCommand::declare(OptionList& list) {
  declare_input(list);
  list.value("--format", input_format,
             {"FORMAT", "what INPUT is, if its name does not say so", {"h5", "ark", "scp", "npy"}});
  list.value("--save-dir", save_dir, {"PATH", "folder to write (needed)", {}, Completes::kFolders});
  declare_log(list, log);
}

void ImportCommand::finish(std::span<const std::string> overrides) {
  ConvertCommand::finish(overrides);
  if (save_dir.empty()) throw ConfigError("Missing option '--save-dir'; give the folder to write");
}

}  // namespace balr
