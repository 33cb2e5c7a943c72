#include "core/override_functions.hpp"

#include <algorithm>
#include <cmath>

#include "core/python_scalar.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;
using Cast = OverrideValue (*)(const OverrideValue&);

constexpr const char* kSweeps = "sweeps over several values are not part of balr";

bool is_text(const OverrideValue& value) {
  return value.kind == Kind::kText || value.kind == Kind::kInterpolation;
}

[[noreturn]] void refuse(const OverrideValue& value, const char* wanted) {
  throw FunctionMismatch{shown(value) + " is not " + wanted};
}

OverrideValue cast_int(const OverrideValue& value) {
  OverrideValue result{.kind = Kind::kInt, .text = value.text};
  if (value.kind == Kind::kBool) {
    result.text = value.text == "True" ? "1" : "0";
  } else if (value.kind == Kind::kFloat) {
    const auto whole = truncated_integer(parse_real(value.text));
    if (!whole) refuse(value, "a finite number");
    result.text = *whole;
  } else if (is_text(value)) {
    if (!looks_like_integer(value.text)) refuse(value, "an integer");
    result.text = canonical_integer(value.text);
  } else if (value.kind != Kind::kInt) {
    refuse(value, "an integer");
  }
  return result;
}

OverrideValue cast_float(const OverrideValue& value) {
  double real = 0;
  if (value.kind == Kind::kBool) {
    real = value.text == "True" ? 1 : 0;
  } else if (value.kind == Kind::kInt) {
    real = parse_real(value.text);
    if (std::isinf(real)) refuse(value, "small enough for a float");
  } else if (value.kind == Kind::kFloat || (is_text(value) && looks_like_float(value.text))) {
    real = parse_real(value.text);
  } else {
    refuse(value, "a number");
  }
  return {.kind = Kind::kFloat, .text = python_float(real)};
}

OverrideValue cast_str(const OverrideValue& value) {
  if (value.kind == Kind::kNull) refuse(value, "text or a number");
  if (is_text(value)) return value;
  return {.text = value.kind == Kind::kBool ? lower(value.text) : value.text};
}

OverrideValue cast_bool(const OverrideValue& value) {
  bool result = false;
  if (is_text(value)) {
    const std::string word = lower(value.text);
    if (word != "true" && word != "false") refuse(value, "true or false");
    result = word == "true";
  } else if (value.kind == Kind::kInt || value.kind == Kind::kFloat) {
    result = parse_real(value.text) != 0;  // NaN is true, as in Python
  } else {
    result = value.kind == Kind::kBool && value.text == "True";
  }
  return {.kind = Kind::kBool, .text = result ? "True" : "False"};
}

// Casts reach into lists and dicts.
OverrideValue apply(Cast cast, const OverrideValue& value) {
  if (!is_container(value)) return cast(value);
  OverrideValue result{.kind = value.kind};
  for (const OverrideValue& item : value.items) result.items.push_back(apply(cast, item));
  for (const auto& [name, entry] : value.entries)
    result.entries.emplace_back(name, apply(cast, entry));
  return result;
}

double sort_number(const OverrideValue& value) {
  if (value.kind == Kind::kBool) return value.text == "True" ? 1 : 0;
  return parse_real(value.text);
}

OverrideValue sorted(OverrideValue list, bool reverse) {
  const bool texts = std::ranges::all_of(list.items, is_text);
  const bool numbers = std::ranges::all_of(list.items, [](const OverrideValue& item) {
    const bool number =
        item.kind == Kind::kBool || item.kind == Kind::kInt || item.kind == Kind::kFloat;
    return number && !std::isnan(sort_number(item));
  });
  if (!texts && !numbers && list.items.size() > 1)
    throw FunctionMismatch{"only texts alone, or numbers alone, have an order"};
  const auto before = [&](const OverrideValue& a, const OverrideValue& b) {
    return texts ? a.text < b.text : sort_number(a) < sort_number(b);
  };
  // As Python: equal ones keep their order, reversed or not.
  std::ranges::stable_sort(list.items, [&](const OverrideValue& a, const OverrideValue& b) {
    return reverse ? before(b, a) : before(a, b);
  });
  return list;
}

OverrideValue sort(const std::vector<OverrideValue>& arguments, const NamedArguments& named) {
  bool reverse = false;
  std::vector<OverrideValue> values = arguments;
  for (const auto& [name, value] : named) {
    const bool is_flag = name == "reverse" && value.kind == Kind::kBool;
    const bool is_list = name == "list" && value.kind == Kind::kList;
    if (!is_flag && !is_list) throw FunctionMismatch{"it has no such argument " + name};
    if (is_flag) reverse = value.text == "True";
    if (is_list) values.push_back(value);
  }
  if (values.size() != 1) throw FunctionMismatch{kSweeps};
  return values[0].kind == Kind::kList ? sorted(std::move(values[0]), reverse) : values[0];
}

Cast find_cast(const std::string& name) {
  if (name == "int") return cast_int;
  if (name == "float") return cast_float;
  if (name == "str") return cast_str;
  if (name == "bool") return cast_bool;
  return nullptr;
}

}  // namespace

OverrideValue call_override_function(const std::string& name,
                                     const std::vector<OverrideValue>& arguments,
                                     const NamedArguments& named) {
  if (name == "sort") return sort(arguments, named);
  const Cast cast = find_cast(name);
  if (cast == nullptr)
    throw FunctionMismatch{"balr knows int, float, str, bool and sort only (there are no sweeps)"};
  for (const auto& [key, value] : named)
    if (key != "value") throw FunctionMismatch{"it has no argument " + key};
  if (arguments.size() > 1) throw FunctionMismatch{kSweeps};
  if (arguments.size() + named.size() != 1) throw FunctionMismatch{"it takes one argument"};
  return apply(cast, arguments.empty() ? named[0].second : arguments[0]);
}

}  // namespace balr
