#include "extract/pointer_note.hpp"

#include <spdlog/spdlog.h>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/dataset/vector_table.hpp"

namespace balr {

namespace fs = std::filesystem;

void note_pointer(const fs::path& csv, const fs::path& store, const StoreInfo& info, bool force) {
  const fs::path pointer = pointer_path(csv);
  const std::string folder = store.parent_path().string();
  std::error_code error;
  try {
    if (!force && fs::exists(pointer, error)) {
      const Pointer old = read_pointer(pointer);
      if (old.csv_hash == info.input_hash && !old.model.ends_with(info.model_sha256) && fs::exists(old.store, error)) {
        spdlog::warn("{} points to the store of another model and is left alone (--force replaces it): give {} to train",
                     pointer.string(), folder);
        return;
      }
    }
    write_pointer(csv, {fs::absolute(store), sha256_of_file(store), info.input_hash, model_text(info)});
  } catch (const Error& e) {
    spdlog::warn("no pointer file beside the input ({}): give {} to train instead of the CSV", e.what(), folder);
  }
}

}  // namespace balr
