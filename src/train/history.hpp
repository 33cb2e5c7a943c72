#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

// history.csv: one row per epoch, columns that depend on the run's configuration and data only (no times), so that two
// correct runs write the same bytes.
namespace balr {

class History {
 public:
  // `losses` are the tags without train/ and test/: total_loss first. Columns: epoch, train/<loss> ..., test/<loss> ...
  // `offset` = length in bytes up to which the file is kept (0: a new file); what a killed run wrote behind it is cut off.
  // Throws IoError; DataError if the file's columns are others or it is shorter than `offset`.
  History(std::filesystem::path file, std::span<const std::string> losses, std::int64_t offset);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // Adds a row; `test` is empty for an epoch without validation, and lacks what validation leaves
  // out: empty cells. Values as text that reads back to the same float.
  void add(std::int64_t epoch, std::span<const float> train,
           std::span<const std::optional<float>> test);
  std::int64_t offset() const { return offset_; }
  // Makes the rows so far survive a loss of power.
  void sync();

 private:
  void append(const std::string& text);

  std::filesystem::path file_;
  std::size_t losses_ = 0;
  std::int64_t offset_ = 0;
  int handle_ = -1;
};

}  // namespace balr
