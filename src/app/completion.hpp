#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace balr {

// What a shell may offer for a word that is being typed.
struct Completion {
  enum class Kind { kWords, kFiles, kFolders };
  struct Candidate {
    std::string word;  // the whole word; one that ends in = or is an open list goes on
    std::string help;
    bool goes_on = false;
  };
  Kind kind = Kind::kWords;
  std::string kept;  // of files and folders: the start of the word that comes before the path
  std::vector<Candidate> candidates;  // all start with what is typed
};

// Completes the last of `words`, which come after the name of the program; it may be empty.
Completion complete(std::span<const std::string> words);

// One line with the kind (words, files, folders), one with `kept`, then a line for each candidate:
// word, tab, "+" if it goes on, tab, help. The scripts of `balr completion` read it.
std::string to_lines(const Completion& completion);

// The script for "bash" or "zsh".
std::string completion_script(const std::string& shell);

}  // namespace balr
