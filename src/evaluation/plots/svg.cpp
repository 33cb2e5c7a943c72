#include "evaluation/plots/svg.hpp"

#include <charconv>
#include <cmath>

namespace balr {
namespace {

constexpr double kSkip = 0.3;  // pixels

// Length of the UTF-8 character at the start of the text; 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // No overlong forms, surrogates, or U+FFFE and U+FFFF, which XML excludes.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xEF && byte(1) == 0xBF && byte(2) >= 0xBE) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

std::string attribute(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + svg_number(value) + "\"";
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const char first = text[0];
    if (length == 0)
      out += "\xEF\xBF\xBD";
    else if (length == 1 && (static_cast<unsigned char>(first) < 0x20 || first == 0x7F))
      out += ' ';
    else if (first == '&')
      out += "&amp;";
    else if (first == '<')
      out += "&lt;";
    else if (first == '>')
      out += "&gt;";
    else if (first == '"')
      out += "&quot;";
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string svg_number(double value) {
  char buffer[64];
  const double rounded = std::round(value * 100) / 100;
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, rounded, std::chars_format::fixed, 2).ptr;
  std::string text(buffer, end);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

Svg::Svg(double width, double height) {
  out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"" +
         attribute("width", width) + attribute("height", height) + " viewBox=\"0 0 " +
         svg_number(width) + " " + svg_number(height) +
         "\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\" "
         "font-size=\"13\" fill=\"#222\">\n";
  rect(0, 0, width, height, "fill=\"#fff\"");
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  out_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
          attribute("y2", y2) + " " + std::string(style) + "/>\n";
}

void Svg::rect(double x, double y, double width, double height, std::string_view style) {
  out_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
          attribute("height", height) + " " + std::string(style) + "/>\n";
}

void Svg::circle(double x, double y, double radius, std::string_view style) {
  out_ += "<circle" + attribute("cx", x) + attribute("cy", y) + attribute("r", radius) + " " +
          std::string(style) + "/>\n";
}

void Svg::path(std::string_view commands, std::string_view style) {
  if (commands.empty()) return;
  out_ += "<path d=\"" + std::string(commands) + "\" " + std::string(style) + "/>\n";
}

void Svg::text(double x, double y, std::string_view words, Anchor anchor, std::string_view style) {
  out_ += "<text" + attribute("x", x) + attribute("y", y);
  if (anchor != Anchor::kStart)
    out_ += anchor == Anchor::kMiddle ? " text-anchor=\"middle\"" : " text-anchor=\"end\"";
  if (!style.empty()) out_ += " " + std::string(style);
  out_ += ">" + xml_text(words) + "</text>\n";
}

void Svg::text_upwards(double x, double y, std::string_view words) {
  out_ += "<text text-anchor=\"middle\" transform=\"translate(" + svg_number(x) + " " +
          svg_number(y) + ") rotate(-90)\">" + xml_text(words) + "</text>\n";
}

std::string Svg::finish() && { return std::move(out_) + "</svg>\n"; }

void PathCommands::write(double x, double y) {
  out_ += (out_.empty() ? "M" : "L") + svg_number(x) + " " + svg_number(y);
  x_ = x;
  y_ = y;
}

void PathCommands::move_to(double x, double y) {
  finish();
  out_ += "M" + svg_number(x) + " " + svg_number(y);
  x_ = last_x_ = x;
  y_ = last_y_ = y;
}

void PathCommands::line_to(double x, double y) {
  last_x_ = x;
  last_y_ = y;
  if (std::abs(x - x_) >= kSkip || std::abs(y - y_) >= kSkip) write(x, y);
}

void PathCommands::step_to(double x, double y) {
  last_x_ = x;
  last_y_ = y;
  if (std::abs(x - x_) < kSkip && std::abs(y - y_) < kSkip) return;
  const double before = y_;
  if (x != x_) write(x, before);
  if (y != before) write(x, y);
}

const std::string& PathCommands::finish() {
  if (!out_.empty() && (last_x_ != x_ || last_y_ != y_)) write(last_x_, last_y_);
  return out_;
}

}  // namespace balr
