#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace balr {

// The records of an RFC 4180 file: quotes, CRLF, a byte order mark; blank lines are skipped, blanks
// inside cells kept.
struct CsvTable {
  std::vector<std::vector<std::string>> records;  // the header first
  std::vector<std::int64_t> lines;                // line of the file where each record ends, from 1
};

// Throws DataError with file and line: quotes that do not close, NUL bytes.
CsvTable parse_csv(std::string_view text, const std::filesystem::path& name);

}  // namespace balr
