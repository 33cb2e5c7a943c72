#include <algorithm>
#include <iostream>

#include "app/front/runs.hpp"
#include "balr/run/run_state.hpp"

namespace balr {

ExitCode run_status(const StatusCommand& command) {
  const auto fields = run_fields(command.folder);
  if (fields.empty())
    throw DataError("there is no run.json in " + command.folder.string() +
                    ": it is not the output folder of `balr extract` or `balr train`");
  if (command.field.empty()) {
    for (const auto& [name, value] : fields) std::cout << name << ": " << value << '\n';
    return ExitCode::kOk;
  }
  const auto found =
      std::ranges::find(fields, command.field, [](const auto& field) { return field.first; });
  if (found == fields.end()) {
    std::string names;
    for (const auto& [name, value] : fields) names += (names.empty() ? "" : ", ") + name;
    throw ConfigError("there is no field " + command.field + "; choose one of " + names);
  }
  std::cout << found->second << '\n';
  return ExitCode::kOk;
}

}  // namespace balr
