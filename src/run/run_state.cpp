#include "balr/run/run_state.hpp"

#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kName = "run.json";
constexpr const char* kProgressName = "progress.json";

std::string utc_now() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void write_json(const fs::path& file, const Json& json) {
  write_file_atomically(file, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Appends the members, those of tables as name.member.
void flatten(const Json& json, const std::string& prefix, std::vector<std::pair<std::string, std::string>>& out) {
  for (const auto& [name, value] : json.items()) {
    if (value.is_object()) {
      flatten(value, prefix + name + ".", out);
    } else {
      out.emplace_back(prefix + name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
}

std::vector<std::pair<std::string, std::string>> fields_of(const fs::path& file) {
  std::vector<std::pair<std::string, std::string>> out;
  if (!fs::exists(file)) return out;
  try {
    flatten(Json::parse(read_file(file)), "", out);
  } catch (const Json::exception& error) {
    throw DataError(file.string() + " cannot be understood (" + error.what() + "): remove it, or choose another folder");
  }
  return out;
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
                  {"version", s.version},   {"updated", utc_now()}, {"counts", s.counts}};
  write_json(folder / kName, json);
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
    if (json.contains("counts")) s.counts = json.at("counts").get<std::map<std::string, std::int64_t>>();
    return s;
  } catch (const Json::exception& error) {
    throw DataError(file.string() + " cannot be understood (" + error.what() + "): remove it, or choose another --save-dir");
  }
}

void write_progress(const fs::path& folder, const ProgressState& s) {
  write_json(folder / kProgressName,
             Json{{"done", s.done},
                  {"failed", s.failed},
                  {"total", s.total},
                  {"unit", s.unit},
                  {"per_second", s.per_second},
                  {"seconds_left", s.seconds_left},
                  {"busy", s.busy},
                  {"updated", utc_now()}});
}

std::vector<std::pair<std::string, std::string>> run_fields(const fs::path& folder) {
  auto out = fields_of(folder / kName);
  if (out.empty()) return out;
  const auto named = [&](const std::string& name) {
    return std::find_if(out.begin(), out.end(), [&](const auto& field) { return field.first == name; });
  };
  const auto state = named("state");
  const bool running = state != out.end() && state->second == "running";
  for (auto& field : fields_of(folder / kProgressName)) {
    const auto old = named(field.first);
    if (old == out.end()) {
      out.push_back(std::move(field));
    } else if (running) {
      old->second = std::move(field.second);
    }
  }
  return out;
}

}  // namespace balr
