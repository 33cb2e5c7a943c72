#pragma once
#include <filesystem>
#include <span>
#include <string>

// A command of balr: what it takes, and what the user asked for. src/app/command_table.cpp lists
// them and says how to add one.
namespace balr {

class OptionList;

// The program that runs a command. `balr` parses every command line; what it does not answer
// itself it hands over, by exec with the same arguments, so that nobody pays for libraries that he
// does not use. Under mpirun or srun, kFiles and kCompute run in the first process alone.
enum class Program {
  kFront,    // balr: the configuration and small files; no HDF5, LibTorch, MPI, CUDA
  kFiles,    // balr-files: HDF5, audio and network too; no LibTorch, MPI, CUDA
  kCompute,  // balr-compute: LibTorch too; MPI is not started
  kRanks,    // balr-compute on all ranks, over MPI
};

// Headings of `balr --help`, in this order.
enum class Group { kWork, kFiles, kModels, kHelp };

struct CommandInfo {
  std::string name;  // as typed: "train", "model init"
  Group group = Group::kWork;
  Program program = Program::kFront;
  std::string summary;      // one line, no full stop
  std::string description;  // of --help: lines of at most 80 columns
  std::string examples;     // of --help: lines as they would be typed
  bool overrides = false;   // what follows the positionals is overrides of the configuration
  bool planned = false;     // checked like any other, then refused: not part of this version yet
  bool hidden = false;      // not listed
};

// Where messages go; add its options with declare_log().
struct LogChoice {
  std::string level = "info";
  std::filesystem::path folder;  // of one file per rank; empty: none
};

// What the user asked for: a class per command holds its arguments and options as typed members,
// whose initial values are the defaults.
class Command {
 public:
  virtual ~Command() = default;
  // Binds each argument and option to its member.
  virtual void declare(OptionList& list) = 0;
  // Called once all are set: what they say together. Throws ConfigError.
  virtual void finish(std::span<const std::string> /*overrides*/) {}

  LogChoice log;
};

}  // namespace balr
