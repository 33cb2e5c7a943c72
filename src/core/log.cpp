#include "balr/core/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "balr/core/error.hpp"

namespace balr {

void init_log(const LogOptions& options) {
  const auto level = spdlog::level::from_str(options.level);
  if (level == spdlog::level::off && options.level != "off")
    throw ConfigError("unknown log level '" + options.level + "': use trace, debug, info, warn, error or off");

  auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  terminal->set_level(options.rank == 0 ? level : std::max(level, spdlog::level::warn));
  std::vector<spdlog::sink_ptr> sinks{terminal};
  if (!options.folder.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(
          (options.folder / ("rank" + std::to_string(options.rank) + ".log")).string()));
    } catch (const spdlog::spdlog_ex& e) {
      throw IoError("cannot write the log folder " + options.folder.string() + ": " + e.what());
    }
    sinks.back()->set_level(level);
  }
  auto logger = std::make_shared<spdlog::logger>("balr", sinks.begin(), sinks.end());
  logger->set_level(level);
  logger->flush_on(spdlog::level::info);
  const std::string rank = options.size > 1 ? " [" + std::to_string(options.rank) + "]" : "";
  logger->set_pattern("%Y-%m-%d %H:%M:%S" + rank + " %l: %v");
  spdlog::set_default_logger(logger);
}

}  // namespace balr
