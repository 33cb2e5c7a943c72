#include "train/shared_state.hpp"

#include <ATen/ATen.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "balr/core/error.hpp"
#include "balr/dist/world.hpp"

namespace balr {
namespace {

using Json = nlohmann::json;

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

Json layout(const StateDict& state) {
  Json entries = Json::array();
  for (const auto& [name, tensor] : state)
    entries.push_back({{"name", name}, {"type", static_cast<int>(tensor.scalar_type())}, {"shape", tensor.sizes().vec()}});
  return entries;
}

StateDict empty_state(const Json& entries) {
  StateDict state;
  for (const Json& entry : entries) {
    const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
    const auto type = static_cast<at::ScalarType>(entry.at("type").get<int>());
    state.emplace_back(entry.at("name").get<std::string>(), at::empty(shape, type));
  }
  return state;
}

void make_contiguous(StateDict& state) {
  for (auto& [name, tensor] : state) tensor = tensor.to(at::kCPU).contiguous();
}

}  // namespace

std::optional<Checkpoint> broadcast_checkpoint(World& world, std::optional<Checkpoint> checkpoint) {
  if (world.size() == 1) return checkpoint;
  std::string description;
  if (world.rank() == 0 && checkpoint) {
    make_contiguous(checkpoint->model);
    make_contiguous(checkpoint->optimizer);
    const Json json{{"meta", to_text(checkpoint->meta)},
                    {"model", layout(checkpoint->model)},
                    {"optimizer", layout(checkpoint->optimizer)}};
    description = json.dump();
  }
  description = world.broadcast(description, 0, "checkpoint description");
  if (description.empty()) return std::nullopt;
  if (world.rank() != 0) {
    const Json json = Json::parse(description);
    checkpoint = Checkpoint{meta_from_text(json.at("meta")), empty_state(json.at("model")), empty_state(json.at("optimizer"))};
  }
  for (StateDict* state : {&checkpoint->model, &checkpoint->optimizer})
    for (auto& [name, tensor] : *state) world.broadcast_bytes(bytes_of(tensor), 0, "checkpoint tensor");
  return checkpoint;
}

// Four chains of multiply and mix over 64-bit words: as fast as memory, and every flipped bit changes it.
std::uint64_t digest(const StateDict& state) {
  constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15ull;
  std::uint64_t lanes[4] = {1, 2, 3, 4};
  const auto mix = [&](std::span<const std::byte> bytes) {
    for (std::size_t at = 0, lane = 0; at < bytes.size(); at += 8, lane = (lane + 1) & 3) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
      lanes[lane] = (lanes[lane] ^ word) * kPrime;
      lanes[lane] ^= lanes[lane] >> 29;
    }
  };
  for (const auto& [name, tensor] : state) {
    mix(std::as_bytes(std::span(name.data(), name.size())));
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    mix(bytes_of(host));
  }
  std::uint64_t hash = 0;
  for (const std::uint64_t lane : lanes) hash = (hash ^ lane) * kPrime;
  return hash ^ (hash >> 32);
}

void check_equal_weights(World& world, const StateDict& weights, std::int64_t step) {
  if (world.size() == 1) return;
  const auto digests = world.all_gather(std::to_string(digest(weights)), "digest of the weights");
  std::map<std::string, int> votes;
  for (const std::string& text : digests) ++votes[text];
  if (votes.size() == 1) return;
  const auto most = std::max_element(votes.begin(), votes.end(), [](auto& a, auto& b) { return a.second < b.second; });
  std::string odd;
  for (std::size_t rank = 0; rank < digests.size(); ++rank)
    if (digests[rank] != most->first) odd += (odd.empty() ? "" : ", ") + std::to_string(rank);
  throw InternalError("after step " + std::to_string(step) + " the weights of rank " + odd +
                      " differ from the others'; nothing was saved since the last check: start the same command again, and if "
                      "it happens again suspect the memory of that node");
}

}  // namespace balr
