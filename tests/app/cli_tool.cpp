// Parses command lines for click_test.py: one JSON list of arguments a line on stdin, one JSON
// object with the outcome a line on stdout.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/argument_parser.hpp"
#include "app/command_table.hpp"
#include "app/commands/binarize.hpp"
#include "app/commands/extract.hpp"
#include "app/commands/score_test.hpp"
#include "app/commands/score_train.hpp"
#include "app/commands/train.hpp"

namespace balr {
namespace {

using Json = nlohmann::json;

Json common(const RunCommand& command) {
  Json out;
  out["save_dir"] = command.save_dir ? Json(command.save_dir->string()) : Json();
  out["root_dir"] = command.root_dir.empty() ? Json() : Json(command.root_dir.string());
  out["device"] = command.device;
  out["audio_formats"] = command.audio_formats;
  out["seed"] = command.config.integer("trainer.seed");
  return out;
}

Json values(const Command& command) {
  Json out = common(dynamic_cast<const RunCommand&>(command));
  if (const auto* c = dynamic_cast<const ExtractCommand*>(&command))
    out.update(
        {{"input", c->input.string()}, {"force", c->force}, {"save_output", c->save_output}});
  if (const auto* c = dynamic_cast<const BinarizeCommand*>(&command))
    out.update({{"input", c->input.string()},
                {"force", c->force},
                {"save_output", c->save_output},
                {"exist_ok", c->config.flag("exist_ok")}});
  if (const auto* c = dynamic_cast<const TrainCommand*>(&command))
    out.update({{"train", c->train_input.string()},
                {"val", c->test_input.string()},
                {"exist_ok", c->exist_ok}});
  if (const auto* c = dynamic_cast<const ScoreTrainCommand*>(&command))
    out.update({{"train", c->input.string()}, {"exist_ok", c->exist_ok}});
  if (const auto* c = dynamic_cast<const ScoreTestCommand*>(&command))
    out.update({{"test", c->input.string()},
                {"trials", c->trials.string()},
                {"exist_ok", c->exist_ok},
                {"sep", c->separator}});
  return out;
}

// As parse_command_line, but commands that are not computed yet are parsed as well.
Json outcome(std::vector<std::string> words) {
  try {
    if (words.empty()) return {{"exit", 2}};
    if (asks_for_group(words)) return {{"exit", 0}, {"help", true}};
    const CommandEntry& entry = take_command(words);
    const auto command = entry.make();
    OptionList list;
    command->declare(list);
    const ParsedArguments parsed = parse_arguments(list, words);
    if (parsed.help) return {{"exit", 0}, {"help", true}};
    command->finish(set_arguments(list, parsed));
    return {{"exit", 0}, {"command", entry.info.name}, {"values", values(*command)}};
  } catch (const Error& error) {
    return {{"exit", static_cast<int>(error.code())}, {"error", error.what()}};
  }
}

}  // namespace
}  // namespace balr

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << balr::outcome(balr::Json::parse(line).get<std::vector<std::string>>()).dump()
              << std::endl;
  return 0;
}
