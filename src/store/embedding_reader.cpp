#include "balr/core/error.hpp"
#include "balr/store/embedding_store.hpp"
#include "store/store_file.hpp"

namespace balr {

namespace fs = std::filesystem;

Store read_store(const fs::path& file) {
  const StoreFile store(file);
  Store out;
  out.info = store.info();
  out.rows = store.rows(out.info);
  return out;
}

Store read_checked_store(const fs::path& file) {
  const StoreFile store(file);
  Store out;
  out.info = store.info();
  for (const std::string& name : store.damaged(out.info))
    throw DataError(file.string() + " is damaged: the checksum of its " + name +
                    " is wrong; remove it and run the command that made it again");
  out.rows = store.rows(out.info);
  return out;
}

StoreInfo read_store_info(const fs::path& file) { return StoreFile(file).info(); }

}  // namespace balr
