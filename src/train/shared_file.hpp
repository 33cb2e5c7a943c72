#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "train/table.hpp"

namespace balr {

// A table in memory without a name, which other processes of this user and node can map while this
// object lives; what is mapped stays. Nothing is left behind by a process that is killed.
class SharedFile {
 public:
  // Nothing if there is no room or the system cannot do it.
  static std::optional<SharedFile> write(const Table& table);
  ~SharedFile();
  SharedFile(SharedFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  SharedFile& operator=(SharedFile&&) = delete;
  std::filesystem::path path() const;  // for map_table() in another process

 private:
  explicit SharedFile(int fd) : fd_(fd) {}
  int fd_;
};

// The table in such a file, read-only; nothing if it cannot be opened, or is none.
std::optional<Table> map_table(const std::filesystem::path& path);

}  // namespace balr
