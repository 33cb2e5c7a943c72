#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/epoch_report.hpp"

namespace balr {

// history.jsonl: one JSON object a line and epoch: history.csv's numbers and what depends on the
// machine, such as times. A number that is not finite is null.
class JsonHistory {
 public:
  // Keeps what is there of epochs before `first_epoch` and drops the rest. Throws IoError.
  JsonHistory(std::filesystem::path file, std::vector<std::string> losses,
              std::int64_t first_epoch);
  void add(const EpochReport& report);

 private:
  std::filesystem::path file_;
  std::vector<std::string> losses_;
};

}  // namespace balr
