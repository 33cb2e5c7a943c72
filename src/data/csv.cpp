#include "data/csv.hpp"

#include <csv.h>

#include <algorithm>

#include "balr/core/error.hpp"
#include "balr/data/manifest.hpp"

namespace balr {
namespace {

struct Parser {
  csv_parser state;
  CsvTable table;
  std::vector<std::string> record;
  std::int64_t line = 0;

  Parser() {
    csv_init(&state, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&state, [](unsigned char) { return 0; });  // blanks belong to the cell
  }
  ~Parser() { csv_free(&state); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  static void on_cell(void* text, std::size_t size, void* self) {
    static_cast<Parser*>(self)->record.emplace_back(static_cast<const char*>(text), size);
  }
  static void on_record(int, void* self) {
    auto& parser = *static_cast<Parser*>(self);
    parser.table.records.push_back(std::move(parser.record));
    parser.table.lines.push_back(parser.line);
    parser.record.clear();
  }
};

}  // namespace

CsvTable parse_csv(std::string_view text, const std::filesystem::path& name) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Parser parser;
  const auto fail = [&](const char* what) {
    throw DataError(name.string() + ", line " + std::to_string(parser.line) + ": " + what);
  };
  while (!text.empty()) {
    ++parser.line;
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    if (line.find('\0') != std::string_view::npos) fail("a NUL byte; is this a text file?");
    if (csv_parse(&parser.state, line.data(), line.size(), Parser::on_cell, Parser::on_record,
                  &parser) != line.size())
      fail("a quote in the middle of a cell; quote the whole cell and double the quotes inside");
    text.remove_prefix(end);
  }
  if (csv_fini(&parser.state, Parser::on_cell, Parser::on_record, &parser) != 0)
    fail("a quoted cell is not closed");
  return std::move(parser.table);
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    const std::string& cell = cells[i];
    if (cell.find_first_of(",\"\r\n") == std::string::npos &&
        !(cells.size() == 1 && cell.empty())) {
      line += cell;
      continue;
    }
    line += '"';
    for (const char c : cell) {
      if (c == '"') line += '"';
      line += c;
    }
    line += '"';
  }
  return line + '\n';
}

}  // namespace balr
