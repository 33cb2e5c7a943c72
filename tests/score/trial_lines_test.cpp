#include "score/trial_lines.hpp"

#include <gtest/gtest.h>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "score/trial_line.hpp"
#include "support/golden.hpp"

namespace balr {
namespace {

using Texts = std::vector<std::string>;

Texts all_lines(const std::string& content, std::size_t block, std::vector<std::int64_t>* numbers) {
  const test::TempDir dir;
  write_file_atomically(dir.path() / "t", content);
  LineReader reader(dir.path() / "t");
  Texts lines;
  while (true) {
    const LineBlock part = reader.next(block);
    for (std::size_t i = 0; i < part.size(); ++i) {
      lines.emplace_back(part.line(i));
      if (numbers) numbers->push_back(part.numbers[i]);
    }
    if (part.size() < block) return lines;
  }
}

TEST(LineReader, EndsMarksAndBlankLines) {
  std::vector<std::int64_t> numbers;
  EXPECT_EQ(all_lines("\xEF\xBB\xBF"
                      "a\tb\r\n\n  \t\r\nc\n\nlast",
                      2, &numbers),
            (Texts{"a\tb", "c", "last"}));
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{1, 4, 6}));
  EXPECT_EQ(all_lines("", 3, nullptr), Texts());
  EXPECT_EQ(all_lines("\n\r\n", 3, nullptr), Texts());
  EXPECT_EQ(all_lines("one", 1, nullptr), Texts{"one"});
}

TEST(LineReader, LinesAcrossTheBuffersEdge) {
  std::string content;
  Texts expected;
  for (int i = 0; i < 3000; ++i) {
    expected.emplace_back(static_cast<std::size_t>(1 + 397 * i % 1501),
                          static_cast<char>('a' + i % 26));
    content += expected.back() + "\n";
  }
  ASSERT_GT(content.size(), std::size_t{2} << 20);
  EXPECT_EQ(all_lines(content, 100, nullptr), expected);
  const test::TempDir dir;
  write_file_atomically(dir.path() / "t", content);
  LineReader reader(dir.path() / "t");
  EXPECT_EQ(reader.skip(2990), 2990U);
  EXPECT_EQ(reader.next(1).line(0), expected[2990]);
  EXPECT_EQ(reader.skip(100), 9U);
}

TEST(LineReader, ALineWithoutEndIsRefused) {
  EXPECT_THROW(all_lines("a\tb\n" + std::string(3 << 20, 'x'), 10, nullptr), DataError);
}

Texts cells_of(std::string_view line, const TrialSeparator& separator) {
  TrialCells cells;
  cells.split(line, separator);
  return {cells.cells().begin(), cells.cells().end()};
}

TEST(TrialCells, Splits) {
  EXPECT_EQ(cells_of("a\tb", {'\t'}), (Texts{"a", "b"}));
  EXPECT_EQ(cells_of("a\t", {'\t'}), (Texts{"a", ""}));
  EXPECT_EQ(cells_of("\t\t", {'\t'}), (Texts{"", "", ""}));
  EXPECT_EQ(cells_of("\"a,b\",\"c\"\"d\",", {','}), (Texts{"a,b", "c\"d", ""}));
  EXPECT_EQ(cells_of(" 1  a\tb ", {' ', true}), (Texts{"1", "a", "b"}));
  EXPECT_EQ(cells_of("\"a b\"", {' ', true}), (Texts{"\"a", "b\""}));  // Kaldi has no quotes
  for (const char* wrong : {"\"a", "a\"b", "\"a\"b", "\"", "x,\"\"\""})
    EXPECT_THROW(cells_of(wrong, {','}), DataError) << wrong;
  EXPECT_THROW(cells_of(std::string_view("a\0b,c", 5), {','}), DataError);
  for (const char* text : {"plain", "a,b", "a\"b", "", "\r", "a\nb"}) {
    const std::string quoted = quoted_cell(text, ',');
    if (std::string(text).find('\n') == std::string::npos) {
      EXPECT_EQ(cells_of(quoted, {','}), Texts{text});
    }
  }
}

TEST(Labels, Words) {
  for (const char* word : {"1", "target", "TARGET"}) EXPECT_EQ(label_of(word), 1) << word;
  for (const char* word : {"0", "nontarget", "Non-Target", "imp", "impostor", "imposter"})
    EXPECT_EQ(label_of(word), 0) << word;
  for (const char* word : {"", "2", "01", "targets", "id", "-1", "nontarget_x"})
    EXPECT_EQ(label_of(word), std::nullopt) << word;
}

}  // namespace
}  // namespace balr
