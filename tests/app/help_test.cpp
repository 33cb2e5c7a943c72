// The help of every command: complete, and its examples are true.
#include "app/help.hpp"

#include "app/argument_parser.hpp"
#include "command_line_fixture.hpp"

namespace balr {
namespace {

using HelpTest = CommandLineFixture;

// Words as a shell would split them; comments and launchers are left out.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, in_word = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted, in_word = true;
    } else if (c == ' ' && !quoted) {
      if (in_word) words.push_back(word);
      word.clear(), in_word = false;
    } else if (c == '#' && !in_word) {
      break;
    } else {
      word += c, in_word = true;
    }
  }
  if (in_word) words.push_back(word);
  return words;
}

// The arguments of balr in an example; empty if it calls something else.
std::vector<std::string> arguments_of(std::string line) {
  for (const char* around : {"source <(", ")"})
    if (const auto at = line.find(around); at != std::string::npos)
      line.erase(at, std::string(around).size());
  std::vector<std::string> words = shell_words(line);
  const auto balr = std::ranges::find(words, "balr");
  if (balr == words.end()) return {};
  return {balr + 1, words.end()};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_F(HelpTest, OfACommandNamesAllThatItTakes) {
  for (const CommandEntry& entry : command_table()) {
    const std::string text = help_text(entry);
    OptionList list;
    const auto command = entry.make();
    command->declare(list);
    for (const Argument& argument : list.arguments()) {
      EXPECT_NE(text.find("\n  " + argument.name + " "), std::string::npos) << text;
      EXPECT_FALSE(argument.value.help.empty()) << entry.info.name << argument.name;
    }
    for (const Option& option : list.options()) {
      EXPECT_NE(text.find("\n  " + option.name), std::string::npos) << text;
      EXPECT_FALSE(option.value.help.empty()) << entry.info.name << option.name;
      EXPECT_NE(text.find(option.off_name), std::string::npos);
      for (const std::string& choice : option.value.choices)
        EXPECT_NE(text.find(choice), std::string::npos) << entry.info.name << choice;
      EXPECT_EQ(option.takes_value, !option.value.type.empty()) << option.name;
    }
    EXPECT_TRUE(text.starts_with("Usage: balr " + entry.info.name)) << text;
    EXPECT_NE(text.find(entry.info.summary), std::string::npos);
    EXPECT_EQ(text.find("OVERRIDES") != std::string::npos, entry.info.overrides);
    for (const std::string& line : lines_of(text.substr(0, text.find("Examples:"))))
      EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST_F(HelpTest, EveryCommandHasExamplesThatParse) {
  for (const char* folder : {"speech", "attributes/test", "embeddings/test", "runs/lr", "dev", "test",
                             "case", "small"})
    std::filesystem::create_directories(folder);
  for (const char* file : {"dev.csv", "test.csv", "trials.tsv", "trials.csv", "trials.txt",
                           "dev/scores.csv", "test/scores.csv", "case/scores.csv",
                           "small/scores.csv", "runs/lr/calibration.json"})
    std::ofstream(file) << "audio\n";
  setenv("SHELL", "/bin/bash", 1);
  for (const CommandEntry& entry : command_table()) {
    bool own = false;
    for (const std::string& line : lines_of(entry.info.examples)) {
      const std::vector<std::string> words = arguments_of(line);
      if (words.empty()) continue;
      std::vector<std::string> rest = words;
      if (std::ranges::count(rest, "--config-name") != 0)  // presets lie beside the program
        rest.insert(rest.end(),
                    {"--config-path", std::string(std::getenv("BALR_SOURCE_DIR")) + "/configs"});
      const CommandEntry& named = take_command(rest);
      own = own || &named == &entry;
      const auto command = named.make();
      OptionList list;
      command->declare(list);
      const ParsedArguments parsed = parse_arguments(list, rest);
      try {
        if (!parsed.help) command->finish(set_arguments(list, parsed));
      } catch (const PathError&) {  // of files that commands of other modules name
        if (entry.info.group == Group::kWork) ADD_FAILURE() << line;
      } catch (const Error& error) {
        ADD_FAILURE() << line << "\n" << error.what();
      }
    }
    EXPECT_TRUE(own) << entry.info.name << " has no example of its own";
  }
}

TEST_F(HelpTest, OfTheProgramListsAllCommandsInGroups) {
  const std::string text = parse({"--help"}).out;
  EXPECT_EQ(text, parse({"-h"}).out);
  EXPECT_EQ(text, help_text());
  std::size_t last = 0;
  for (const CommandEntry& entry : command_table()) {
    const std::size_t at = text.find("\n  " + entry.info.name + " ");
    if (entry.info.hidden) continue;
    ASSERT_NE(at, std::string::npos) << entry.info.name;
    EXPECT_GT(at, last) << entry.info.name << " stands in a place of its own in the table";
    last = at;
    EXPECT_EQ(text.find("(not yet)", at) < text.find('\n', at + 1), entry.info.planned)
        << entry.info.name;
    EXPECT_FALSE(entry.info.summary.ends_with(".")) << entry.info.summary;
  }
  for (const char* heading : {"\nWork:\n", "\nModels:\n", "\nHelp:\n", "\nOptions:\n"})
    EXPECT_NE(text.find(heading), std::string::npos) << heading;
  for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), 100u) << line;
}

TEST_F(HelpTest, HelpOfACommandOrAGroupByName) {
  EXPECT_EQ(help_of({"train"}), parse({"train", "--help"}).out);
  EXPECT_EQ(help_of({"score", "test"}), parse({"score", "test", "x", "--help"}).out);
  EXPECT_EQ(help_of({"score"}), parse({"score", "--help"}).out);
  EXPECT_NE(help_of({"score"}).find("score train"), std::string::npos);
  EXPECT_EQ(help_of({"score"}).find("extract"), std::string::npos);
  EXPECT_EQ(help_of({}), parse({"--help"}).out);
  EXPECT_EQ(accepts({"help", "score", "test"}).line->info->name, "help");
  EXPECT_EQ(parse({"--version"}).out, "balr " + program_version() + "\n");
}

}  // namespace
}  // namespace balr
