#include "balr/app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "app/command_options.hpp"
#include "app/config_files.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace fs = std::filesystem;
namespace {

constexpr int kUsage = static_cast<int>(ExitCode::kUsage);

// Something of this machine's file system is missing; on other machines it may be there.
struct PathError : ConfigError {
  using ConfigError::ConfigError;
};

// Under a launcher every process parses the same arguments; the first one speaks for all.
bool speaks() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (const char* rank = std::getenv(name)) return std::string_view(rank) == "0";
  return true;
}

void print_help() {
  std::cout
      << "balr: speaker embeddings and binary attributes of speech, on one machine or many\n\n"
         "Usage: balr COMMAND ... (under mpirun or srun for many processes)\n\nCommands:\n";
  for (const CommandInfo& command : commands()) {
    std::string usage = command.name;
    for (const std::string& name : command.positionals) usage += " " + name;
    if (command.overrides) usage += " [OVERRIDES...]";
    usage.resize(std::max<std::size_t>(usage.size() + 2, 34), ' ');
    std::cout << "  " << usage << command.help << '\n';
  }
  std::cout
      << "\nOptions:\n  --help                            this text; after a command: its options\n"
         "  --version                         the version\n\n"
         "Overrides are key=value, e.g. trainer.epochs=200; `balr config` lists all keys.\n";
}

[[noreturn]] void refuse_command(const std::string& name) {
  static constexpr std::array<std::string_view, 6> kPlanned = {"binarize", "score",  "export",
                                                               "import",   "status", "verify"};
  if (std::ranges::count(kPlanned, name) != 0)
    throw ConfigError("the command " + name + " is not part of this version yet");
  throw ConfigError("there is no command '" + name + "'; `balr --help` lists them");
}

// The command that the arguments start with; removes its words from them.
const CommandInfo& take_command(std::vector<std::string>& arguments) {
  const std::string first = arguments.front();
  const std::string two = first + (arguments.size() > 1 ? " " + arguments[1] : "");
  for (const CommandInfo& command : commands()) {
    if (command.name != first && command.name != two) continue;
    arguments.erase(arguments.begin(), arguments.begin() + (command.name == first ? 1 : 2));
    return command;
  }
  if (first == "model")
    throw ConfigError(
        "balr model has the command init only; write balr model init DIR --audio PATH");
  if (first.starts_with("-"))
    throw ConfigError("there is no option '" + first + "' before a command; see `balr --help`");
  refuse_command(first);
}

// A switch takes no value: --force=yes.
void refuse_switch_values(const CLI::App& app, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::size_t equal = argument.find('=');
    if (!argument.starts_with("--") || equal == std::string::npos) continue;
    const std::string name = argument.substr(0, equal);
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option != nullptr && option->get_items_expected_max() == 0)
      throw ConfigError("the option " + name + " takes no value");
  }
}

// Parses options; returns the positionals in order. What follows `--` is positional whatever it
// looks like.
std::vector<std::string> parse_options(CLI::App& app, std::vector<std::string> arguments) {
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> literal(mark == arguments.end() ? mark : mark + 1, arguments.end());
  arguments.erase(mark, arguments.end());
  refuse_switch_values(app, arguments);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  app.allow_extras();
  app.parse(arguments);
  std::vector<std::string> positionals = app.remaining();
  for (const std::string& argument : positionals)
    if (argument.size() > 1 && argument[0] == '-')
      throw ConfigError("there is no option '" + argument +
                        "' here; see --help, or put -- before a path like that");
  positionals.insert(positionals.end(), literal.begin(), literal.end());
  return positionals;
}

void require_path(const std::string& what, const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw PathError("Invalid value for '" + what + "': Path '" + path + "' does not exist.");
}

std::string checked_device(std::string device) {
  std::ranges::transform(device, device.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string number = device.starts_with("cuda:") ? device.substr(5) : "";
  const bool numbered = !number.empty() && number.size() <= 3 &&
                        number.find_first_not_of("0123456789") == std::string::npos;
  if (device != "cpu" && device != "cuda" && !numbered)
    throw ConfigError(
        "Invalid value for '--device': '" + device +
        "' is not cpu, cuda or cuda:N; for several GPUs start one process for each (mpirun, srun)");
  return device;
}

std::string checked_level(const std::string& level) {
  static constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info",
                                                              "warn",  "error", "off"};
  if (std::ranges::count(kLevels, level) == 0)
    throw ConfigError("Invalid value for '--log-level': '" + level +
                      "' is not trace, debug, info, warn, error or off");
  return level;
}

void take_positionals(const CommandInfo& command, const std::vector<std::string>& positionals,
                      CommandLine& line) {
  const std::size_t needed = command.positionals.size();
  if (positionals.size() < needed)
    throw ConfigError("Missing argument '" + command.positionals[positionals.size()] +
                      "'; see `balr " + command.name + " --help`");
  for (std::size_t i = 0; i < needed; ++i) {
    if (command.id != "model_init") require_path(command.positionals[i], positionals[i]);
    line.inputs.emplace_back(positionals[i]);
  }
  if (!command.overrides && positionals.size() > needed)
    throw ConfigError("unexpected argument '" + positionals[needed] + "'; see `balr " +
                      command.name + " --help`");
}

