#pragma once
#include <span>
#include <string>
#include <string_view>

namespace balr {

// "; did you mean X?" with the candidate that is nearest to a misspelt word; empty if none is near.
std::string nearest_hint(std::string_view word, std::span<const std::string> candidates);

}  // namespace balr
