// What is offered is what the parser takes. The shells' side is tested in completion_shell_test.py.
#include "app/completion.hpp"

#include "app/argument_parser.hpp"
#include "app/command_table.hpp"
#include "app/complete_override.hpp"
#include "balr/core/config.hpp"
#include "command_line_fixture.hpp"

namespace balr {
namespace {

using CompletionTest = CommandLineFixture;
using Kind = Completion::Kind;

std::vector<std::string> offered(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const auto& candidate : complete(words).candidates) out.push_back(candidate.word);
  return out;
}

using Words = std::vector<std::string>;

TEST_F(CompletionTest, EveryCommandIsOfferedAndTaken) {
  const Words first = offered({""});
  for (const CommandEntry& entry : command_table()) {
    if (entry.info.hidden) continue;
    const std::string word = entry.info.name.substr(0, entry.info.name.find(' '));
    EXPECT_EQ(std::ranges::count(first, word), 1) << word;
    if (word == entry.info.name) continue;
    const Words second = offered({word, ""});
    EXPECT_EQ(std::ranges::count(second, entry.info.name.substr(word.size() + 1)), 1);
  }
  for (const std::string& word : first)
    EXPECT_TRUE(find_command(word) != nullptr || !subcommands(word).empty()) << word;
  EXPECT_EQ(offered({"scor"}), Words{"score"});
  EXPECT_EQ(offered({"help", "score", "te"}), Words{"test"});
  EXPECT_EQ(offered({"nonsense", ""}), Words{});
  EXPECT_EQ(offered({"score", "nonsense", ""}), Words{});
  EXPECT_EQ(offered({}), Words{});
  EXPECT_EQ(offered({"--vers"}), Words{"--version"});
}

TEST_F(CompletionTest, EveryOptionIsOfferedAndTaken) {
  for (const CommandEntry& entry : command_table()) {
    OptionList list;
    const auto command = entry.make();
    command->declare(list);
    Words words;
    std::stringstream name(entry.info.name);
    for (std::string word; name >> word;) words.push_back(word);
    words.emplace_back("--");
    Words expected = {"--help"};
    for (const Option& option : list.options()) {
      expected.push_back(option.name);
      if (!option.off_name.empty()) expected.push_back(option.off_name);
    }
    Words found = offered(words);
    std::ranges::sort(found);
    std::ranges::sort(expected);
    EXPECT_EQ(found, expected) << entry.info.name;
  }
}

TEST_F(CompletionTest, ValuesOfOptions) {
  EXPECT_EQ(offered({"train", "--log-level", "e"}), Words{"error"});
  EXPECT_EQ(offered({"train", "--log-level=e"}), Words{"--log-level=error"});
  EXPECT_EQ(offered({"train", "--device="}), (Words{"--device=cpu", "--device=cuda"}));
  EXPECT_EQ(offered({"train", "--force=", ""}), Words{});
  EXPECT_EQ(offered({"completion", ""}), (Words{"bash", "zsh"}));
  EXPECT_EQ(complete(Words{"train", "--save-dir", ""}).kind, Kind::kFolders);
  EXPECT_EQ(complete(Words{"train", "--save-dir=x"}).kept, "--save-dir=");
  EXPECT_EQ(complete(Words{"train", "--config-path", ""}).kind, Kind::kFiles);
  EXPECT_EQ(complete(Words{"train", "--exist-ok", ""}).kind, Kind::kFiles);  // TRAIN
  EXPECT_EQ(complete(Words{"train", "--", "--de"}).kind, Kind::kFiles);      // TRAIN
  EXPECT_EQ(complete(Words{"train", "a", ""}).kind, Kind::kFiles);           // VAL
  EXPECT_EQ(complete(Words{"train", "a", "b", ""}).kind, Kind::kWords);      // an override
  EXPECT_EQ(complete(Words{"train", "a", "--seed"}).candidates.size(), 0u);
}

TEST_F(CompletionTest, EveryKeyIsOfferedAndTaken) {
  Words selected = {"trainer.losses=[mse,triplet,sparsity,arcface]"};
  std::size_t keys = 0;
  for (const auto& candidate : complete_override("").candidates) {
    ASSERT_TRUE(candidate.word.ends_with("=") && candidate.goes_on) << candidate.word;
    EXPECT_FALSE(candidate.help.empty());
    const std::string name = candidate.word.substr(0, candidate.word.size() - 1);
    const auto key = std::ranges::find(Config::schema(), name, &KeyInfo::name);
    if (key == Config::schema().end()) continue;  // a group
    ++keys;
    Words overrides = selected;
    if (!key->options.empty() && name.starts_with("scorer."))
      overrides.push_back("scorer=" + key->options[0]);
    overrides.push_back(candidate.word + key->default_value);
    EXPECT_NO_THROW(Config().apply_overrides(overrides)) << candidate.word;
  }
  EXPECT_EQ(keys, Config::schema().size() - 5);  // four are options, one is added with +
}

TEST_F(CompletionTest, AddedAndRemoved) {
  for (const std::string sign : {"+", "++", "~"}) {
    const auto offers = complete_override(sign).candidates;
    EXPECT_GT(offers.size(), 0u);
    for (const auto& candidate : offers) {
      ASSERT_TRUE(candidate.word.starts_with(sign));
      Words values = {candidate.word};
      if (candidate.goes_on && complete_override(candidate.word).candidates.empty())
        values = {candidate.word + (candidate.word.ends_with("_dir=") ? "x" : "1")};
      else if (candidate.goes_on)
        values = {complete_override(candidate.word).candidates.back().word};
      const bool selected = values[0].find("scorer.") != std::string::npos ||
                            values[0].find("losses.") != std::string::npos;
      if (selected) continue;
      EXPECT_NO_THROW(Config().apply_overrides(values)) << values[0];
    }
  }
}

TEST_F(CompletionTest, EveryValueOfAKeyIsTaken) {
  std::size_t values = 0;
  const auto all = [&](const std::string& key) {
    for (const auto& candidate : complete_override(key + "=").candidates) {
      ++values;
      const Words overrides = {"trainer.losses=[mse,triplet,sparsity,arcface]", candidate.word};
      EXPECT_NO_THROW(Config().apply_overrides(overrides)) << candidate.word;
    }
  };
  for (const KeyInfo& key : Config::schema())
    if (key.options.empty() || key.name.starts_with("trainer.losses.")) all(key.name);
  for (const char* group : {"trainer.losses", "scorer"}) all(group);
  EXPECT_GT(values, 20u);
}

TEST_F(CompletionTest, GroupsAndLists) {
  EXPECT_EQ(offered({"config", "scorer="}), (Words{"scorer=beta", "scorer=dna", "scorer=speech",
                                                   "scorer=maxllr", "scorer=cosine",
                                                   "scorer=embedding_cosine"}));
  EXPECT_EQ(offered({"config", "trainer.losses="}).size(), 4u);
  EXPECT_EQ(offered({"config", "trainer.losses=[mse,"}),
            (Words{"trainer.losses=[mse,triplet", "trainer.losses=[mse,sparsity",
                   "trainer.losses=[mse,arcface"}));
  EXPECT_EQ(offered({"config", "trainer.losses=[ms"}), Words{"trainer.losses=[mse"});
  EXPECT_EQ(offered({"config", "++data.M_"}), Words{"++data.M_samples_per_class="});
  EXPECT_EQ(offered({"config", "~scor"}).front(), "~scorer");
  EXPECT_EQ(offered({"config", "data.shuffle="}),
            (Words{"data.shuffle=true", "data.shuffle=false"}));
  EXPECT_EQ(offered({"config", "data.batch_size="}), Words{});
  EXPECT_EQ(complete(Words{"config", "embeddings.model.model_repo=x"}).kind, Kind::kFiles);
  EXPECT_EQ(complete(Words{"config", "embeddings.model.model_repo=x"}).kept,
            "embeddings.model.model_repo=");
}

TEST_F(CompletionTest, LinesForTheScripts) {
  EXPECT_EQ(to_lines({Kind::kFolders, "--x=", {{"a=", "help", true}, {"b", "", false}}}),
            "folders\n--x=\na=\t+\thelp\nb\t\t\n");
  EXPECT_EQ(to_lines({}), "words\n\n");
  EXPECT_NE(completion_script("bash").find("complete -F _balr balr"), std::string::npos);
  EXPECT_TRUE(completion_script("zsh").starts_with("#compdef balr\n"));
}

TEST_F(CompletionTest, CommandLine) {
  refuses({"completion", "fish"}, "'fish' is not one of bash, zsh");
  refuses({"completion", "bash", "x"}, "unexpected extra argument 'x'");
  refuses({"completion", "bash", "--install", "--complete"}, "exclude each other");
  setenv("SHELL", "/bin/fish", 1);
  refuses({"completion"}, "balr completion bash");
  unsetenv("SHELL");
  refuses({"completion"}, "Missing argument 'SHELL'");
  setenv("SHELL", "/usr/bin/zsh", 1);
  accepts({"completion"});
  // The reference's names for it.
  EXPECT_EQ(accepts({"--show-completion", "bash"}).line->info->name, "completion");
  EXPECT_EQ(accepts({"--install-completion"}).line->info->name, "completion");
}

}  // namespace
}  // namespace balr
