#pragma once
#include <functional>
#include <span>
#include <string>
#include <type_traits>

#include "balr/app/command_line.hpp"
#include "balr/core/error.hpp"

namespace balr {

// A command and the function that does it; each program has a table of them. `With` is what the
// program gives the function besides the command.
template <class... With>
struct Runner {
  std::string name;
  std::function<ExitCode(const Command&, With...)> run;
};

// runner(run_train): the command is known from the function's first parameter.
template <class C, class... With>
Runner<With...> runner(ExitCode (*function)(const C&, With...)) {
  return {C::info().name, [function](const Command& command, With... with) {
            return function(dynamic_cast<const C&>(command), with...);
          }};
}

// The function of a command, nullptr if the table lacks it.
template <class... With>
const Runner<With...>* find_runner(std::span<const Runner<With...>> table,
                                   const std::string& name) {
  for (const Runner<With...>& entry : table)
    if (entry.name == name) return &entry;
  return nullptr;
}

// The main function of a program whose commands need neither MPI nor its likes: runs the one that
// the arguments ask for; errors become a line on stderr and an exit code.
int run_single(int argc, char** argv, std::span<const Runner<>> table);
// The same for a command line that is parsed already.
int run_single(const CommandLine& line, std::span<const Runner<>> table);

}  // namespace balr
