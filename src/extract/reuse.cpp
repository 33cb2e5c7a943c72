#include "extract/reuse.hpp"

#include <sys/stat.h>

#include <charconv>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "extract/metadata_table.hpp"
#include "extract/part_buffer.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string shortest_text(double value) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string piece_text(const AudioPiece& piece) {
  if (piece == AudioPiece{}) return "";
  return shortest_text(piece.start) + ":" + shortest_text(piece.end) + ":" + std::to_string(piece.channel);
}

// The lines of a CSV, whose quoted cells may hold line ends.
class Lines {
 public:
  explicit Lines(std::string text) : text_(std::move(text)) {}
  std::optional<std::string> next() {
    bool quoted = false;
    for (std::size_t at = at_; at < text_.size(); ++at) {
      if (text_[at] == '"') quoted = !quoted;
      if (text_[at] != '\n' || quoted) continue;
      std::string line = text_.substr(at_, at + 1 - at_);
      at_ = at + 1;
      return line;
    }
    return std::nullopt;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string source_header() { return csv_line({"id", "path", "piece", "size", "time"}); }

std::string source_line(const Utterance& utterance, std::int64_t size, std::int64_t time) {
  const std::string path = utterance.path.empty() ? "" : fs::absolute(utterance.path).string();
  return csv_line({utterance.id, path, piece_text(utterance.piece), std::to_string(size), std::to_string(time)});
}

Reuse::Reuse(const fs::path& folder, const std::string& recipe) {
  const fs::path file = folder / kStoreName;
  const auto refuse = [&](const std::string& reason) {
    throw DataError("--reuse " + folder.string() + ": " + reason + "; leave the option out to compute all rows");
  };
  std::error_code error;
  if (!fs::exists(file, error) || !fs::exists(folder / "sources.csv", error))
    refuse("it lacks embeddings.h5 or sources.csv, which a finished `balr extract` leaves");
  if (read_store_info(file).recipe != recipe) refuse("it was made by another model or configuration");
  store_ = read_checked_store(file);
  Lines lines(read_file(folder / "sources.csv"));
  if (lines.next() != source_header()) refuse("its sources.csv has other columns");
  std::int64_t row = 0;
  for (auto line = lines.next(); line; line = lines.next(), ++row)
    if (row < store_.rows.rows() && store_.rows.status[static_cast<std::size_t>(row)] == 0) row_of_.emplace(*line, row);
  if (row != store_.rows.rows()) refuse("its sources.csv has another number of rows than embeddings.h5");
}

std::optional<RowResult> Reuse::find(const Manifest& manifest, std::int64_t row) const {
  const Utterance& utterance = manifest.rows[static_cast<std::size_t>(row)];
  struct stat status = {};
  if (utterance.path.empty() || stat(utterance.path.c_str(), &status) != 0) return std::nullopt;
  const std::int64_t time = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  const auto found = row_of_.find(source_line(utterance, status.st_size, time));
  if (found == row_of_.end()) return std::nullopt;
  RowResult out = balr::row_of(store_, found->second);
  out.row = row;
  out.file_size = status.st_size;
  out.file_time = time;
  return out;
}

}  // namespace balr
