#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// TensorBoard's event file: what `tensorboard --logdir FOLDER` reads.
namespace balr {

struct HyperParameter {
  std::string name;
  std::variant<double, std::string, bool> value;
};

// Scalars under the tags and steps of the Python balr. One writer per file; every function throws IoError.
class EventFile {
 public:
  // Creates `events.out.tfevents.<unix seconds>.<host>.<pid>.<n>` in `folder`. TensorBoard reads the files of a folder
  // in the order of their names, so the seconds are always later than those of the files already there.
  explicit EventFile(const std::filesystem::path& folder);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void scalar(std::string_view tag, float value, std::int64_t step);
  // For TensorBoard's page of hyper-parameters; of one run, once.
  void hyper_parameters(const std::vector<HyperParameter>& parameters);
  // Tells TensorBoard to forget the points from `step` on of earlier files: the run starts again there.
  void session_start(std::int64_t step);
  // Hands what was added to the system, so that a killed process loses none of it.
  void flush();

  const std::filesystem::path& path() const { return path_; }

 private:
  void add(std::string_view event);

  std::filesystem::path path_;
  std::string pending_;
  int file_ = -1;
};

}  // namespace balr
