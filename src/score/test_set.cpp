#include "score/test_set.hpp"

#include "balr/core/error.hpp"

namespace balr {

TestSet::TestSet(std::vector<std::string> ids, std::vector<std::string> speakers,
                 std::unordered_map<std::string, std::string> dropped,
                 std::unique_ptr<Comparer> comparer)
    : ids_(std::move(ids)),
      speakers_(std::move(speakers)),
      dropped_(std::move(dropped)),
      comparer_(std::move(comparer)) {
  speakers_.resize(ids_.size());
  rows_.reserve(ids_.size());
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (!rows_.emplace(ids_[i], static_cast<std::int64_t>(i)).second)
      throw DataError("the id '" + ids_[i] + "' is there twice; give each recording its own");
    numbers_.push_back(
        numbers.emplace(speakers_[i], static_cast<std::uint32_t>(numbers.size())).first->second);
    has_speakers_ = has_speakers_ || !speakers_[i].empty();
  }
}

std::optional<std::int64_t> TestSet::find(std::string_view id) const {
  const auto found = rows_.find(id);
  if (found == rows_.end()) return std::nullopt;
  return found->second;
}

std::string TestSet::dropped_reason(std::string_view id) const {
  if (dropped_.empty()) return {};
  const auto found = dropped_.find(std::string(id));
  return found == dropped_.end() ? std::string() : found->second;
}

}  // namespace balr
