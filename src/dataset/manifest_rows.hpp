#pragma once
#include <filesystem>

#include "balr/data/manifest.hpp"
#include "balr/data/vector_file.hpp"
#include "dataset/store_rows.hpp"

namespace balr {

// The vectors that a manifest's rows name, in the column `embedding` (or `binary_attributes`):
// `store.h5#row`, `matrix.npy#row`, or a vector file, relative to `root` if not empty, else to the
// CSV's folder (stores the other way round: extract writes them beside its metadata.csv). Without
// such a cell, the vector file beside the row's audio. Throws DataError: a cell of another form, a
// file that is not there or does not hold such a vector, no vector at all.
StoreRowList rows_of_manifest(const Manifest& manifest, const std::filesystem::path& root,
                              VectorKind kind);

// An .ark, or an .scp (`script`), with vectors; speakers from `utt2spk` beside it, if there is one.
StoreRowList rows_of_kaldi(const std::filesystem::path& table, bool script, VectorKind kind);

// A .npy matrix: ids are the row numbers from 0.
StoreRowList rows_of_matrix(const std::filesystem::path& file, VectorKind kind);

}  // namespace balr
