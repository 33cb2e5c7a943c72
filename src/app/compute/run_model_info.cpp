#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/compute/runs.hpp"
#include "balr/speech/model_summary.hpp"
#include "balr/speech/resnet_config.hpp"
#include "balr/weights/hub_cache.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// A folder of train has a config.yaml too, of another kind.
bool is_resnet_config(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return false;
  try {
    read_resnet_config(file);
    return true;
  } catch (const DataError&) {
    return false;
  }
}

ModelFiles find_files(const ModelInfoCommand& command) {
  std::error_code ignored;
  if (!fs::is_regular_file(command.model, ignored)) {
    ModelRequest request;
    request.repo = command.model;
    request.revision = command.revision;
    request.model_name = command.model_name;
    request.config_name = command.config_name;
    return find_model(request, process_environment());
  }
  // A file alone: the configuration is beside it, if it has one.
  ModelFiles files;
  files.weights = command.model;
  const fs::path beside = files.weights.parent_path() / command.config_name;
  if (is_resnet_config(beside)) files.config = beside;
  return files;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t n : shape) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return text.empty() ? "scalar" : text;
}

void print_json(const ModelSummary& summary, const std::string& revision) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
  for (const TensorSummary& tensor : summary.tensors)
    tensors.push_back({{"name", tensor.name}, {"dtype", tensor.type}, {"shape", tensor.shape}});
  nlohmann::ordered_json out = {{"file", summary.file.string()},
                                {"format", summary.format},
                                {"bytes", summary.bytes},
                                {"sha256", summary.sha256},
                                {"revision", nullptr},
                                {"architecture", nullptr},
                                {"fits", nullptr},
                                {"parameters", summary.parameters},
                                {"buffers", summary.buffers},
                                {"ignored", summary.ignored},
                                {"tensors", tensors}};
  if (!revision.empty()) out["revision"] = revision;
  if (!summary.architecture.empty()) out["architecture"] = summary.architecture, out["fits"] = summary.trouble.empty();
  std::cout << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

void print_text(const ModelSummary& summary, const ModelFiles& files) {
  std::size_t width = 0;
  for (const TensorSummary& tensor : summary.tensors) width = std::max(width, tensor.name.size());
  std::cout << "file          " << summary.file.string() << '\n';
  if (!files.revision.empty()) std::cout << "revision      " << files.revision << '\n';
  std::cout << "format        " << summary.format << ", " << summary.bytes << " bytes\n"
            << "sha256        " << summary.sha256 << '\n'
            << "architecture  " << (summary.architecture.empty() ? "not known" : summary.architecture) << '\n'
            << "parameters    " << summary.parameters << '\n'
            << "buffers       " << summary.buffers << '\n';
  if (summary.ignored > 0) std::cout << "ignored       " << summary.ignored << " in projection.*\n";
  std::cout << "tensors       " << summary.tensors.size() << '\n';
  for (const TensorSummary& tensor : summary.tensors)
    std::cout << "  " << std::left << std::setw(static_cast<int>(width) + 2) << tensor.name << std::setw(10) << tensor.type
              << shape_text(tensor.shape) << '\n';
}

}  // namespace

ExitCode run_model_info(const ModelInfoCommand& command) {
  const ModelFiles files = find_files(command);
  if (!files.note.empty()) std::cerr << "note: " << files.note << '\n';
  const ModelSummary summary = summarize_model(files.weights, files.config);
  if (command.json)
    print_json(summary, files.revision);
  else
    print_text(summary, files);
  if (!summary.trouble.empty()) throw DataError("cannot use the model file " + summary.file.string() + ": " + summary.trouble);
  return ExitCode::kOk;
}

}  // namespace balr