// Defaults < file < overrides < options.
void build_config(const TypedOptions& typed, std::span<const std::string> overrides,
                  Config& config) {
  if (const auto file = find_config_file(typed.config_path, typed.config_name))
    config.load_yaml(*file);
  config.apply_overrides(overrides);
  const auto set = [&](const char* key, const std::string& value, const std::string& option) {
    config.set_from_option(key, value, "option " + option);
  };
  if (typed.save_dir) set("save_dir", *typed.save_dir, "--save-dir");
  if (typed.device) set("device", *typed.device, "--device");
  if (typed.save_output) set("save_output", *typed.save_output ? "true" : "false", "--save-output");
  if (typed.exist_ok) set("exist_ok", *typed.exist_ok ? "true" : "false", "--exist-ok");
  std::string formats;
  for (const std::string& format : typed.audio_formats)
    formats += (formats.empty() ? "" : ",") + format;
  if (!typed.audio_formats.empty()) set("audio_formats", formats, "--audio-formats");
}

void check_model(const Config& config) {
  if (!config.has("embeddings.model"))
    throw ConfigError("extract needs embeddings.model; leave out ~embeddings.model");
  if (config.optional_text("embeddings.model.model_dir"))
    throw ConfigError(
        "embeddings.model.model_dir is not part of this version yet; set HF_HUB_CACHE to the "
        "folder "
        "that keeps models, or give the model's folder as embeddings.model.model_repo");
}

// What the configuration and the options say together.
void resolve(const TypedOptions& typed, CommandLine& line) {
  line.device = checked_device(line.config.text("device"));
  line.audio_formats = line.config.list("audio_formats");
  for (std::string& format : line.audio_formats)
    if (format.starts_with(".")) format.erase(0, 1);
  line.save_output = line.config.flag("save_output");
  line.exist_ok = line.config.flag("exist_ok");
  if (const auto folder = line.config.optional_text("save_dir")) line.save_dir = *folder;
  if (line.command == "extract") check_model(line.config);
  if (line.command == "train" && !line.save_dir) line.save_dir = "runs/train";
  if (line.save_dir && line.save_dir->empty())
    throw ConfigError("Invalid value for '--save-dir': give the name of a folder");
  line.root_dir = typed.root_dir.value_or("");
  line.log_dir = typed.log_dir.value_or("");
  line.log_level = checked_level(typed.log_level.value_or("info"));
  line.force = typed.force.value_or(false);
  line.must_resume = typed.must_resume;
  line.resume = typed.resume.value_or(true);
  if (line.must_resume && !line.resume)
    throw ConfigError("--must-resume and --no-resume exclude each other; give one of them");
  line.stop_before_end_minutes = typed.stop_before_end;
  const double minutes = typed.stop_before_end.value_or(0);
  if (!std::isfinite(minutes) || minutes < 0)
    throw ConfigError("Invalid value for '--stop-before-end': give minutes, e.g. 5");
  line.json = typed.json;
}

void resolve_model_init(const TypedOptions& typed, CommandLine& line) {
  if (!typed.audio) throw ConfigError("Missing option '--audio'; give a CSV or a folder of speech");
  require_path("--audio", *typed.audio);
  line.audio = *typed.audio;
  line.seed = typed.seed.value_or(line.seed);
  line.model = typed.model.value_or(line.model);
}

CommandLine parse_command(const CommandInfo& command, CLI::App& app,
                          const std::vector<std::string>& arguments) {
  TypedOptions typed;
  command.add_options(app, typed);
  const std::vector<std::string> positionals = parse_options(app, arguments);
  CommandLine line;
  line.command = command.id;
  take_positionals(command, positionals, line);
  const std::span<const std::string> overrides =
      std::span(positionals).subspan(command.positionals.size());
  build_config(typed, overrides, line.config);
  resolve(typed, line);
  if (line.command == "model_init") resolve_model_init(typed, line);
  return line;
}

void print_error(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::cerr << "error: " + text + "\n";
}

}  // namespace

std::string program_version() { return BALR_VERSION; }

std::optional<CommandLine> parse_command_line(int argc, char** argv, int& exit_code) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  exit_code = 0;
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    print_help();
    exit_code = arguments.empty() ? kUsage : 0;
    return std::nullopt;
  }
  if (arguments[0] == "--version") {
    std::cout << "balr " << program_version() << '\n';
    return std::nullopt;
  }
  CLI::App app;
  try {
    const CommandInfo& command = take_command(arguments);
    std::string usage = "balr " + command.name;
    for (const std::string& name : command.positionals) usage += " " + name;
    app.name(command.overrides ? usage + " [OVERRIDES...]" : usage);
    app.description(command.help);
    return parse_command(command, app, arguments);
  } catch (const CLI::CallForHelp&) {
    if (speaks()) std::cout << app.help();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (speaks()) print_error(error.what());
    exit_code = kUsage;
  } catch (const PathError& error) {
    print_error(error.what());
    exit_code = kUsage;
  } catch (const Error& error) {
    if (speaks()) print_error(error.what());
    exit_code = static_cast<int>(error.code());
  }
  return std::nullopt;
}

}  // namespace balr
