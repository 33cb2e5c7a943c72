#include "balr/binarize/binarizer.hpp"

#include <spdlog/spdlog.h>

#include <optional>
#include <thread>

#include "balr/bae/encoder.hpp"
#include "balr/core/atomic_file.hpp"
#include "balr/core/fault.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/world.hpp"
#include "balr/run/identity.hpp"
#include "balr/run/parts.hpp"
#include "balr/run/progress.hpp"
#include "binarize/result_files.hpp"
#include "binarize/result_folder.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// To be raised when a change of the code changes a bit.
constexpr const char* kNumericsVersion = "1";
constexpr auto kIdle = std::chrono::milliseconds(2);

bool is_csv(const fs::path& input) {
  std::string extension = input.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".csv" && !fs::is_directory(input);
}

class Binarization {
 public:
  Binarization(const BinarizeOptions& options, World& world, const StopFlag& stop)
      : options_(options), world_(world), stop_(stop), pool_(std::max(1, options.threads)) {}

  ExitCode run() {
    load();
    try {
      if (prepare()) return ExitCode::kOk;
    } catch (const Error& error) {
      if (error.code() == ExitCode::kStopped && error.agreed()) return stopped();
      throw;
    }
    return compute() ? stopped() : finish();
  }

 private:
  bool lead() const { return world_.rank() == 0; }

  void load();
  void name_files();
  bool prepare();
  bool prepare_folder();
  bool compute();
  AttributeRows encode(Range rows) const;
  ExitCode stopped();
  ExitCode finish();
  void check_ownership() const;
  void tick() const {
    world_.tick();
    if (stop_.requested())
      throw StoppedError("stopped by " + stop_.reason() + ": run the same command again to go on");
  }

  const BinarizeOptions& options_;
  World& world_;
  const StopFlag& stop_;
  ThreadPool pool_;

  std::optional<VectorRows> rows_;
  std::optional<Manifest> manifest_;  // rank 0, of a CSV
  std::optional<Encoder> encoder_;
  AttributeInfo info_;
  std::optional<ResultFolder> folder_;
  std::optional<AttributeParts> parts_;
  std::string lease_token_;
  // Rank 0.
  std::optional<VectorFileNames> names_;  // of the `_ba` files, if they are wanted
  std::vector<Range> open_;
  std::int64_t rows_done_ = 0, failed_ = 0;
  double per_second_ = 0;
};

// Every rank reads the input and the auto-encoder; nothing is created yet.
void Binarization::load() {
  {
    const Busy busy(world_, "reading the embeddings and the auto-encoder");
    all_agree(world_, "reading the embeddings and the auto-encoder", [&] {
      OpenOptions open;
      open.audio_formats = options_.audio_formats;
      rows_.emplace(VectorRows::open(options_.input, options_.root, open));
      if (lead() && is_csv(options_.input))
        manifest_ = read_manifest(options_.input, options_.root, options_.audio_formats);
      encoder_.emplace(Encoder::load(options_.encoder, {options_.threads, pool_.runner()}));
      if (rows_->dimension() != encoder_->input_dim())
        throw DataError("the vectors of " + rows_->source() + " have " +
                        std::to_string(rows_->dimension()) + " numbers, and the auto-encoder " +
                        options_.encoder.string() + " takes " +
                        std::to_string(encoder_->input_dim()) +
                        ": give the one that was trained on embeddings of this model");
      if (lead()) name_files();
      for (std::int64_t row = 0; row < rows_->rows(); ++row)
        failed_ += rows_->status(row) != RowStatus::kOk;
    });
  }
  info_.attributes = encoder_->attributes();
  info_.encoder_sha256 = encoder_->sha256();
  info_.embeddings_sha256 = rows_->content_hash();
  info_.model = rows_->model();
  info_.program_version = options_.program_version;
  info_.total_rows = rows_->rows();
  const std::vector<IdentityPart> parts = {{"auto-encoder", info_.encoder_sha256},
                                           {"embeddings", info_.embeddings_sha256},
                                           {"numerics", kNumericsVersion}};
  info_.identity = identity_hash(parts);
  agree_identity(world_, parts);
  fs::path folder = options_.save_dir;
  if (folder.empty()) {
    fs::path input = fs::absolute(options_.input).lexically_normal();
    if (input.filename().empty()) input = input.parent_path();
    folder = input.parent_path() / (input.stem().string() + "_attributes");
  }
  folder_.emplace(folder, info_, failed_);
  parts_.emplace(folder_->parts(), info_);
}

// Before any work: whether each row has a place for its file.
void Binarization::name_files() {
  if (!options_.vector_format) return;
  if (manifest_)
    names_ =
        attribute_file_names(*manifest_, options_.root, options_.save_dir, *options_.vector_format);
  for (std::int64_t row = 0; row < rows_->rows(); ++row)
    if (rows_->status(row) == RowStatus::kOk && (!names_ || names_->file(row).empty()))
      throw DataError("the row '" + rows_->id(row) + "' of " + options_.input.string() +
                      " names neither audio nor a vector file, so its attributes have no file "
                      "name: leave --format out, then use `balr export --kind binary_attributes`");
}

// Whether everything was there already.
bool Binarization::prepare() {
  if (!options_.save_output) {
    open_ = {{0, info_.total_rows}};
    return false;
  }
  bool done = false;
  all_agree(world_, "looking into the output folder", [&] {
    if (lead()) done = prepare_folder();
  });
  lease_token_ = world_.broadcast(lead() && !done ? folder_->token() : "", 0, "output folder");
  return lease_token_.empty();
}

