// What the Python tests run: `state_dict_tool copy FROM TO` reads and writes; `check FILE` prints the names or the error;
// `each FOLDER` prints for each of its files, by name, "NAME ok" and a CRC of the tensors, or "NAME error: ...".
#include <algorithm>
#include <cstdio>
#include <string>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/weights/state_dict.hpp"

namespace {

// Of the tensors' bytes, by name.
std::uint32_t checksum(balr::StateDict tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string bytes;
  for (const auto& [name, tensor] : tensors) {
    bytes += name;
    const at::Tensor whole = tensor.contiguous();
    if (whole.nbytes() > 0) bytes.append(static_cast<const char*>(whole.const_data_ptr()), whole.nbytes());
  }
  return balr::crc32c(std::as_bytes(std::span(bytes)));
}

void check_each(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    try {
      std::printf("%s ok %08x\n", file.filename().c_str(), checksum(balr::read_state_dict(file)));
    } catch (const balr::DataError& error) {
      std::printf("%s error: %s\n", file.filename().c_str(), error.what());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string task = argc > 2 ? argv[1] : "";
  try {
    if (task == "copy" && argc == 4) {
      balr::write_state_dict(argv[3], balr::read_state_dict(argv[2]));
    } else if (task == "check" && argc == 3) {
      for (const auto& [name, tensor] : balr::read_state_dict(argv[2])) std::printf("%s\n", name.c_str());
    } else if (task == "each" && argc == 3) {
      check_each(argv[2]);
    } else {
      std::fprintf(stderr, "usage: state_dict_tool copy FROM TO | check FILE | each FOLDER\n");
      return 2;
    }
  } catch (const balr::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
