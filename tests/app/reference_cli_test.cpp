// The command line of the Python balr 2.0.0, statement by statement (in quotes): names, defaults,
// repetition, mixing, misuse. click_test.py holds it against click itself.
#include "app/argument_parser.hpp"
#include "app/command_table.hpp"
#include "app/commands/binarize.hpp"
#include "app/commands/score_test.hpp"
#include "app/commands/score_train.hpp"
#include "app/option_list.hpp"
#include "command_line_fixture.hpp"

namespace balr {
namespace {

// A command of the reference: its required positionals, its own options, what is given here to make
// its configuration complete.
struct Reference {
  std::vector<std::string> name;
  std::vector<std::string> positionals;  // as named in messages
  std::vector<std::string> switches;     // "--x+" if on by default, "--x-" if off
  std::string save_dir;                  // default; empty: none
  std::vector<std::string> completing;
};

const std::vector<Reference>& reference() {
  static const std::vector<Reference> commands = {
      {{"extract"}, {"INPUT"}, {"--force-", "--save-output+"}, "", {}},
      {{"binarize"}, {"INPUT"}, {"--force-", "--save-output+", "--exist-ok-"}, "", {}},
      {{"train"}, {"TRAIN", "VAL"}, {"--exist-ok-"}, "runs/train", {}},
      {{"score", "train"}, {"TRAIN"}, {"--exist-ok-"}, "runs/scorer/train", {}},
      {{"score", "test"}, {"TEST", "TRIALS"}, {"--exist-ok-"}, "runs/score", {"scorer=cosine"}},
  };
  return commands;
}

// Sets words without the refusal of commands that are not computed yet.
std::unique_ptr<RunCommand> set(std::vector<std::string> words) {
  const CommandEntry& entry = take_command(words);
  std::unique_ptr<RunCommand> command(dynamic_cast<RunCommand*>(entry.make().release()));
  OptionList list;
  command->declare(list);
  command->finish(set_arguments(list, parse_arguments(list, words)));
  return command;
}

bool switch_value(const RunCommand& command, const std::string& name) {
  if (name == "--save-output") return command.config.flag("save_output");
  if (name == "--exist-ok") return command.config.flag("exist_ok");
  if (const auto* extract = dynamic_cast<const ExtractCommand*>(&command)) return extract->force;
  return dynamic_cast<const BinarizeCommand&>(command).force;
}

class ReferenceCliTest : public CommandLineFixture {
 protected:
  // The command with its positionals, then `more`.
  std::vector<std::string> words(const Reference& command,
                                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> out = command.name;
    for (std::size_t i = 0; i < command.positionals.size(); ++i)
      out.emplace_back(i == 0 ? "a.csv" : "v.csv");
    out.insert(out.end(), more.begin(), more.end());
    out.insert(out.end(), command.completing.begin(), command.completing.end());
    return out;
  }
  void refuses_value(const std::vector<std::string>& words, const std::string& reason) const {
    try {
      set(words);
      ADD_FAILURE() << shown(words) << "is accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos)
          << shown(words) << error.what();
    }
  }
};

// "Common options of all five: --save-dir PATH, --audio-formats TEXT, --root-dir PATH, --device
// TEXT, --config-path TEXT, --config-name TEXT, --help"; besides them those of the table.
TEST_F(ReferenceCliTest, EveryCommandHasItsOptionsAndNoneOfTheOthers) {
  const std::vector<std::string> all = {"--force", "--save-output", "--exist-ok", "--sep"};
  for (const Reference& command : reference()) {
    OptionList list;
    std::vector<std::string> name = command.name;
    const auto made = take_command(name).make();
    made->declare(list);
    for (const char* common : {"--save-dir", "--audio-formats", "--root-dir", "--device",
                               "--config-path", "--config-name"}) {
      ASSERT_NE(list.find(common), nullptr) << command.name.back() << common;
      EXPECT_TRUE(list.find(common)->takes_value);
      EXPECT_EQ(list.find(common)->repeatable, std::string(common) == "--audio-formats");
    }
    for (const std::string& option : all) {
      const bool has = std::ranges::any_of(
          command.switches, [&](const std::string& s) { return s.starts_with(option); });
      const bool separator = option == "--sep" && command.name.back() == "test";
      EXPECT_EQ(list.find(option) != nullptr, has || separator) << command.name.back() << option;
    }
    std::vector<std::string> positionals;
    for (const Argument& argument : list.arguments()) positionals.push_back(argument.name);
    EXPECT_EQ(positionals, command.positionals);
    EXPECT_EQ(
        parse({command.name.front(), command.name.back() == "extract" ? "-h" : "--help"}).exit_code,
        0);
  }
}

// The defaults of the table, "(cpu)", "default flac mp3 m4a ogg opus wav wma" and "Save-dir
// defaults: extract/binarize: none = beside the reference file; train runs/train; score train
// runs/scorer/train; score test runs/score".
TEST_F(ReferenceCliTest, Defaults) {
  for (const Reference& command : reference()) {
    const auto made = set(words(command));
    EXPECT_EQ(made->save_dir.value_or(""), command.save_dir) << command.name.back();
    EXPECT_EQ(made->device, "cpu");
    EXPECT_EQ(made->root_dir, "");
    EXPECT_EQ(made->audio_formats,
              (std::vector<std::string>{"flac", "mp3", "m4a", "ogg", "opus", "wav", "wma"}));
    for (const std::string& option : command.switches)
      EXPECT_EQ(switch_value(*made, option.substr(0, option.size() - 1)), option.back() == '+')
          << command.name.back() << option;
  }
  const auto test = set({"score", "test", "a.csv", "v.csv", "scorer=cosine"});
  EXPECT_EQ(dynamic_cast<const ScoreTestCommand&>(*test).separator, "\t");  // "(one tab character)"
}

// "The last of --force --no-force wins."
TEST_F(ReferenceCliTest, TheLastOfASwitchWins) {
  for (const Reference& command : reference())
    for (const std::string& option : command.switches) {
      const std::string on = option.substr(0, option.size() - 1), off = "--no-" + on.substr(2);
      EXPECT_TRUE(switch_value(*set(words(command, {on})), on));
      EXPECT_FALSE(switch_value(*set(words(command, {off})), on));
      EXPECT_TRUE(switch_value(*set(words(command, {off, on})), on));
      EXPECT_FALSE(switch_value(*set(words(command, {on, off})), on));
      EXPECT_TRUE(switch_value(*set(words(command, {on, off, on})), on));
    }
}

// "Boolean flags take no value: --save-output=false is a usage error, exit 2"
TEST_F(ReferenceCliTest, SwitchesTakeNoValue) {
  for (const Reference& command : reference())
    for (const std::string& option : command.switches) {
      const std::string on = option.substr(0, option.size() - 1);
      for (const char* value : {"=false", "=true", "="})
        refuses(words(command, {on + value}), "'" + on + "' does not take a value");
      refuses(words(command, {"--no-" + on.substr(2) + "=1"}), "does not take a value");
    }
}

// "Options and positionals may be mixed in any order; --opt=value and --opt value both work; --
// ends options."
TEST_F(ReferenceCliTest, MixedInAnyOrder) {
  for (const Reference& command : reference()) {
    const bool two = command.positionals.size() == 2;
    std::vector<std::string> mixed = command.name;
    const std::vector<std::string> second =
        two ? std::vector<std::string>{"v.csv"} : std::vector<std::string>{};
    mixed.insert(mixed.end(), {"--save-dir", "out", "a.csv", "--device=cuda"});
    mixed.insert(mixed.end(), second.begin(), second.end());
    mixed.insert(mixed.end(), {"trainer.seed=5", "--root-dir=r", "--", "trainer.epochs=6"});
    mixed.insert(mixed.end(), command.completing.begin(), command.completing.end());
    const auto made = set(mixed);
    EXPECT_EQ(made->save_dir, "out");
    EXPECT_EQ(made->device, "cuda");
    EXPECT_EQ(made->root_dir, "r");
    EXPECT_EQ(made->config.integer("trainer.seed"), 5);
    EXPECT_EQ(made->config.integer("trainer.epochs"), 6);
  }
}

// "--audio-formats TEXT (repeatable, one value each)"; of the others the last one counts.
TEST_F(ReferenceCliTest, Repeated) {
  for (const Reference& command : reference()) {
    const auto made =
        set(words(command, {"--audio-formats", "wav", "--audio-formats=mp3", "--save-dir", "x",
                            "--save-dir=y", "--root-dir", "x", "--root-dir", "y", "--device", "no",
                            "--device", "cuda:1"}));
    EXPECT_EQ(made->audio_formats, (std::vector<std::string>{"wav", "mp3"}));
    EXPECT_EQ(made->save_dir, "y");
    EXPECT_EQ(made->root_dir, "y");
    EXPECT_EQ(made->device, "cuda:1");
    refuses_value(words(command, {"--audio-formats", "wav", "mp3"}), "mp3");  // an override
  }
}

// "INPUT/TRAIN/VAL/TEST must exist (file or directory, readable), TRIALS must be an existing file:
// otherwise exit 2, message Invalid value for 'INPUT': Path '...' does not exist."; "Missing
// positional: exit 2."
TEST_F(ReferenceCliTest, Positionals) {
  std::filesystem::create_directory("folder");
  for (const Reference& command : reference())
    for (std::size_t i = 0; i < command.positionals.size(); ++i) {
      const std::string& name = command.positionals[i];
      const std::string kind = name == "TRIALS" ? "File" : "Path";
      std::vector<std::string> given = words(command);
      const std::size_t at = command.name.size() + i;
      given[at] = "absent";
      refuses(given, "Invalid value for '" + name + "': " + kind + " 'absent' does not exist.");
      given[at] = "folder";
      if (name == "TRIALS")
        refuses_value(given, "Invalid value for 'TRIALS': File 'folder' is a directory.");
      else
        EXPECT_NO_THROW(set(given)) << shown(given);
      given.resize(at);
      refuses(given, "Missing argument '" + name + "'");
    }
}

// "balr score alone: Missing command., exit 2"; "Without arguments: prints help (exit 2 ...)".
TEST_F(ReferenceCliTest, CommandsMissing) {
  refuses({"score"}, "Missing command");
  refuses({"model"}, "Missing command");
  const Outcome nothing = parse({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_EQ(nothing.out, "");  // click 8.2 and later: on stderr
  EXPECT_NE(nothing.err.find("Usage: balr COMMAND"), std::string::npos);
}

// "Every positional after the required ones is an override."; "argument without = | error".
TEST_F(ReferenceCliTest, Overrides) {
  for (const Reference& command : reference()) {
    EXPECT_EQ(set(words(command, {"data.batch_size=7"}))->config.integer("data.batch_size"), 7);
    refuses(words(command, {"nonsense"}), "nonsense");
    refuses(words(command, {"data.batch_siz=7"}), "did you mean data.batch_size?");
    // "silently overridden by the CLI options": errors here.
    refuses(words(command, {"device=cuda"}), "--device");
    refuses(words(command, {"exist_ok=true"}), "--exist-ok");
    refuses(words(command, {"save_output=false"}), "--save-output");
    // "save_dir=x counts only without --save-dir"
    EXPECT_EQ(set(words(command, {"save_dir=x"}))->save_dir, "x");
    EXPECT_EQ(set(words(command, {"save_dir=x", "--save-dir", "y"}))->save_dir, "y");
  }
}

// "--device is lower-cased and stripped of cuda:, none, brackets, quotes and spaces. cpu (or mps)";
// "0,1 is kept"; "auto-like empty string takes the first GPU or CPU".
TEST_F(ReferenceCliTest, Devices) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"cpu", "cpu"},    {"CPU", "cpu"},         {"mps", "cpu"},        {"cuda", "cuda"},
      {"CUDA", "cuda"},  {"cuda:0", "cuda:0"},   {"0", "cuda:0"},       {"cuda:1", "cuda:1"},
      {"[2]", "cuda:2"}, {"'cuda:3'", "cuda:3"}, {" ( 4 ) ", "cuda:4"}, {"none", ""},
      {"", ""},          {"127", "cuda:127"}};
  for (const Reference& command : reference()) {
    for (const auto& [typed, meant] : table)
      EXPECT_EQ(set(words(command, {"--device", typed}))->device, meant) << typed;
    for (const char* wrong : {"tpu", "cuda:x", "0,", ",0", "1.5", "-1", "1000", "cpu0"})
      refuses_value(words(command, {"--device", wrong}), std::string("'") + wrong + "'");
    refuses_value(words(command, {"--device", "cuda:0,1"}), "mpirun -n 2");
  }
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  EXPECT_EQ(set({"extract", "a.csv", "--device", "cuda:0,1"})->device, "cuda:0,1");
}

// "--sep TEXT (one tab character)"
TEST_F(ReferenceCliTest, Separator) {
  const auto separator = [](const std::string& typed) {
    const auto made = set({"score", "test", "a.csv", "v.csv", "scorer=cosine", "--sep", typed});
    return dynamic_cast<const ScoreTestCommand&>(*made).separator;
  };
  EXPECT_EQ(separator(","), ",");
  EXPECT_EQ(separator("\t"), "\t");
  EXPECT_EQ(separator("\\t"), "\t");
  EXPECT_EQ(separator(" "), " ");
  for (const char* wrong : {"", ",,", "\n", "\"", "é"})
    refuses_value({"score", "test", "a.csv", "v.csv", "scorer=cosine", "--sep", wrong}, "--sep");
}

// Wrong command lines say what is wrong, and help is there for all.
TEST_F(ReferenceCliTest, EveryCommandIsComputed) {
  for (const Reference& command : reference()) {
    EXPECT_NO_THROW(set(words(command)));
    refuses(words(command, {"--frobnicate"}), "No such option '--frobnicate'");
    refuses(words(command, {"scorer.K=a"}), "scorer.K");
    auto help = command.name;
    help.emplace_back("--help");
    EXPECT_EQ(parse(help).out.find("not part of this version yet"), std::string::npos);
    EXPECT_EQ(parse(help).exit_code, 0);
  }
}

// Of the scorers: "p < q is an error", cosine "does not need to be fit, error"; an unfitted one,
// which the reference scores with in silence, is refused.
TEST_F(ReferenceCliTest, Scorers) {
  for (const char* scorer : {"beta", "dna", "speech", "maxllr"}) {
    const std::string chosen = std::string("scorer=") + scorer;
    EXPECT_NO_THROW(set({"score", "train", "a.csv", chosen}));
    refuses_value({"score", "test", "a.csv", "v.csv", chosen}, "scorer.checkpoint_path");
    EXPECT_NO_THROW(
        set({"score", "test", "a.csv", "v.csv", chosen, "scorer.checkpoint_path=s.pt"}));
  }
  refuses_value({"score", "train", "a.csv", "scorer=cosine"}, "does not need to be fit");
  refuses_value({"score", "train", "a.csv", "scorer=maxllr", "scorer.p=0.1", "scorer.q=0.2"},
                "scorer.p must be at least scorer.q");
  refuses_value({"score", "train", "a.csv", "scorer=maxllr", "scorer.f=1.5"}, "scorer.f");
  refuses_value({"score", "train", "a.csv", "scorer=dna", "scorer.drop_in=-0.1"}, "drop_in");
  refuses_value({"score", "train", "a.csv", "scorer.n_iterations=-1"}, "scorer.n_iterations");
  refuses_value({"score", "train", "a.csv", "scorer.n_attributes=0"}, "scorer.n_attributes");
  refuses_value({"score", "train", "a.csv", "scorer.K=3"}, "scorer.K must be 2");
  refuses_value({"score", "train", "a.csv", "scorer.eps=0"}, "scorer.eps");
  refuses_value({"score", "train", "a.csv", "~scorer"}, "needs a scorer");
  refuses_value({"binarize", "a.csv", "~encoder.model"}, "needs encoder.model");
  refuses_value({"binarize", "a.csv", "encoder.model.checkpoint_path="},
                "checkpoint_path is empty");
  refuses_value({"binarize", "a.csv", "encoder.model.internal_dim=0"}, "internal_dim");
  refuses_value({"binarize", "a.csv", "data.batch_size=0"}, "data.batch_size");
}

}  // namespace
}  // namespace balr
