#include "app/command_options.hpp"

#include <CLI/CLI.hpp>

namespace balr {
namespace {

template <class T>
void add_value(CLI::App& app, const std::string& name, std::optional<T>& target,
               const std::string& type, const std::string& help) {
  app.add_option_function<T>(
         name, [&target](const T& value) { target = value; }, help)
      ->type_name(type)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// --name and --no-name, of which the last one wins.
void add_switch(CLI::App& app, const std::string& name, std::optional<bool>& target,
                const std::string& help) {
  app.add_flag_function(
         "--" + name + ",!--no-" + name, [&target](std::int64_t sum) { target = sum > 0; }, help)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->disable_flag_override();
}

void add_flag(CLI::App& app, const std::string& name, bool& target, const std::string& help) {
  app.add_flag(name, target, help)->disable_flag_override();
}

void add_config_options(CLI::App& app, TypedOptions& options) {
  add_value(app, "--config-path", options.config_path, "PATH",
            "YAML file, or the folder of --config-name");
  add_value(app, "--config-name", options.config_name, "NAME",
            "YAML file in that folder, or a preset: recipe, smoke");
}

void add_log_options(CLI::App& app, TypedOptions& options) {
  add_value(app, "--log-level", options.log_level, "LEVEL",
            "trace, debug, info (default), warn, error or off");
  add_value(app, "--log-dir", options.log_dir, "PATH", "folder for one log file per rank");
}

void add_run_options(CLI::App& app, TypedOptions& options) {
  add_value(app, "--save-dir", options.save_dir, "PATH", "folder of the results");
  app.add_option(
         "--audio-formats", options.audio_formats,
         "suffix of files to take from a folder, repeatable (flac mp3 m4a ogg opus wav wma)")
      ->type_name("TEXT")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_value(app, "--root-dir", options.root_dir, "PATH",
            "where relative paths of the CSV start (its own folder)");
  add_value(app, "--device", options.device, "TEXT", "cpu (default), cuda or cuda:N");
  add_value(app, "--stop-before-end", options.stop_before_end, "MINUTES",
            "stop, resumable, so long before the end of the Slurm job");
  add_config_options(app, options);
  add_log_options(app, options);
}

void add_extract_options(CLI::App& app, TypedOptions& options) {
  add_run_options(app, options);
  add_switch(app, "force", options.force, "replace results of another configuration");
  add_switch(app, "save-output", options.save_output, "write the results (default)");
}

void add_train_options(CLI::App& app, TypedOptions& options) {
  add_run_options(app, options);
  add_switch(app, "exist-ok", options.exist_ok,
             "use exactly --save-dir; refuse another run's folder");
  add_switch(app, "resume", options.resume, "continue the same run if it is unfinished (default)");
  add_flag(app, "--must-resume", options.must_resume, "fail if there is nothing to continue");
}

void add_show_options(CLI::App& app, TypedOptions& options) {
  add_flag(app, "--json", options.json, "one flat JSON object");
  add_config_options(app, options);
}

void add_init_options(CLI::App& app, TypedOptions& options) {
  add_value(app, "--audio", options.audio, "PATH",
            "CSV or folder of speech, from which the statistics are taken");
  add_value(app, "--seed", options.seed, "N", "of the random weights (1234)");
  add_value(app, "--model", options.model, "NAME", "architecture (ResNet34)");
  add_log_options(app, options);
}

}  // namespace

const std::vector<CommandInfo>& commands() {
  static const std::vector<CommandInfo> list = {
      {"extract",
       "extract",
       {"INPUT"},
       true,
       "Speaker embeddings of speech files",
       add_extract_options},
      {"train",
       "train",
       {"TRAIN", "VAL"},
       true,
       "Train a binary-attribute auto-encoder",
       add_train_options},
      {"config",
       "config",
       {},
       true,
       "Print the configuration and where each value comes from",
       add_show_options},
      {"model init",
       "model_init",
       {"DIR"},
       false,
       "Make an untrained speaker model, for tests",
       add_init_options},
  };
  return list;
}

}  // namespace balr
