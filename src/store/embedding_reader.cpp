#include "balr/store/embedding_store.hpp"
#include "store/read_whole.hpp"
#include "store/store_file.hpp"

namespace balr {

namespace fs = std::filesystem;

Store read_store(const fs::path& file) { return read_whole<Store, StoreFile>(file, false); }

Store read_checked_store(const fs::path& file) { return read_whole<Store, StoreFile>(file, true); }

StoreInfo read_store_info(const fs::path& file) { return StoreFile(file).info(); }

}  // namespace balr
