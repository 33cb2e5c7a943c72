#pragma once
#include <string>
#include <utility>
#include <vector>

#include "core/override_value.hpp"

namespace balr {

// A function that was called on something it cannot take; the text says what.
struct FunctionMismatch {
  std::string reason;
};

using NamedArguments = std::vector<std::pair<std::string, OverrideValue>>;

// The functions of hydra's grammar that give one value: int, float, str, bool and sort, of scalars,
// lists and (but for sort) dicts. Throws FunctionMismatch; sweeps are refused.
OverrideValue call_override_function(const std::string& name,
                                     const std::vector<OverrideValue>& arguments,
                                     const NamedArguments& named);

}  // namespace balr
