#include "app/commands/export.hpp"

#include "balr/core/config.hpp"

namespace balr {

void ConvertCommand::declare_input(OptionList& list) {
  list.argument("INPUT", input, PathCheck::kExists,
                "store, folder of extract, CSV, folder, .ark, .scp, .npy");
  list.value("--root-dir", root_dir,
             {"PATH",
              "where relative paths of a CSV start, instead of its folder",
              {},
              Completes::kFolders});
  list.repeated("--audio-formats", audio_formats,
                {"SUFFIX", "of the audio in a folder with vector files beside it"});
  list.flag("--force", force, "replace what is there");
}

void ConvertCommand::finish(std::span<const std::string> /*overrides*/) {
  if (audio_formats.empty()) audio_formats = Config().list("audio_formats");
}

CommandInfo ExportCommand::info() {
  return {
      .name = "export",
      .group = Group::kFiles,
      .program = Program::kFiles,
      .summary = "Embeddings as pkl, txt, npy or Kaldi ark files",
      .description =
          "Writes one file a row (pkl, txt) or one for all (npy, ark), and metadata.csv, which\n"
          "`balr train` and the Python balr take as a data set. Rows without an embedding are\n"
          "left out.",
      .examples =
          "balr export embeddings/dev --format pkl --out embeddings/dev-pkl\n"
          "balr export embeddings/dev/embeddings.h5 --format ark --out kaldi/dev",
  };
}

void ExportCommand::declare(OptionList& list) {
  declare_input(list);
  list.value("--format", format, {"FORMAT", "what to write", {"pkl", "txt", "npy", "ark"}});
  list.value("--kind", kind,
             {"KIND", "which vectors of a CSV or folder", {"embedding", "binary_attributes"}});
  list.value("--out", out,
             {"PATH",
              "folder to write; default: INPUT_<format> beside the input",
              {},
              Completes::kFolders});
  declare_log(list, log);
}

void ExportCommand::finish(std::span<const std::string> overrides) {
  ConvertCommand::finish(overrides);
  if (!out.empty()) return;
  std::filesystem::path whole = std::filesystem::absolute(input).lexically_normal();
  if (whole.filename().empty()) whole = whole.parent_path();
  out = whole.parent_path() / (whole.stem().string() + "_" + format);
}

}  // namespace balr
