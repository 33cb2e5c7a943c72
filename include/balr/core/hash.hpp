#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace balr {

// SHA-256 as 64 lower-case hexadecimal digits.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  std::string hex();  // ends the computation

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view text);
// Throws IoError if the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& file);
// The name that git gives a file's content: the SHA-1 of "blob SIZE\0" and its bytes. For checking downloads of
// servers that know no other; it keeps nobody from forging. Throws IoError.
std::string git_blob_id_of_file(const std::filesystem::path& file);

// CRC-32C (Castagnoli) as used by TensorBoard's records.
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace balr
