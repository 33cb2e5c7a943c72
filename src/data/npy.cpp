#include "data/npy.hpp"

#include <charconv>
#include <optional>

#include "balr/core/error.hpp"
#include "data/numpy_type.hpp"

namespace balr {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;

[[noreturn]] void broken(const std::string& what) { throw DataError("its .npy header " + what); }

// Reads the header's text, a Python dict of one form: {'descr': '<f4', 'fortran_order': False,
// 'shape': (3, 4), }
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  void read() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr")
        descr = quoted();
      else if (key == "fortran_order")
        fortran = flag();
      else if (key == "shape")
        shape = tuple();
      else
        broken("has an unknown key");
      accept(',');
    }
    if (skip(); !rest_.empty()) broken("has something after its end");
    if (!descr || !fortran || !shape) broken("lacks type, order or shape");
  }

  std::optional<std::string_view> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<std::int64_t>> shape;

 private:
  void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  bool accept(char wanted) {
    skip();
    if (rest_.empty() || rest_[0] != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) broken(std::string("lacks a '") + wanted + "'");
  }
  std::string_view quoted() {
    skip();
    if (!rest_.empty() && rest_[0] == '[')
      throw DataError("its array has elements of several parts: save it as float32");
    const char quote = rest_.empty() ? ' ' : rest_[0];
    const std::size_t end = rest_.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos) broken("lacks a text");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool flag() {
    skip();
    for (const auto& [word, value] : {std::pair{"True", true}, std::pair{"False", false}})
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(std::string_view(word).size());
        return value;
      }
    broken("says neither True nor False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      std::int64_t size = 0;
      skip();
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc()) broken("has a shape that is not numbers");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      sizes.push_back(size);
      accept(',');
    }
    return sizes;
  }

  std::string_view rest_;
};

std::size_t little_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

VectorArray parse_npy(std::string_view content) {
  if (!content.starts_with(kMagic)) throw DataError("it is not a .npy file");
  if (content.size() < 8) broken("is cut off");
  const int version = content[6];
  if (version < 1 || version > 3)
    throw DataError("its .npy version is " + std::to_string(version) + ", and 1 to 3 are read");
  const std::size_t width = version == 1 ? 2 : 4;
  if (content.size() < 8 + width) broken("is cut off");
  const std::size_t length = little_endian(content.substr(8, width));
  if (length > content.size() - 8 - width) broken("is cut off");
  HeaderReader header(content.substr(8 + width, length));
  header.read();
  if (header.descr->size() < 2) broken("has no type");
  const char order = (*header.descr)[0];
  if (order != '<' && order != '>' && order != '|' && order != '=')
    broken("has a type without a byte order");
  NumpyType type = numpy_type(header.descr->substr(1));
  type.big_endian = order == '>';
  return decode_array(content.substr(8 + width + length), type, *header.shape, *header.fortran);
}

std::string npy_header(const std::vector<std::int64_t>& shape) {
  std::string sizes;
  for (const std::int64_t n : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(n);
  if (shape.size() == 1) sizes += ',';
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + sizes + "), }";
  // numpy leaves room for the first size to grow to 21 digits, then fills up to the alignment.
  if (!shape.empty()) text.append(21 - std::to_string(shape[0]).size(), ' ');
  const std::size_t before = kMagic.size() + 2 + 2;
  text.append(kAlignment - (before + text.size() + 1) % kAlignment, ' ');
  text += '\n';
  std::string out(kMagic);
  out += '\1';
  out += '\0';
  out += static_cast<char>(text.size() & 255);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

}  // namespace balr
