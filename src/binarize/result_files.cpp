#include "binarize/result_files.hpp"

#include <algorithm>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/data/vector_file.hpp"
#include "binarize/result_folder.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 8;  // writing waits for the file system, not for a core

// An embedding's file or `store#row`, as open_vectors() finds it.
std::string absolute_embedding(const Manifest& manifest, const fs::path& root_dir,
                               const std::string& cell) {
  if (cell.empty() || cell.starts_with('/')) return cell;
  const fs::path beside = fs::absolute(manifest.source).parent_path();
  const fs::path root = root_dir.empty() ? beside : fs::absolute(root_dir);
  if (vector_format_of(cell)) return (root / cell).lexically_normal().string();
  const fs::path store = cell.substr(0, cell.rfind('#'));
  return ((fs::exists(beside / store) ? beside : root) / cell).lexically_normal().string();
}

// metadata.csv: the CSV's columns with `binary_attributes` added or replaced; for other inputs id
// and speaker.
class Metadata {
 public:
  explicit Metadata(const ResultPlan& plan) : plan_(plan) {
    if (plan.manifest) header_ = plan.manifest->header;
    if (header_.empty()) header_ = {"id", "speaker"};
    audio_ = column("audio");
    embedding_ = column("embedding");
    attributes_ = column("binary_attributes");
    if (attributes_ == header_.size()) header_.push_back("binary_attributes");
    text_ = csv_line(header_);
  }

  void add(std::int64_t row) {
    const bool ok = plan_.rows.status(row) == RowStatus::kOk;
    if (plan_.names && !ok) return;
    std::vector<std::string> cells = {plan_.rows.id(row), plan_.rows.speaker(row)};
    if (from_csv()) cells = plan_.manifest->cells[static_cast<std::size_t>(row)];
    cells.resize(header_.size());
    if (from_csv() && audio_ < cells.size() && !cells[audio_].empty())
      cells[audio_] =
          fs::absolute(plan_.manifest->rows[static_cast<std::size_t>(row)].path).string();
    if (from_csv() && embedding_ < cells.size())
      cells[embedding_] = absolute_embedding(*plan_.manifest, plan_.root, cells[embedding_]);
    cells[attributes_] = !ok           ? ""
                         : plan_.names ? plan_.names->cell(row, plan_.folder)
                                       : kAttributesName + ("#" + std::to_string(row));
    text_ += csv_line(cells);
  }

  const std::string& text() const { return text_; }

 private:
  bool from_csv() const { return plan_.manifest && !plan_.manifest->header.empty(); }
  std::size_t column(const std::string& name) const {
    return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), name) -
                                    header_.begin());
  }

  const ResultPlan& plan_;
  std::vector<std::string> header_;
  std::size_t audio_ = 0, embedding_ = 0, attributes_ = 0;
  std::string text_;
};

void make_folder_of(const std::string& file) {
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  if (error) throw IoError("cannot make the folder of " + file + ": " + error.message());
}

// The `_ba` files of these consecutive rows: float32 (n, 2), column 0 = active.
void write_files(const ResultPlan& plan, std::int64_t first_row, const AttributeRows& rows,
                 ThreadPool& pool) {
  const std::int64_t n = rows.attributes, bytes = attribute_bytes(n);
  pool.parallel_for(rows.rows(), [&](std::int64_t i) {
    if (rows.status[static_cast<std::size_t>(i)] != static_cast<std::uint8_t>(RowStatus::kOk))
      return;
    std::vector<float> values(static_cast<std::size_t>(2 * n));
    for (std::int64_t a = 0; a < n; ++a)
      values[static_cast<std::size_t>(2 * a + !attribute_bit(rows.bits.data() + i * bytes, a))] = 1;
    const std::string& file = plan.names->file(first_row + i);
    make_folder_of(file);
    write_vector_file(file, vector_file_content(values, {n, 2}, *plan.format));
  });
}

std::int64_t widest(const VectorRows& rows,
                    const std::string& (VectorRows::*text)(std::int64_t) const) {
  std::size_t width = 1;
  for (std::int64_t row = 0; row < rows.rows(); ++row)
    width = std::max(width, (rows.*text)(row).size());
  return static_cast<std::int64_t>(width);
}

}  // namespace

VectorFileNames attribute_file_names(const Manifest& manifest, const fs::path& root,
                                     const fs::path& folder, VectorFormat format) {
  std::vector<std::string> references, ids;
  for (const Utterance& row : manifest.rows) {
    std::string reference = row.path;
    if (reference.empty() && vector_format_of(row.embedding))
      reference = absolute_embedding(manifest, root, row.embedding);
    references.push_back(std::move(reference));
    ids.push_back(row.id);
  }
  return {references, ids, VectorKind::kBinaryAttributes, format, folder, manifest.source.string()};
}

void write_results(const AttributeParts& parts, const ResultPlan& plan) {
  const VectorRows& rows = plan.rows;
  AttributeWriter writer(plan.folder / kAttributesName, plan.info, rows.rows(),
                         widest(rows, &VectorRows::id), widest(rows, &VectorRows::speaker));
  std::optional<ThreadPool> pool;
  if (plan.names) pool.emplace(kThreads);
  std::int64_t done = 0;
  parts.for_each([&](const AttributeRows& part) {
    if (plan.names) write_files(plan, done, part, *pool);
    writer.append(part);
    done += part.rows();
  });
  Metadata metadata(plan);
  std::string failures = csv_line({"row", "id", "reason"});
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    metadata.add(row);
    if (rows.status(row) != RowStatus::kOk)
      failures += csv_line({std::to_string(row), rows.id(row), to_string(rows.status(row))});
  }
  write_file_atomically(plan.folder / "failures.csv", failures);
  write_file_atomically(plan.folder / "metadata.csv", metadata.text());
  writer.finish();  // the store last: where it is, the others are
}

}  // namespace balr
