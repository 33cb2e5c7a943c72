#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "balr/data/manifest.hpp"

namespace balr {
namespace {

std::optional<std::int64_t> integer(const std::string& text) {
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  const char* begin = text.data() + (plus ? 1 : 0);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Compares as numbers if all are, with the text deciding among equal numbers (7 and 007), else by
// bytes.
std::vector<std::int64_t> sorted_order(const std::vector<std::string>& texts) {
  std::vector<std::int64_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::int64_t> values;
  if (all_numeric(texts))
    for (const std::string& text : texts) values.push_back(*integer(text));
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    if (!values.empty() && values[i] != values[j]) return values[i] < values[j];
    return texts[i] < texts[j];
  });
  return order;
}

}  // namespace

bool all_numeric(const std::vector<std::string>& texts) {
  return !texts.empty() && std::all_of(texts.begin(), texts.end(), [](const std::string& text) {
    return integer(text).has_value();
  });
}

std::vector<std::int64_t> order_by_id(const std::vector<std::string>& ids) {
  return sorted_order(ids);
}

std::vector<std::int64_t> encode_labels(const std::vector<std::string>& speakers) {
  std::vector<std::string> names;
  std::unordered_map<std::string, std::int64_t> label;
  for (const std::string& speaker : speakers)
    if (label.emplace(speaker, 0).second) names.push_back(speaker);
  const auto order = sorted_order(names);
  for (std::size_t i = 0; i < order.size(); ++i)
    label[names[static_cast<std::size_t>(order[i])]] = static_cast<std::int64_t>(i);
  std::vector<std::int64_t> out;
  out.reserve(speakers.size());
  for (const std::string& speaker : speakers) out.push_back(label[speaker]);
  return out;
}

}  // namespace balr
