#pragma once
#include <filesystem>
#include <string>

#include "balr/core/error.hpp"

namespace balr {

// The whole of an opened store, as a value with the members `info` and `rows`. With `check`, a
// DataError where a checksum differs.
template <class Whole, class File>
Whole read_whole(const std::filesystem::path& path, bool check) {
  const File store(path);
  Whole out;
  out.info = store.info();
  if (check)
    for (const std::string& name : store.damaged(out.info))
      throw DataError(path.string() + " is damaged: the checksum of its " + name +
                      " is wrong; remove it and run the command that made it again");
  out.rows = store.rows(out.info);
  return out;
}

}  // namespace balr
