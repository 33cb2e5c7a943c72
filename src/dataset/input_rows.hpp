#pragma once
#include "balr/dataset/vector_table.hpp"
#include "dataset/store_rows.hpp"

namespace balr {

// The rows of any input that open_vectors() takes, in its order, with their vectors. Throws as it.
StoreRowList read_input_rows(const std::filesystem::path& input, const std::filesystem::path& root,
                             const OpenOptions& options);

// The row's vector; only for rows that have one.
std::span<const float> vector_of(const StoreRowList& list, const StoreRow& row);
// Whether it has one, extraction did not fail on it, and all its numbers are finite.
bool is_usable(const StoreRowList& list, const StoreRow& row);

}  // namespace balr
