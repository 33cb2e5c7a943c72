#include <spdlog/spdlog.h>

#include "app/files/runs.hpp"
#include "balr/dataset/convert.hpp"

namespace balr {
namespace {

ConvertOptions options_of(const ConvertCommand& command, const std::filesystem::path& folder) {
  ConvertOptions options;
  options.input = command.input;
  options.root = command.root_dir;
  options.open.audio_formats = command.audio_formats;
  options.open.format = command.input_format;
  options.folder = folder;
  options.force = command.force;
  return options;
}

ExitCode report(const ConvertCounts& counts, const std::filesystem::path& folder) {
  spdlog::info("{} vectors are in {}", counts.rows, folder.string());
  if (counts.left_out > 0) spdlog::warn("{} rows have no vector", counts.left_out);
  return ExitCode::kOk;
}

}  // namespace

ExitCode run_export(const ExportCommand& command) {
  ConvertOptions options = options_of(command, command.out);
  if (command.kind == "binary_attributes") options.open.kind = VectorKind::kBinaryAttributes;
  const ExportFormat format = command.format == "pkl"   ? ExportFormat::kPickle
                              : command.format == "txt" ? ExportFormat::kText
                              : command.format == "npy" ? ExportFormat::kNpy
                                                        : ExportFormat::kKaldi;
  return report(export_vectors(options, format), command.out);
}

ExitCode run_import(const ImportCommand& command) {
  const ConvertOptions options = options_of(command, command.save_dir);
  return report(import_vectors(options, BALR_VERSION), command.save_dir);
}

}  // namespace balr
