#include "balr/core/hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

#include "balr/core/error.hpp"

namespace balr {

namespace {

// One computation of OpenSSL.
class Digest {
 public:
  explicit Digest(const EVP_MD* kind) { BALR_CHECK(EVP_DigestInit_ex(context_, kind, nullptr) == 1); }
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void update(std::span<const std::byte> bytes) {
    BALR_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    BALR_CHECK(EVP_DigestFinal_ex(context_, digest.data(), &size) == 1);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) (text += kDigits[digest[i] >> 4]) += kDigits[digest[i] & 15];
    return text;
  }

 private:
  EVP_MD_CTX* context_ = EVP_MD_CTX_new();
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void update_from_file(Digest& hash, const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw IoError("cannot read " + file.string());
  std::vector<char> buffer(1 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.update(bytes_of({buffer.data(), static_cast<std::size_t>(in.gcount())}));
  }
  if (in.bad()) throw IoError("cannot read " + file.string());
}

}  // namespace

struct Sha256::State {
  Digest digest{EVP_sha256()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  state_->digest.update(bytes);
  return *this;
}

Sha256& Sha256::update(std::string_view text) { return update(bytes_of(text)); }

std::string Sha256::hex() { return state_->digest.hex(); }

std::string sha256_hex(std::string_view text) { return Sha256().update(text).hex(); }

std::string sha256_of_file(const std::filesystem::path& file) {
  Digest hash(EVP_sha256());
  update_from_file(hash, file);
  return hash.hex();
}

std::string git_blob_id_of_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw IoError("cannot read " + file.string());
  Digest hash(EVP_sha1());
  hash.update(bytes_of("blob " + std::to_string(size) + std::string(1, '\0')));
  update_from_file(hash, file);
  return hash.hex();
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  static const auto kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82F63B78u : 0u);
      table[i] = value;
    }
    return table;
  }();
  std::uint32_t crc = ~0u;
  for (std::byte byte : bytes) crc = kTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

}  // namespace balr
