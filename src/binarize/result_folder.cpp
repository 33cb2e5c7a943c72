#include "binarize/result_folder.hpp"

#include <spdlog/spdlog.h>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/dataset/vector_table.hpp"
#include "balr/run/run_state.hpp"

namespace balr {

namespace fs = std::filesystem;

ResultFolder::ResultFolder(fs::path folder, AttributeInfo info, std::int64_t failed)
    : folder_(std::move(folder)), info_(std::move(info)), failed_(failed) {}

bool ResultFolder::finished(bool force) const {
  std::error_code error;
  if (force || !fs::exists(store(), error)) return false;
  if (read_attribute_info(store()).identity == info_.identity) return true;
  throw DataError(store().string() +
                  " was made from other embeddings or by another auto-encoder: choose another "
                  "--save-dir, or replace it with --force");
}

void ResultFolder::tidy(const std::function<void()>& meanwhile) {
  const auto state = read_run_state(folder_);
  if (state && state->state == "complete" && state->identity == info_.identity) return;
  open(false, meanwhile);
  note("complete", info_.total_rows, 0);
  fs::remove_all(parts());
  release();
  lease_.reset();
}

void ResultFolder::open(bool force, const std::function<void()>& meanwhile) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw IoError("cannot create the folder " + folder_.string() + ": " + error.message());
  lease_.emplace(Lease::acquire(folder_, {}, meanwhile));
  if (!force) return;
  for (const char* name : {kAttributesName, "failures.csv", "metadata.csv"})
    fs::remove(folder_ / name);
  fs::remove_all(parts());
}

void ResultFolder::note(const std::string& state, std::int64_t done, double per_second,
                        const std::string& reason) const {
  RunState out = started_state("binarize", info_.identity);
  out.state = state;
  out.stop_reason = reason;
  out.done = done;
  out.failed = failed_;
  out.total = info_.total_rows;
  out.unit = "rows";
  out.per_second = per_second;
  out.version = info_.program_version;
  write_run_state(folder_, out);
}

void ResultFolder::note_pointer(const Manifest& csv, bool force) const {
  constexpr auto kKind = VectorKind::kBinaryAttributes;
  const fs::path pointer = pointer_path(csv.source, kKind);
  std::error_code error;
  try {
    if (!force && fs::exists(pointer, error)) {
      const Pointer old = read_pointer(pointer);
      if (old.csv_hash == csv.hash && old.model != info_.encoder_sha256 &&
          fs::exists(old.store, error)) {
        spdlog::warn(
            "{} points to the attributes of another auto-encoder and is left alone (--force "
            "replaces it): give {} to score",
            pointer.string(), folder_.string());
        return;
      }
    }
    const Pointer own = {fs::absolute(store()), sha256_of_file(store()), csv.hash,
                         info_.encoder_sha256};
    write_pointer(csv.source, own, kKind);
  } catch (const Error& e) {
    spdlog::warn("no pointer file beside the input ({}): give {} to score instead of the CSV",
                 e.what(), folder_.string());
  }
}

}  // namespace balr
