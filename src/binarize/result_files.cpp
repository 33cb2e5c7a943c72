#include "binarize/result_files.hpp"

#include <algorithm>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/data/vector_file.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// metadata.csv: the CSV's columns with `binary_attributes` added or replaced; for other inputs id
// and speaker.
class Metadata {
 public:
  Metadata(const VectorRows& rows, const std::optional<Manifest>& manifest, const fs::path& root)
      : rows_(rows), manifest_(manifest), root_(root) {
    if (manifest) header_ = manifest->header;
    if (header_.empty()) header_ = {"id", "speaker"};
    audio_ = column("audio");
    embedding_ = column("embedding");
    attributes_ = column("binary_attributes");
    if (attributes_ == header_.size()) header_.push_back("binary_attributes");
    text_ = csv_line(header_);
  }

  void add(std::int64_t row) {
    std::vector<std::string> cells = {rows_.id(row), rows_.speaker(row)};
    if (from_csv()) cells = manifest_->cells[static_cast<std::size_t>(row)];
    cells.resize(header_.size());
    if (from_csv() && audio_ < cells.size() && !cells[audio_].empty())
      cells[audio_] = fs::absolute(manifest_->rows[static_cast<std::size_t>(row)].path).string();
    if (embedding_ < cells.size()) cells[embedding_] = absolute_embedding(cells[embedding_]);
    const bool ok = rows_.status(row) == RowStatus::kOk;
    cells[attributes_] = ok ? kAttributesName + ("#" + std::to_string(row)) : "";
    text_ += csv_line(cells);
  }

  const std::string& text() const { return text_; }

 private:
  bool from_csv() const { return manifest_ && !manifest_->header.empty(); }
  std::size_t column(const std::string& name) const {
    return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), name) -
                                    header_.begin());
  }
  // A vector file or `store#row`, as open_vectors() finds it.
  std::string absolute_embedding(const std::string& cell) const {
    if (cell.empty() || cell.starts_with('/')) return cell;
    const fs::path beside = fs::absolute(manifest_->source).parent_path();
    const fs::path root = root_.empty() ? beside : fs::absolute(root_);
    if (vector_format_of(cell)) return (root / cell).lexically_normal().string();
    const fs::path store = cell.substr(0, cell.rfind('#'));
    const fs::path folder = fs::exists(beside / store) ? beside : root;
    return (folder / cell).lexically_normal().string();
  }

  const VectorRows& rows_;
  const std::optional<Manifest>& manifest_;
  const fs::path& root_;
  std::vector<std::string> header_;
  std::size_t audio_ = 0, embedding_ = 0, attributes_ = 0;
  std::string text_;
};

std::int64_t widest(const VectorRows& rows,
                    const std::string& (VectorRows::*text)(std::int64_t) const) {
  std::size_t width = 1;
  for (std::int64_t row = 0; row < rows.rows(); ++row)
    width = std::max(width, (rows.*text)(row).size());
  return static_cast<std::int64_t>(width);
}

}  // namespace

void write_results(const AttributeParts& parts, const AttributeInfo& info, const VectorRows& rows,
                   const std::optional<Manifest>& manifest, const fs::path& root,
                   const fs::path& folder) {
  AttributeWriter writer(folder / kAttributesName, info, rows.rows(), widest(rows, &VectorRows::id),
                         widest(rows, &VectorRows::speaker));
  parts.for_each([&](const AttributeRows& part) { writer.append(part); });
  Metadata metadata(rows, manifest, root);
  std::string failures = csv_line({"row", "id", "reason"});
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    metadata.add(row);
    if (rows.status(row) != RowStatus::kOk)
      failures += csv_line({std::to_string(row), rows.id(row), to_string(rows.status(row))});
  }
  write_file_atomically(folder / "failures.csv", failures);
  write_file_atomically(folder / "metadata.csv", metadata.text());
  writer.finish();  // the store last: where it is, the others are
}

}  // namespace balr
