// What the Python test runs: `state_dict_tool copy FROM TO` reads and writes; `check FILE` prints the error, if any.
#include <cstdio>
#include <string>

#include "balr/core/error.hpp"
#include "balr/weights/state_dict.hpp"

int main(int argc, char** argv) {
  const std::string task = argc > 2 ? argv[1] : "";
  try {
    if (task == "copy" && argc == 4) {
      balr::write_state_dict(argv[3], balr::read_state_dict(argv[2]));
    } else if (task == "check" && argc == 3) {
      for (const auto& [name, tensor] : balr::read_state_dict(argv[2])) std::printf("%s\n", name.c_str());
    } else {
      std::fprintf(stderr, "usage: state_dict_tool copy FROM TO | check FILE\n");
      return 2;
    }
  } catch (const balr::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
