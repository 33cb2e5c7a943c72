#pragma once
#include <cstdint>
#include <string_view>

// What the losses are told (loss.hpp says what they compute).
namespace balr {

// Which triplets a miner keeps; m = d(anchor, negative) - d(anchor, positive).
enum class TripletType {
  kAll,       // m <= margin
  kHard,      // m <= margin, m <= 0
  kSemihard,  // m <= margin, m > 0
  kEasy,      // m > margin
};
TripletType triplet_type(std::string_view name);  // all, hard, ...; throws ConfigError

struct TripletSettings {
  double weight = 1.0;
  double margin = 0.3;  // of the miner
  TripletType type = TripletType::kAll;
  double loss_margin = 0.05;
};

struct ArcFaceSettings {
  double weight = 0.001;
  double margin = 0.3;  // of the miner
  TripletType type = TripletType::kAll;
  std::int64_t classes = 0;  // C: training speakers
};

struct SparsitySettings {
  double weight = 0.0001;
  std::int64_t group_rows = 8;  // M
  std::uint64_t seed = 1234;    // of the targets, uniform in 0 .. M - 1
  bool differentiable = true;   // false: no gradient, as the Python balr
};

}  // namespace balr
