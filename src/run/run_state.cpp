#include "balr/run/run_state.hpp"

#include <time.h>

#include <nlohmann/json.hpp>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kName = "run.json";

std::string utc_now() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

RunState started_state(const std::string& command, const std::string& identity, const JobInfo& job) {
  RunState out;
  out.command = command;
  out.identity = identity;
  out.job = job.id;
  out.restart_count = job.restart_count;
  return out;
}

void write_run_state(const fs::path& folder, const RunState& s) {
  const Json json{{"command", s.command},   {"state", s.state},   {"stop_reason", s.stop_reason},
                  {"identity", s.identity}, {"job", s.job},       {"restart_count", s.restart_count},
                  {"done", s.done},         {"failed", s.failed}, {"total", s.total},
                  {"unit", s.unit},         {"per_second", s.per_second},
                  {"version", s.version},   {"updated", utc_now()}};
  write_file_atomically(folder / kName, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<RunState> read_run_state(const fs::path& folder) {
  const fs::path file = folder / kName;
  if (!fs::exists(file)) return std::nullopt;
  try {
    const Json json = Json::parse(read_file(file));
    RunState s;
    s.command = json.at("command");
    s.state = json.at("state");
    s.stop_reason = json.at("stop_reason");
    s.identity = json.at("identity");
    s.job = json.at("job");
    s.restart_count = json.at("restart_count");
    s.done = json.at("done");
    s.failed = json.at("failed");
    s.total = json.at("total");
    s.unit = json.at("unit");
    s.per_second = json.at("per_second");
    s.version = json.at("version");
    return s;
  } catch (const Json::exception& error) {
    throw DataError(file.string() + " cannot be understood (" + error.what() + "): remove it, or choose another --save-dir");
  }
}

}  // namespace balr
