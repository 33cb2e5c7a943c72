#include "balr/speech/model_summary.hpp"

#include <algorithm>
#include <fstream>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"
#include "balr/speech/resnet.hpp"
#include "balr/weights/state_dict.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

std::string type_text(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return "float32";
    case at::kDouble: return "float64";
    case at::kHalf: return "float16";
    case at::kBFloat16: return "bfloat16";
    case at::kLong: return "int64";
    case at::kInt: return "int32";
    case at::kShort: return "int16";
    case at::kChar: return "int8";
    case at::kByte: return "uint8";
    case at::kBool: return "bool";
    default: return at::toString(type);
  }
}

bool is_buffer(const std::string& name) {
  return name.ends_with(".running_mean") || name.ends_with(".running_var") || name.ends_with(".num_batches_tracked");
}

bool is_ignored(const std::string& name) { return name.starts_with("projection.") || name.starts_with("module.projection."); }

std::string describe(const ResnetConfig& config) {
  return config.name + ": " + std::to_string(config.feat_dim) + " mel bins, embeddings of " + std::to_string(config.embed_dim) +
         ", pooling " + config.pooling + ", " + (config.two_emb_layer ? "two layers" : "one layer") + " behind the pooling";
}

// The first and last layers tell the sizes.
std::string describe_autoencoder(const StateDict& tensors) {
  const auto shape = [&](const char* name) -> at::IntArrayRef {
    for (const auto& [found, tensor] : tensors)
      if (found == name && tensor.dim() == 2) return tensor.sizes();
    return {};
  };
  const auto first = shape("encoder.0.weight"), last = shape("decoder.2.weight");
  if (tensors.size() != 13 || first.empty() || last.empty() || first[1] != last[0]) return "";
  return "auto-encoder: embeddings of " + std::to_string(first[1]) + ", " + std::to_string(first[0]) + " binary attributes";
}

std::string trouble_with(const ResnetConfig& config, const StateDict& tensors) {
  try {
    const Resnet network(config, tensors, {at::kCPU, at::kFloat, Convolutions::kLibrary});
    return "";
  } catch (const DataError& error) {
    return error.what();
  }
}

std::string format_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  char start[2] = {};
  in.read(start, 2);
  return start[0] == 'P' && start[1] == 'K' ? "pt" : "safetensors";
}

}  // namespace

ModelSummary summarize_model(const fs::path& weights, const fs::path& config) {
  const StateDict tensors = read_state_dict(weights);
  ModelSummary out;
  out.file = weights;
  out.format = format_of(weights);
  out.sha256 = sha256_of_file(weights);
  out.bytes = fs::file_size(weights);
  for (const auto& [name, tensor] : tensors) {
    out.tensors.push_back({name, type_text(tensor.scalar_type()), tensor.sizes().vec()});
    (is_ignored(name) ? out.ignored : is_buffer(name) ? out.buffers : out.parameters) += tensor.numel();
  }
  out.architecture = describe_autoencoder(tensors);
  if (!out.architecture.empty() || config.empty()) return out;
  const ResnetConfig architecture = read_resnet_config(config);
  out.architecture = describe(architecture);
  out.trouble = trouble_with(architecture, tensors);
  return out;
}

}  // namespace balr
