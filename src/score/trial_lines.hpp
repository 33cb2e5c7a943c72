#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace balr {

// Some lines of a text file, without their ends; blank ones are left out.
struct LineBlock {
  std::vector<std::int64_t> numbers;  // from 1
  std::string text;                   // the lines one after the other
  std::vector<std::size_t> ends;      // in `text`
  std::size_t size() const { return numbers.size(); }
  std::string_view line(std::size_t at) const {
    const std::size_t begin = at == 0 ? 0 : ends[at - 1];
    return std::string_view(text).substr(begin, ends[at] - begin);
  }
};

// Reads a text file once, in blocks; memory is that of a block. A byte order mark and carriage
// returns at line ends are taken off.
class LineReader {
 public:
  // Throws IoError.
  explicit LineReader(const std::filesystem::path& file);
  // The next `count` lines, fewer at the end. Throws DataError with file and line where a line is
  // longer than 1 MiB; IoError.
  LineBlock next(std::size_t count);
  // Passes over as many; returns how many there were.
  std::size_t skip(std::size_t count);

 private:
  bool next_line(std::string_view& line);
  bool fill();

  std::filesystem::path file_;
  std::ifstream in_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
};

}  // namespace balr
