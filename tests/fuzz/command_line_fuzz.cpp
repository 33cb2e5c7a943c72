// Words of any bytes, one a line, are parsed or refused with an error of one line; and whatever is
// offered to complete them starts with what is typed.
#include <cstdint>
#include <cstdlib>

#include "app/argument_parser.hpp"
#include "app/command_table.hpp"
#include "app/completion.hpp"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void parse(std::vector<std::string> words) {
  try {
    if (balr::asks_for_group(words)) return;
    const auto command = balr::take_command(words).make();
    balr::OptionList list;
    command->declare(list);
    const balr::ParsedArguments parsed = balr::parse_arguments(list, words);
    if (!parsed.help) command->finish(balr::set_arguments(list, parsed));
  } catch (const balr::Error& error) {
    // The words themselves may hold a line break, but here they do not.
    must(std::string(error.what()).find('\n') == std::string::npos);
    must(error.code() == balr::ExitCode::kUsage || error.code() == balr::ExitCode::kIo);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  const balr::Completion completion = balr::complete(words);
  must(words.back().starts_with(completion.kept));
  for (const auto& candidate : completion.candidates)
    must(candidate.word.starts_with(words.back()));
  parse(words);
  return 0;
}
