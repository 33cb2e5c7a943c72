// A CSV of any bytes is a table, and a manifest, or refused with a DataError; what csv_line() makes
// of a table is read as the same table. The same bytes as Kaldi's lists: `wav.scp` up to the first
// blank line, then `segments`, then `utt2spk`.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"
#include "data/csv.hpp"

namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("csv_fuzz-" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  void write(const char* name, std::string_view text) const {
    std::ofstream(path / name, std::ios::binary)
        .write(text.data(), static_cast<std::streamsize>(text.size()));
  }
};

void check_manifest(const fs::path& input) {
  try {
    const balr::Manifest manifest = balr::read_manifest(input, {}, {"wav"});
    if (manifest.rows.empty()) std::abort();
    if (!manifest.header.empty() && manifest.cells.size() != manifest.rows.size()) std::abort();
  } catch (const balr::DataError&) {
  }
}

void check_round_trip(std::string_view text) {
  try {
    const balr::CsvTable table = balr::parse_csv(text, "x.csv");
    std::string again;
    for (const auto& record : table.records) again += balr::csv_line(record);
    // A byte order mark in the first cell would be taken for the file's.
    if (!again.starts_with("\xEF\xBB\xBF") &&
        balr::parse_csv(again, "x.csv").records != table.records)
      std::abort();
  } catch (const balr::DataError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_round_trip(text);
  folder.write("in.csv", text);
  check_manifest(folder.path / "in.csv");
  for (const char* list : {"wav.scp", "segments", "utt2spk"}) {
    const std::size_t end = text.find("\n\n");
    folder.write(list, text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 2);
  }
  check_manifest(folder.path / "wav.scp");
  return 0;
}
