#include "extract/metadata_table.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace balr {
namespace {

namespace fs = std::filesystem;

// That reads as the same number.
std::string shortest_text(double value) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

MetadataTable::MetadataTable(const Manifest& manifest, const VectorOutputs* vectors, fs::path folder)
    : manifest_(manifest), vectors_(vectors), folder_(std::move(folder)), header_(manifest.header) {
  if (header_.empty()) header_ = known_columns();
  audio_ = column("audio");
  embedding_ = column("embedding");
  if (embedding_ == header_.size()) header_.push_back("embedding");
  text_ = csv_line(header_);
}

void MetadataTable::add(std::int64_t row, bool ok) {
  if (vectors_ && !ok) return;
  const Utterance& utterance = manifest_.rows[static_cast<std::size_t>(row)];
  std::vector<std::string> cells = manifest_.header.empty() ? known_cells(utterance)
                                                            : manifest_.cells[static_cast<std::size_t>(row)];
  cells.resize(header_.size());
  // Relative paths meant the input's folder; this file lies in another one.
  if (audio_ < cells.size() && !utterance.path.empty()) cells[audio_] = fs::absolute(utterance.path).string();
  cells[embedding_] = cell(row, ok);
  text_ += csv_line(cells);
}

std::string MetadataTable::cell(std::int64_t row, bool ok) const {
  if (vectors_) return vectors_->cell(row, folder_);
  return ok ? std::string(kStoreName) + "#" + std::to_string(row) : "";
}

std::vector<std::string> MetadataTable::known_columns() const {
  std::vector<std::string> out = {"id", "audio"};
  if (manifest_.has_speaker) out.push_back("speaker");
  if (manifest_.has_pieces) out.insert(out.end(), {"start", "end", "channel"});
  return out;
}

std::vector<std::string> MetadataTable::known_cells(const Utterance& row) const {
  std::vector<std::string> out = {row.id, ""};
  if (manifest_.has_speaker) out.push_back(row.speaker);
  if (!manifest_.has_pieces) return out;
  out.push_back(shortest_text(row.piece.start));
  out.push_back(row.piece.end < 0 ? "" : shortest_text(row.piece.end));
  out.push_back(row.piece.channel < 0 ? "" : std::to_string(row.piece.channel));
  return out;
}

std::size_t MetadataTable::column(const std::string& name) const {
  return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), name) - header_.begin());
}

}  // namespace balr
