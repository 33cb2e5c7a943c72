#include <algorithm>
#include <array>
#include <set>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/weights/state_dict.hpp"
#include "weights/pt_archive.hpp"
#include "weights/pt_state_dict.hpp"
#include "weights/safetensors.hpp"
#include "weights/unpickler.hpp"

namespace balr {
namespace {

constexpr std::array kNestings{"state_dict", "model", "model_state_dict"};

const std::string& key_of(const std::pair<PickleRef, PickleRef>& item) {
  if (const auto* key = std::get_if<std::string>(&item.first->data)) return *key;
  throw DataError("its dict has a key that is not text");
}

bool holds_tensor(const PickleDict& dict) {
  return std::any_of(dict.items.begin(), dict.items.end(),
                     [](const auto& item) { return pickled_tensor(*item.second) != nullptr; });
}

// The dict with the tensors: the outermost one, or the one under a usual name.
const PickleDict& find_tensors(const PickleValue& root) {
  const auto* dict = std::get_if<PickleDict>(&root.data);
  if (!dict) throw DataError("it does not hold a state dict; save it with torch.save(model.state_dict(), file)");
  if (holds_tensor(*dict)) return *dict;
  for (const char* name : kNestings)
    for (const auto& item : dict->items) {
      const auto* inner = std::get_if<PickleDict>(&item.second->data);
      if (inner && key_of(item) == name && holds_tensor(*inner)) return *inner;
    }
  throw DataError("it holds no tensors, neither at the top nor under state_dict, model or model_state_dict");
}

StateDict to_state_dict(const PickleDict& dict) {
  StateDict out;
  std::set<std::string> seen;
  for (const auto& item : dict.items) {
    const std::string& name = key_of(item);
    const auto* tensor = pickled_tensor(*item.second);
    if (!tensor) throw DataError("its entry " + name + " is not a tensor");
    if (!seen.insert(name).second) throw DataError("its entry " + name + " comes twice");
    out.emplace_back(name, *tensor);
  }
  return out;
}

}  // namespace

StateDict parse_pt_state_dict(std::string bytes) {
  PtArchive archive(std::move(bytes));
  const std::string pickle = archive.pickle();
  Unpickler unpickler(pickle, [&](const std::string& key, at::ScalarType type, std::int64_t numel) {
    return archive.storage(key, type, numel);
  });
  return to_state_dict(find_tensors(*unpickler.load()));
}

StateDict read_state_dict(const std::filesystem::path& file) {
  std::string bytes = read_file(file);
  try {
    if (!bytes.starts_with("PK") && (file.extension() == ".safetensors" || looks_like_safetensors(bytes))) {
      StateDict tensors = parse_safetensors(bytes);
      if (tensors.empty()) throw DataError("it holds no tensors");
      return tensors;
    }
    return parse_pt_state_dict(std::move(bytes));
  } catch (const DataError& error) {
    throw DataError("cannot load the weights in " + file.string() + ": " + error.what());
  } catch (const c10::Error& error) {
    throw DataError("cannot load the weights in " + file.string() + ": " + error.what_without_backtrace());
  }
}

}  // namespace balr
