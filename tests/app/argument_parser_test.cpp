// The grammar of options and arguments, on a command line made for it.
#include "app/argument_parser.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/golden.hpp"

namespace balr {
namespace fs = std::filesystem;
namespace {

struct Made {
  std::string in, mode = "slow";
  std::filesystem::path out = "there";
  std::optional<std::string> name;
  std::optional<std::filesystem::path> folder;
  std::optional<double> minutes;
  std::uint64_t count = 3;
  std::vector<std::string> tags = {"one", "two"}, more;
  bool quiet = false, keep = true;
  std::optional<bool> maybe;
  std::vector<std::string> rest;
  bool help = false;
};

Made parse(const std::vector<std::string>& words) {
  Made made;
  OptionList list;
  list.argument("IN", made.in, {"", "input"});
  list.value("--mode", made.mode, {"MODE", "how", {"slow", "fast"}});
  list.value("--out", made.out, {"PATH", "where"});
  list.value("--name", made.name, {"NAME", "who"});
  list.value("--folder", made.folder, {"PATH", "where"});
  list.value("--minutes", made.minutes, {"M", "when"});
  list.value("--count", made.count, {"N", "how many"});
  list.repeated("--tag", made.tags, {"TAG", "which"});
  list.flag("--quiet", made.quiet, "no words");
  list.flag_pair("--keep", made.keep, "keeps");
  list.flag_pair("--maybe", made.maybe, "", "perhaps");
  const ParsedArguments parsed = parse_arguments(list, words);
  made.help = parsed.help;
  if (!made.help) made.rest = set_arguments(list, parsed);
  return made;
}

void refuses(const std::vector<std::string>& words, const std::string& message) {
  try {
    parse(words);
    ADD_FAILURE() << message << " was expected";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(ArgumentParser, Defaults) {
  const Made made = parse({"x"});
  EXPECT_EQ(made.in, "x");
  EXPECT_EQ(made.mode, "slow");
  EXPECT_EQ(made.out, "there");
  EXPECT_FALSE(made.name || made.folder || made.minutes || made.maybe);
  EXPECT_EQ(made.count, 3u);
  EXPECT_EQ(made.tags, (std::vector<std::string>{"one", "two"}));
  EXPECT_FALSE(made.quiet);
  EXPECT_TRUE(made.keep);
  EXPECT_TRUE(made.rest.empty());
}

TEST(ArgumentParser, ValuesBehindASpaceOrAnEqualSign) {
  for (const bool equal : {false, true}) {
    const auto option = [&](const std::string& name, const std::string& value) {
      return equal ? std::vector<std::string>{name + "=" + value}
                   : std::vector<std::string>{name, value};
    };
    std::vector<std::string> words = {"x"};
    for (const auto& part :
         {option("--mode", "FAST"), option("--out", "o=p,[q]"), option("--name", "--x=y"),
          option("--folder", "-f"), option("--minutes", "2.5"),
          option("--count", "18446744073709551615"), option("--tag", "t"), option("--tag", "")})
      words.insert(words.end(), part.begin(), part.end());
    const Made made = parse(words);
    EXPECT_EQ(made.mode, "fast");
    EXPECT_EQ(made.out, "o=p,[q]");
    EXPECT_EQ(made.name, "--x=y");
    EXPECT_EQ(made.folder, "-f");
    EXPECT_EQ(made.minutes, 2.5);
    EXPECT_EQ(made.count, 18446744073709551615u);
    EXPECT_EQ(made.tags, (std::vector<std::string>{"t", ""}));
  }
}

TEST(ArgumentParser, OfOneGivenTwiceTheLastCountsAndIsLookedAtAlone) {
  EXPECT_EQ(parse({"x", "--mode=fast", "--mode=slow"}).mode, "slow");
  EXPECT_EQ(parse({"x", "--mode=wrong", "--mode=fast"}).mode, "fast");
  refuses({"x", "--mode=fast", "--mode=wrong"}, "'wrong' is not one of slow, fast");
  EXPECT_EQ(parse({"x", "--count=y", "--count", "7"}).count, 7u);
  EXPECT_FALSE(parse({"x", "--keep", "--no-keep"}).keep);
  EXPECT_TRUE(parse({"x", "--no-keep", "--keep"}).keep);
  EXPECT_EQ(parse({"x", "--no-maybe"}).maybe, false);
  EXPECT_EQ(parse({"x", "--no-maybe", "--maybe"}).maybe, true);
}

TEST(ArgumentParser, PositionalsInAnyOrder) {
  EXPECT_EQ(parse({"--quiet", "x", "--count", "4", "y", "z"}).rest,
            (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(parse({"--", "--quiet", "--", "-x"}).in, "--quiet");
  EXPECT_EQ(parse({"--", "--quiet", "--", "-x"}).rest, (std::vector<std::string>{"--", "-x"}));
  EXPECT_EQ(parse({"-"}).in, "-");
  EXPECT_EQ(parse({""}).in, "");
  refuses({}, "Missing argument 'IN'");
  refuses({"--quiet"}, "Missing argument 'IN'");
  refuses({"--"}, "Missing argument 'IN'");
}

TEST(ArgumentParser, NamesAreNeverAbbreviatedAndTheNearestIsNamed) {
  refuses({"x", "--qui"}, "No such option '--qui'; did you mean --quiet?");
  refuses({"x", "--cuont=3"}, "No such option '--cuont'; did you mean --count?");
  refuses({"x", "--no-kep"}, "did you mean --no-keep?");
  refuses({"x", "-quiet"}, "No such option '-quiet'; did you mean --quiet?");
  refuses({"x", "--KEEP"}, "No such option '--KEEP'");
  refuses({"x", "--halp"}, "did you mean --help?");
  refuses({"x", "--mniuets"}, "did you mean --minutes?");  // two swaps
  refuses({"x", "-1"}, "No such option '-1'; see --help, or put -- before a path like that");
  refuses({"x", "--no-quiet"}, "No such option '--no-quiet'");
  refuses({"x", "--no-count=3"}, "No such option '--no-count'");
}

TEST(ArgumentParser, MissingValues) {
  for (const char* name : {"--mode", "--out", "--count", "--tag"}) {
    const std::string message = std::string("Option '") + name + "' requires an argument";
    refuses({"x", name}, message);
    // Unlike click, which would take these for the value.
    refuses({name, "--quiet", "x"}, message);
    refuses({name, "--no-keep", "x"}, message);
    refuses({name, "--count=3", "x"}, message);
    refuses({name, "--", "x"}, message);
  }
  EXPECT_EQ(parse({"--name=--quiet", "x"}).name, "--quiet");
  EXPECT_EQ(parse({"--name", "-x", "x"}).name, "-x");
}

TEST(ArgumentParser, ValuesThatDoNotFit) {
  for (const char* word : {"", "-1", "1.5", "1e3", "0x10", "18446744073709551616", "7 ", "seven"})
    refuses({"x", std::string("--count=") + word}, "Invalid value for '--count'");
  for (const char* word : {"", "-1", "nan", "inf", "soon", "1,5", "1 "})
    refuses({"x", std::string("--minutes=") + word}, "Invalid value for '--minutes'");
  EXPECT_EQ(parse({"x", "--minutes=0"}).minutes, 0);
  EXPECT_EQ(parse({"x", "--minutes=1e2"}).minutes, 100);
  refuses({"x", "--out="}, "Invalid value for '--out': '' is not a path");
  refuses({"x", "--folder", ""}, "Invalid value for '--folder'");
  refuses({"x", "--quiet=yes"}, "Option '--quiet' does not take a value");
  refuses({"x", "--help=yes"}, "Option '--help' does not take a value");
}

// Click looks at --help once the words are sorted, and before their values.
TEST(ArgumentParser, HelpComesBeforeValuesAndAfterGrammar) {
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_TRUE(parse({"x", "--count=y", "-h"}).help);
  refuses({"--help", "--nothing-like-it"}, "No such option");
  EXPECT_FALSE(parse({"--", "--help"}).help);
}

// As another user, since root may read everything.
TEST(ArgumentParser, UnreadablePaths) {
  const test::TempDir folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  fs::permissions(".", fs::perms::all);
  for (const char* name : {"file", "readable"}) std::ofstream(name) << "x";
  fs::create_directory("closed");
  fs::permissions("file", fs::perms::none);
  fs::permissions("closed", fs::perms::none);
  const pid_t child = fork();
  if (child == 0) {
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(9);
    const auto refused = [](const char* name, PathCheck check) {
      try {
        check_path("INPUT", name, check);
      } catch (const PathError& error) {
        return std::string(error.what()).ends_with(std::string("'") + name + "' is not readable.");
      }
      return false;
    };
    if (!refused("file", PathCheck::kExists) || !refused("closed", PathCheck::kExists)) _exit(1);
    if (!refused("file", PathCheck::kExistingFile)) _exit(2);
    check_path("INPUT", "readable", PathCheck::kExistingFile);
    check_path("DIR", "file", PathCheck::kAny);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::permissions("closed", fs::perms::owner_all);
  fs::current_path(before);
}

TEST(ArgumentParser, TwoOptionsOfOneNameAreAMistakeOfOurs) {
  bool a = false, b = false;
  OptionList list;
  list.flag("--same", a, "");
  EXPECT_THROW(list.flag("--same", b, ""), InternalError);
}

TEST(ArgumentParser, OptionalArgumentsAndTheRest) {
  std::string shell, first;
  std::vector<std::string> words;
  OptionList list;
  list.argument("FIRST", first, {"", ""});
  list.optional_argument("SHELL", shell, {"", "", {"bash", "zsh"}});
  list.rest("WORDS", words, {"", ""});
  const auto set = [&](const std::vector<std::string>& given) {
    shell.clear(), words.clear();
    return set_arguments(list, parse_arguments(list, given));
  };
  EXPECT_TRUE(set({"a"}).empty());
  EXPECT_EQ(shell, "");
  EXPECT_TRUE(set({"a", "BASH", "c", "--", "--d"}).empty());
  EXPECT_EQ(shell, "bash");
  EXPECT_EQ(words, (std::vector<std::string>{"c", "--d"}));
  EXPECT_THROW(set({"a", "fish"}), ConfigError);
}

}  // namespace
}  // namespace balr
