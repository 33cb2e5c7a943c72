#include "app/commands/verify.hpp"

namespace balr {

CommandInfo VerifyCommand::info() {
  return {
      .name = "verify",
      .group = Group::kFiles,
      .program = Program::kFiles,
      .summary = "Check a store for damage",
      .description =
          "Recomputes the checksums, counts the rows, and looks at every value: rows that\n"
          "are ok are finite, the others NaN; of attributes: not active. Of a folder: its\n"
          "embeddings.h5 and attributes.h5, or the parts of a run that is not finished.\n"
          "0 if all is well, 65 if not.",
      .examples = "balr verify embeddings/dev\nbalr verify embeddings/dev/embeddings.h5",
  };
}

void VerifyCommand::declare(OptionList& list) {
  list.argument("PATH", path, PathCheck::kExists, "store, or output folder of extract or binarize");
  declare_log(list, log);
}

}  // namespace balr
