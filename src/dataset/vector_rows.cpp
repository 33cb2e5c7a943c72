#include "balr/dataset/vector_rows.hpp"

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "dataset/input_rows.hpp"
#include "dataset/table_checks.hpp"

namespace balr {

namespace fs = std::filesystem;

struct VectorRows::State {
  StoreRowList list;
  std::vector<RowStatus> status;

  const StoreRow& row(std::int64_t at) const { return list.rows[static_cast<std::size_t>(at)]; }
};

VectorRows::VectorRows(std::unique_ptr<State> state) : state_(std::move(state)) {}
VectorRows::VectorRows(VectorRows&&) noexcept = default;
VectorRows& VectorRows::operator=(VectorRows&&) noexcept = default;
VectorRows::~VectorRows() = default;

VectorRows VectorRows::open(const fs::path& input, const fs::path& root,
                            const OpenOptions& options) {
  OpenOptions embeddings = options;
  embeddings.kind = VectorKind::kEmbedding;
  std::unique_ptr<State> state(new State{read_input_rows(input, root, embeddings), {}});
  if (state->list.stores.empty())
    throw DataError("no row of " + input.string() + " has an embedding: run `balr extract` first");
  for (const StoreRow& row : state->list.rows) state->status.push_back(status_of(state->list, row));
  return VectorRows(std::move(state));
}

std::int64_t VectorRows::rows() const { return static_cast<std::int64_t>(state_->status.size()); }
std::int64_t VectorRows::dimension() const { return state_->list.dimension(); }
const std::string& VectorRows::id(std::int64_t row) const { return state_->row(row).id; }
const std::string& VectorRows::speaker(std::int64_t row) const { return state_->row(row).speaker; }
RowStatus VectorRows::status(std::int64_t row) const {
  return state_->status[static_cast<std::size_t>(row)];
}
std::span<const float> VectorRows::vector(std::int64_t row) const {
  return state_->list.vector(state_->row(row));
}
std::string VectorRows::source() const { return join(state_->list.files); }
std::string VectorRows::model() const { return model_text(state_->list.stores.front().info); }

std::string VectorRows::content_hash() const {
  Sha256 hash;
  hash.update("balr rows 1 " + std::to_string(rows()) + " " + std::to_string(dimension()) + "\n");
  std::string texts;
  for (const StoreRow& row : state_->list.rows)
    for (const std::string* text : {&row.id, &row.speaker})
      texts += std::to_string(text->size()) + ":" + *text;
  hash.update(texts).update(std::as_bytes(std::span(state_->status)));
  for (std::int64_t row = 0; row < rows(); ++row)
    if (status(row) == RowStatus::kOk) hash.update(std::as_bytes(vector(row)));
  return hash.hex();
}

}  // namespace balr
