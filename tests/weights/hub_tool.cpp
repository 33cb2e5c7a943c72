// What the Python test runs: `hub_tool fetch|find REPO [REVISION [MODEL_NAME [CONFIG_NAME [MODEL_DIR]]]]`. Prints the
// weights, the configuration and the commit, a line each; notes and errors go to stderr.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "balr/core/error.hpp"
#include "balr/weights/hub_fetch.hpp"

int main(int argc, char** argv) {
  const std::string task = argc > 2 ? argv[1] : "";
  if (task != "fetch" && task != "find") {
    std::fprintf(stderr, "usage: hub_tool fetch|find REPO [REVISION [MODEL_NAME [CONFIG_NAME [MODEL_DIR]]]]\n");
    return 2;
  }
  balr::ModelRequest request;
  request.repo = argv[2];
  std::string* const rest[] = {&request.revision, &request.model_name, &request.config_name, &request.model_dir};
  for (int i = 3; i < argc && i < 7; ++i) *rest[i - 3] = argv[i];
  balr::FetchOptions options;
  options.attempts = 3;
  options.first_pause = 0.01;
  balr::FetchEvents events;
  events.note = [](const std::string& message) { std::fprintf(stderr, "note: %s\n", message.c_str()); };
  try {
    const balr::Environment environment = balr::process_environment();
    const balr::ModelFiles files = task == "fetch" ? balr::fetch_model(request, environment, options, events)
                                                   : balr::find_model(request, environment);
    std::printf("%s\n%s\n%s\n", files.weights.c_str(), files.config.c_str(), files.revision.c_str());
    if (!files.note.empty()) std::fprintf(stderr, "note: %s\n", files.note.c_str());
  } catch (const balr::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
