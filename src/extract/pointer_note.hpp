#pragma once
#include <filesystem>

#include "balr/store/embedding_store.hpp"

namespace balr {

// Leaves the pointer file beside the extracted CSV, so that `train` finds the store by the CSV's name. One that points to another
// model's store is left alone without `force`; where it cannot be written a warning says what to do instead. Never throws Error.
void note_pointer(const std::filesystem::path& csv, const std::filesystem::path& store, const StoreInfo& info, bool force);

}  // namespace balr
