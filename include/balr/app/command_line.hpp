#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/config.hpp"

namespace balr {

// What the user asked for, checked as far as that goes without MPI, CUDA or reading data.
struct CommandLine {
  std::string command;                        // extract, train, config, model_init
  std::vector<std::filesystem::path> inputs;  // INPUT | TRAIN VAL | DIR of model init
  std::optional<std::filesystem::path>
      save_dir;  // --save-dir, else save_dir of the configuration; train: runs/train
  std::filesystem::path root_dir;          // empty: the folder of the CSV
  std::vector<std::string> audio_formats;  // suffixes without dot
  bool force = false, save_output = true, exist_ok = false;
  bool resume = true, must_resume = false;  // train
  std::string device = "cpu";               // cpu, cuda, cuda:N
  std::string log_level = "info";
  std::filesystem::path log_dir;                  // empty: no log files
  std::optional<double> stop_before_end_minutes;  // before the end of the Slurm job
  Config config;                                  // defaults < file < overrides < options
  std::filesystem::path audio;                    // model init: CSV or folder
  std::uint64_t seed = 1234;                      // model init
  std::string model = "ResNet34";                 // model init
  bool json = false;                              // config
};

// Nothing: help or the version was printed on stdout, or one line "error: ..." on stderr; leave
// with exit_code.
std::optional<CommandLine> parse_command_line(int argc, char** argv, int& exit_code);

// Version of the program, e.g. 0.1.0.
std::string program_version();

}  // namespace balr
