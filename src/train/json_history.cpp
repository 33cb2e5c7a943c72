#include "train/json_history.hpp"

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

using Json = nlohmann::ordered_json;

// The lines of epochs before this one; a line that a killed run left half-written is none.
std::string kept_lines(const std::filesystem::path& file, std::int64_t first_epoch) {
  if (first_epoch == 0 || !std::filesystem::exists(file)) return {};
  std::istringstream lines(read_file(file));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("epoch") && json["epoch"].is_number_integer() &&
        json["epoch"] < first_epoch)
      kept += line + "\n";
  }
  return kept;
}

}  // namespace

JsonHistory::JsonHistory(std::filesystem::path file, std::vector<std::string> losses,
                         std::int64_t first_epoch)
    : file_(std::move(file)), losses_(std::move(losses)) {
  write_file_atomically(file_, kept_lines(file_, first_epoch));
}

void JsonHistory::add(const EpochReport& report) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  Json json{{"epoch", report.epoch}};
  for (std::size_t i = 0; i < report.train.size(); ++i)
    json["train"][losses_[i]] = report.train[i];
  for (std::size_t i = 0; i < report.test.size(); ++i)
    if (report.test[i]) json["test"][losses_[i]] = *report.test[i];
  if (!report.test.empty()) json["best"] = report.best;
  if (report.codes)
    json["codes"] = {{"always_on", report.codes->always_on},
                     {"never_on", report.codes->never_on},
                     {"entropy", report.codes->entropy}};
  json["learning_rate"] = report.learning_rate;
  json["gradient_norm"] = report.gradient_norm;
  json["time"] = now.count();
  json["seconds"] = report.seconds;
  json["rows_per_second"] = report.rows_per_second;
  std::ofstream out(file_, std::ios::app);
  out << json.dump() << "\n";
  if (!out.flush()) throw IoError("cannot write " + file_.string());
}

}  // namespace balr
