#pragma once
#include "balr/data/audio.hpp"
#include "balr/dataset/vector_table.hpp"
#include "dataset/store_rows.hpp"

namespace balr {

// The rows of any input that open_vectors() takes, in its order, with their vectors. Throws as it.
StoreRowList read_input_rows(const std::filesystem::path& input, const std::filesystem::path& root,
                             const OpenOptions& options);

// Appends the row's vector, which it has; binary attributes as the Python balr's pairs.
void append_vector(const StoreRowList& list, const StoreRow& row, std::vector<float>& out);
// kMissing where the input says that there is no vector, kNonFinite where a number is not finite,
// else what the store says.
RowStatus status_of(const StoreRowList& list, const StoreRow& row);
// Takes rows without a vector off the list.
DroppedRows drop_failed_rows(StoreRowList& list, const std::filesystem::path& input);

}  // namespace balr
