#include "extract/outputs.hpp"

#include <algorithm>
#include <charconv>

#include "balr/core/atomic_file.hpp"
#include "balr/data/audio.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStoreName = "embeddings.h5";

// The CSV's columns with `embedding` added or replaced; for other inputs: id, audio and what else is known.
class MetadataTable {
 public:
  explicit MetadataTable(const Manifest& manifest) : manifest_(manifest), header_(manifest.header) {
    if (header_.empty()) header_ = known_columns();
    audio_ = column("audio");
    embedding_ = column("embedding");
    if (embedding_ == header_.size()) header_.push_back("embedding");
    text_ = csv_line(header_);
  }

  void add(std::int64_t row, bool ok) {
    const Utterance& utterance = manifest_.rows[static_cast<std::size_t>(row)];
    std::vector<std::string> cells = manifest_.header.empty() ? known_cells(utterance)
                                                              : manifest_.cells[static_cast<std::size_t>(row)];
    cells.resize(header_.size());
    // Relative paths meant the input's folder; this file lies in another one.
    if (audio_ < cells.size() && !utterance.path.empty()) cells[audio_] = fs::absolute(utterance.path).string();
    cells[embedding_] = ok ? std::string(kStoreName) + "#" + std::to_string(row) : "";
    text_ += csv_line(cells);
  }

  const std::string& text() const { return text_; }

 private:
  std::vector<std::string> known_columns() const {
    std::vector<std::string> out = {"id", "audio"};
    if (manifest_.has_speaker) out.push_back("speaker");
    if (manifest_.has_pieces) out.insert(out.end(), {"start", "end", "channel"});
    return out;
  }
  std::vector<std::string> known_cells(const Utterance& row) const {
    std::vector<std::string> out = {row.id, ""};
    if (manifest_.has_speaker) out.push_back(row.speaker);
    if (!manifest_.has_pieces) return out;
    out.push_back(shortest_text(row.piece.start));
    out.push_back(row.piece.end < 0 ? "" : shortest_text(row.piece.end));
    out.push_back(row.piece.channel < 0 ? "" : std::to_string(row.piece.channel));
    return out;
  }
  // That reads as the same number.
  static std::string shortest_text(double value) {
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }
  std::size_t column(const std::string& name) const {
    return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), name) - header_.begin());
  }

  const Manifest& manifest_;
  std::vector<std::string> header_;
  std::size_t audio_ = 0, embedding_ = 0;
  std::string text_;
};

std::int64_t widest(const std::vector<Utterance>& rows, std::string Utterance::*member) {
  std::size_t width = 1;
  for (const Utterance& row : rows) width = std::max(width, (row.*member).size());
  return static_cast<std::int64_t>(width);
}

}  // namespace

MergeCounts merge_parts(const PartFolder& parts, const Manifest& manifest, const StoreInfo& info, std::int64_t dimension,
                        const fs::path& folder) {
  MergeCounts counts;
  MetadataTable metadata(manifest);
  std::string failures = csv_line({"row", "id", "path", "reason"});
  StoreWriter writer(folder / kStoreName, info, info.total_rows, dimension, widest(manifest.rows, &Utterance::id),
                     widest(manifest.rows, &Utterance::speaker));
  for (std::int64_t part = 0; part < parts.parts(); ++part) {
    Store store = parts.read(part);
    for (std::int64_t i = 0; i < store.rows.rows(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int64_t row = parts.range(part).begin + i;
      const auto status = static_cast<RowStatus>(store.rows.status[at]);
      metadata.add(row, status == RowStatus::kOk);
      ++counts.rows;
      if (status == RowStatus::kOk) {
        counts.seconds += store.rows.seconds[at];
        if (!store.rows.reasons.empty() && !store.rows.reasons[at].empty()) ++counts.notes[store.rows.reasons[at]];
        continue;
      }
      ++counts.failed;
      const Utterance& utterance = manifest.rows[static_cast<std::size_t>(row)];
      std::string reason = to_string(status);
      if (!store.rows.reasons.empty() && !store.rows.reasons[at].empty()) reason += ": " + store.rows.reasons[at];
      failures += csv_line({std::to_string(row), utterance.id, utterance.path, reason});
    }
    store.rows.reasons.clear();
    writer.append(store.rows);
  }
  // The store last: where it is, the others are.
  write_file_atomically(folder / "failures.csv", failures);
  write_file_atomically(folder / "metadata.csv", metadata.text());
  writer.finish();
  return counts;
}

}  // namespace balr
