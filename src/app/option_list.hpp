#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/error.hpp"

namespace balr {

// What a path given as an argument must be.
enum class PathCheck {
  kExists,        // a file or a folder, readable
  kExistingFile,  // a file, readable
  kAny,           // will be made, or is checked later
};

// What the shell offers for a value.
enum class Completes { kNothing, kFiles, kFolders, kPresets };

// How a value is shown and checked.
struct ValueInfo {
  std::string type;                       // in the help: PATH, N, ...
  std::string help;                       // one line, no full stop; the default is added
  std::vector<std::string> choices = {};  // all that is allowed, in any case; empty: anything
  Completes completes = Completes::kNothing;
  std::vector<std::string> suggests = {};  // offered by the shell besides `choices`, not checked
};

// Something of this machine's file system is missing; on other machines it may be there.
struct PathError : ConfigError {
  using ConfigError::ConfigError;
};

// Throws PathError: "Invalid value for 'INPUT': Path '...' does not exist." and the like.
void check_path(const std::string& what, const std::filesystem::path& path, PathCheck check);

struct Argument {
  std::string name;                             // INPUT
  ValueInfo value;                              // its type is not shown
  bool required = true;                         // optional ones are declared last
  bool repeatable = false;                      // takes all that follow
  std::function<void(const std::string&)> set;  // throws ConfigError
};

struct Option {
  std::string name;      // --save-dir
  std::string off_name;  // --no-force; empty if it is no pair
  ValueInfo value;
  bool takes_value = true;
  bool repeatable = false;                      // else the last one wins
  std::string default_value;                    // as shown; empty: none
  std::string section;                          // heading in the help
  std::function<void(const std::string&)> set;  // of a switch: "on" or "off". Throws ConfigError
};

// The arguments and options of one command. The members they are bound to must outlive the list;
// what they hold at that time is the default.
class OptionList {
 public:
  // Options declared from here on are shown below this heading.
  void section(std::string heading) { section_ = std::move(heading); }

  void argument(std::string name, std::filesystem::path& target, PathCheck check, std::string help);
  void argument(std::string name, std::string& target, ValueInfo info);
  // Those that may be left out, after the others: one; any number.
  void optional_argument(std::string name, std::string& target, ValueInfo info);
  void rest(std::string name, std::vector<std::string>& target, ValueInfo info);

  // --name VALUE or --name=VALUE.
  void value(std::string name, std::string& target, ValueInfo info);
  void value(std::string name, std::filesystem::path& target, ValueInfo info);
  void value(std::string name, std::uint64_t& target, ValueInfo info);
  void value(std::string name, std::optional<std::string>& target, ValueInfo info);
  void value(std::string name, std::optional<std::filesystem::path>& target, ValueInfo info);
  void value(std::string name, std::optional<double>& target, ValueInfo info);
  // One value each time; given once, it replaces the default.
  void repeated(std::string name, std::vector<std::string>& target, ValueInfo info);
  // --name
  void flag(std::string name, bool& target, std::string help);
  // --name and --no-name, of which the last one wins.
  void flag_pair(std::string name, bool& target, std::string help);
  void flag_pair(std::string name, std::optional<bool>& target, std::string default_value,
                 std::string help);

  // What to say of an option that there is not; "" for nothing in particular.
  using Hint = std::string (*)(std::string name);
  void hint_at_unknown(Hint function) { hint_ = function; }
  std::string hint(const std::string& name) const { return hint_ ? hint_(name) : ""; }

  const std::vector<Argument>& arguments() const { return arguments_; }
  const std::vector<Option>& options() const { return options_; }
  // The option that is written so, nullptr if there is none.
  const Option* find(const std::string& name) const;

 private:
  Option& add(std::string name, ValueInfo info, std::string default_value);
  void add_text(std::string name, std::string& target, ValueInfo info, bool required);
  Hint hint_ = nullptr;
  std::string section_ = "Options";
  std::vector<Argument> arguments_;
  std::vector<Option> options_;
};

// --log-level and --log-dir.
struct LogChoice;
void declare_log(OptionList& list, LogChoice& log);

}  // namespace balr
