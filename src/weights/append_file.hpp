#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace balr {

// A file that grows, over several runs. All throw IoError with path and cause.
class AppendFile {
 public:
  explicit AppendFile(std::filesystem::path file);  // made if it is not there
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  std::uint64_t size() const { return size_; }
  void append(std::string_view bytes);  // an IoError too if another process has changed its size
  void start_over();  // with a new, empty file: another process may have given the old one its final name
  void sync();

  static std::uint64_t size_of(const std::filesystem::path& file);  // 0 if it is not there

 private:
  std::filesystem::path file_;
  int fd_;
  std::uint64_t size_;
};

}  // namespace balr