bool Binarization::prepare_folder() {
  if (folder_->finished(options_.force)) {
    spdlog::info("{} holds all {} rows: nothing to do", folder_->store().string(),
                 info_.total_rows);
    if (names_)
      spdlog::warn(
          "the files of --format are not looked at: `balr export {} --kind "
          "binary_attributes` makes them",
          folder_->path().string());
    folder_->tidy([&] { tick(); });
    if (manifest_) folder_->note_pointer(*manifest_, options_.force);
    return true;
  }
  folder_->open(options_.force, [&] { tick(); });
  const Busy busy(world_, "looking at the parts");
  open_ = parts_->scan();
  write_file_atomically(folder_->path() / "config.yaml", options_.config_yaml);
  folder_->note("running", 0, 0);
  return false;
}

void Binarization::check_ownership() const {
  const bool owned =
      lead() ? folder_->still_owned() : Lease::owned_by(folder_->path(), lease_token_);
  if (!owned)
    throw DataError("another run has taken over " + folder_->path().string() +
                    " while this one was suspended: this one ends");
}

AttributeRows Binarization::encode(Range rows) const {
  AttributeRows out;
  out.attributes = info_.attributes;
  const auto bytes = static_cast<std::size_t>(attribute_bytes(info_.attributes));
  out.bits.resize(static_cast<std::size_t>(rows.size()) * bytes);
  std::vector<float> values;
  std::vector<std::size_t> places;  // in `out`, of the rows that have a vector
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    out.ids.push_back(rows_->id(row));
    out.speakers.push_back(rows_->speaker(row));
    out.status.push_back(static_cast<std::uint8_t>(rows_->status(row)));
    if (rows_->status(row) != RowStatus::kOk) continue;
    const auto vector = rows_->vector(row);
    values.insert(values.end(), vector.begin(), vector.end());
    places.push_back(static_cast<std::size_t>(row - rows.begin));
  }
  std::vector<std::uint8_t> bits(places.size() * bytes);
  encoder_->encode(values, bits);
  for (std::size_t i = 0; i < places.size(); ++i)
    std::copy_n(bits.begin() + static_cast<std::ptrdiff_t>(i * bytes), bytes,
                out.bits.begin() + static_cast<std::ptrdiff_t>(places[i] * bytes));
  return out;
}

// Returns whether it was stopped. A claim takes milliseconds: it is finished before a stop.
bool Binarization::compute() {
  std::int64_t open_rows = 0;
  for (const Range& rows : open_) open_rows += rows.size();
  const std::int64_t before = info_.total_rows - open_rows;
  if (lead())
    spdlog::info("{} rows of {}; {} of them are there already; {} ranks, {} threads each",
                 info_.total_rows, rows_->source(), before, world_.size(), options_.threads);
  ClaimClient claims(world_, open_, parts_->part_size());
  Progress progress("binarize", "rows", before, info_.total_rows, lead());
  bool stop = false;
  while (true) {
    world_.tick();
    if (lead()) progress.update(before + claims.rows_done());
    if (!stop && (stop_.requested() || claims.stopped())) {
      stop = true;
      claims.request_stop();
    }
    if (claims.finished()) break;
    const auto rows = stop ? std::nullopt : claims.next(parts_->part_size());
    if (!rows) {
      std::this_thread::sleep_for(kIdle);
      continue;
    }
    const AttributeRows content = encode(*rows);
    if (options_.save_output) {
      fault_point("binarize.publish", world_.rank(), rows->begin);
      check_ownership();
      parts_->publish(*rows, content);
    }
    claims.done(*rows);
  }
  if (lead()) {
    rows_done_ = before + claims.rows_done();
    progress.finish(rows_done_);
    per_second_ = progress.per_second();
  }
  return stop;
}

ExitCode Binarization::stopped() {
  world_.barrier("everything finished is on the disk");
  if (!lead()) return ExitCode::kOk;
  if (folder_ && folder_->is_open()) {
    const std::string reason = stop_.reason().empty() ? "a signal to another rank" : stop_.reason();
    folder_->note("stopped", rows_done_, per_second_, reason);
    folder_->release();
    spdlog::warn("stopped by {}; what is finished is in {}: run the same command again to go on",
                 reason, folder_->path().string());
  }
  return ExitCode::kStopped;
}

ExitCode Binarization::finish() {
  world_.barrier("all parts are there");
  if (!options_.save_output) {
    if (lead()) spdlog::info("all rows encoded; nothing was saved (--no-save-output)");
    return ExitCode::kOk;
  }
  all_agree(world_, "putting the parts together", [&] {
    if (!lead()) return;
    const Busy busy(world_, "putting the parts together");
    check_ownership();
    fault_point("binarize.merge", world_.rank());
    write_results(*parts_, {info_, *rows_, manifest_, options_.root, folder_->path(),
                            options_.vector_format, names_});
    fault_point("binarize.merged", world_.rank());
    if (manifest_) folder_->note_pointer(*manifest_, options_.force);
    folder_->note("complete", info_.total_rows, per_second_);
    parts_->remove_all();
    folder_->release();
    spdlog::info("{} rows of {} attributes: {}", info_.total_rows, info_.attributes,
                 folder_->store().string());
    if (failed_ > 0)
      spdlog::warn("{} rows have no embedding and so no attributes: see {}", failed_,
                   (folder_->path() / "failures.csv").string());
  });
  return ExitCode::kOk;
}

}  // namespace

ExitCode binarize(const BinarizeOptions& options, World& world, const StopFlag& stop) {
  return Binarization(options, world, stop).run();
}

}  // namespace balr
