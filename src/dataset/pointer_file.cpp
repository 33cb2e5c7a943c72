#include <nlohmann/json.hpp>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/dataset/vector_table.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uintmax_t kMaxPointerBytes = 1 << 16;

// JSON is UTF-8; a path is any bytes. One that is not UTF-8 is written in hexadecimal.
std::string to_hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (char byte : bytes) {
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return out;
}

std::string from_hex(const std::string& digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return out;
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

fs::path folder_of(const fs::path& csv) {
  return fs::weakly_canonical(fs::absolute(csv).parent_path());
}

// Relative below the CSV's folder, so that the folder can be moved as a whole.
std::string portable(const fs::path& store, const fs::path& folder) {
  const fs::path absolute = fs::weakly_canonical(fs::absolute(store));
  const fs::path relative = absolute.lexically_relative(folder);
  return (relative.empty() || *relative.begin() == "..") ? absolute.string() : relative.string();
}

std::string text(const Json& object, const char* key) { return object.at(key).get<std::string>(); }

}  // namespace

std::string model_text(const StoreInfo& info) {
  if (info.model_sha256.empty()) return "unknown model";  // vector files do not say
  return info.model_repo + "/" + info.model_name + " " + info.model_sha256;
}

fs::path pointer_path(const fs::path& csv, VectorKind kind) {
  fs::path out = csv;
  out += kind == VectorKind::kEmbedding ? ".embeddings" : ".attributes";
  return out;
}

void write_pointer(const fs::path& csv, const Pointer& pointer, VectorKind kind) {
  const std::string store = portable(pointer.store, folder_of(csv));
  nlohmann::ordered_json line;
  if (is_utf8(store)) {
    line["store"] = store;
  } else {
    line["store_hex"] = to_hex(store);
  }
  line["store_sha256"] = pointer.store_hash;
  line["csv_sha256"] = pointer.csv_hash;
  line["model"] = pointer.model;
  write_file_atomically(pointer_path(csv, kind),
                        line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Pointer read_pointer(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  if (error) throw IoError("cannot read " + file.string() + ": " + error.message());
  try {
    if (bytes > kMaxPointerBytes) throw DataError("");
    const Json line = Json::parse(read_file(file));
    Pointer pointer;
    const fs::path store =
        line.contains("store_hex") ? from_hex(text(line, "store_hex")) : text(line, "store");
    pointer.store = store.is_absolute() ? store : file.parent_path() / store;
    pointer.store_hash = text(line, "store_sha256");
    pointer.csv_hash = text(line, "csv_sha256");
    pointer.model = text(line, "model");
    return pointer;
  } catch (const IoError&) {
    throw;
  } catch (const std::exception&) {
    throw DataError(
        file.string() +
        " is not a pointer that extract or binarize left: remove it, then run the command on the "
        "CSV again");
  }
}

}  // namespace balr
