#include "score/trial_lines.hpp"

#include <cerrno>
#include <cstring>

#include "balr/core/error.hpp"

namespace balr {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kLongestLine = std::size_t{1} << 20;

}  // namespace

LineReader::LineReader(const std::filesystem::path& file)
    : file_(file), in_(file, std::ios::binary) {
  if (!in_) throw IoError("cannot read " + file.string() + ": " + std::strerror(errno));
  fill();
  if (buffer_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

// Drops what was read and adds a chunk; false at the end of the file.
bool LineReader::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  in_.read(&buffer_[before], static_cast<std::streamsize>(kChunk));
  buffer_.resize(before + static_cast<std::size_t>(in_.gcount()));
  if (in_.bad()) throw IoError("cannot read " + file_.string() + ": " + std::strerror(errno));
  return buffer_.size() > before;
}

bool LineReader::next_line(std::string_view& line) {
  while (true) {
    std::size_t end = buffer_.find('\n', at_);
    while (end == std::string::npos) {
      const std::size_t searched = buffer_.size() - at_;
      if (searched > kLongestLine)
        throw DataError(file_.string() + ", line " + std::to_string(number_ + 1) +
                        ": longer than 1 MiB; give one trial a line");
      if (!fill()) break;
      end = buffer_.find('\n', searched);
    }
    const bool last = end == std::string::npos;
    if (last && at_ == buffer_.size()) return false;
    if (last) end = buffer_.size();
    ++number_;
    line = std::string_view(buffer_).substr(at_, end - at_);
    at_ = last ? end : end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) return true;
  }
}

LineBlock LineReader::next(std::size_t count) {
  LineBlock block;
  std::string_view line;
  while (block.size() < count && next_line(line)) {
    block.numbers.push_back(number_);
    block.text += line;
    block.ends.push_back(block.text.size());
  }
  return block;
}

std::size_t LineReader::skip(std::size_t count) {
  std::string_view line;
  std::size_t skipped = 0;
  while (skipped < count && next_line(line)) ++skipped;
  return skipped;
}

}  // namespace balr
