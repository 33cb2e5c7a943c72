#include <cmath>
#include <nlohmann/json.hpp>

#include "balr/core/error.hpp"
#include "balr/evaluation/metrics.hpp"

namespace balr {

std::string figures_json(const std::vector<Figure>& figures) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Figure& figure : figures) {
    nlohmann::ordered_json& member = object[figure.name];
    if (!figure.value || std::isnan(*figure.value)) continue;  // stays null
    if (std::isinf(*figure.value))
      member = *figure.value > 0 ? "Infinity" : "-Infinity";
    else
      member = *figure.value;
  }
  return object.dump(2) + "\n";
}

}  // namespace balr
