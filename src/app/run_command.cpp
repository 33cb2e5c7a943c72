#include "app/run_command.hpp"

#include <algorithm>

#include "app/config_files.hpp"
#include "app/device_text.hpp"

namespace balr {
namespace {

// --epochs: a key of the configuration is no option.
std::string key_hint(std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  std::ranges::replace(name, '-', '_');
  for (const KeyInfo& key : Config::schema()) {
    const bool same = key.name == name || key.name.ends_with("." + name);
    if (same) return "; it is a key of the configuration: write " + key.name + "=VALUE";
  }
  return "";
}

}  // namespace

void declare_config(OptionList& list, ConfigChoice& choice) {
  list.hint_at_unknown(key_hint);
  list.value("--config-path", choice.path,
             {"PATH", "YAML file, or the folder of --config-name", {}, Completes::kFiles});
  list.value(
      "--config-name", choice.name,
      {"NAME", "YAML file in that folder, or a preset, e.g. recipe", {}, Completes::kPresets});
}

Config make_config(const ConfigChoice& choice, std::span<const std::string> overrides) {
  Config config;
  if (const auto file = find_config_file(choice.path, choice.name)) config.load_yaml(*file);
  config.apply_overrides(overrides);
  return config;
}

void RunCommand::declare_run_options(OptionList& list, const std::string& save_dir_default) {
  list.section("Options of every run");
  list.value("--save-dir", save_dir_,
             {"PATH",
              "folder of the results [default: " + save_dir_default + "]",
              {},
              Completes::kFolders});
  list.value(
      "--device", device_,
      {"TEXT", "cpu, cuda or cuda:N [default: cpu]", {}, Completes::kNothing, {"cpu", "cuda"}});
  list.value("--root-dir", root_dir,
             {"PATH",
              "where relative paths of a CSV start [default: its folder]",
              {},
              Completes::kFolders});
  list.repeated(
      "--audio-formats", formats_,
      {"TEXT",
       "suffix of the files to take from a folder [default: flac mp3 m4a ogg opus wav wma]",
       {},
       Completes::kNothing,
       {"flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"}});
  declare_config(list, file_);
  declare_log(list, log);
}

void RunCommand::declare_stop(OptionList& list) {
  list.value("--stop-before-end", stop_before_end_minutes,
             {"MINUTES", "stop, resumable, so long before the end of the Slurm job"});
}

void RunCommand::declare_save_output(OptionList& list) {
  list.flag_pair("--save-output", save_output_, "--save-output", "write the results");
}

void RunCommand::declare_exist_ok(OptionList& list, const std::string& help) {
  list.flag_pair("--exist-ok", exist_ok_, "--no-exist-ok", help);
}

void RunCommand::finish(std::span<const std::string> overrides) {
  config = make_config(file_, overrides);
  const auto set = [&](const std::string& key, const std::string& value) {
    std::string option = "--" + key;
    std::ranges::replace(option, '_', '-');
    config.set_from_option(key, value, "option " + option);
  };
  if (save_dir_) set("save_dir", *save_dir_);
  if (device_) set("device", *device_);
  if (save_output_) set("save_output", *save_output_ ? "true" : "false");
  if (exist_ok_) set("exist_ok", *exist_ok_ ? "true" : "false");
  std::string formats;
  for (const std::string& format : formats_) formats += (formats.empty() ? "" : ",") + format;
  if (!formats_.empty()) set("audio_formats", formats);

  device = device_text(config.text("device"));
  audio_formats = config.list("audio_formats");
  for (std::string& format : audio_formats)
    if (format.starts_with(".")) format.erase(0, 1);
  if (const auto folder = config.optional_text("save_dir")) save_dir = *folder;
  if (save_dir && save_dir->empty())
    throw ConfigError("Invalid value for '--save-dir': give the name of a folder");
}

}  // namespace balr
