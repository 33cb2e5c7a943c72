// What the evaluation module makes of labelled scores, as JSON, for evaluation_test.py.
//   evaluation_tool PRIOR KAPPA DF < lines of "label score"
//   evaluation_tool plots FOLDER TITLE < lines of "label score"
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "balr/core/error.hpp"
#include "balr/evaluation/calibration.hpp"
#include "balr/evaluation/metrics.hpp"
#include "balr/evaluation/pav.hpp"
#include "balr/evaluation/plots.hpp"

using namespace balr;

int main(int count, char** arguments) {
  if (count != 4) return 2;
  ScoreSet set;
  std::string score;
  for (int label = 0; std::cin >> label >> score;)
    (label ? set.targets : set.non_targets).push_back(std::strtod(score.c_str(), nullptr));
  const SortedScores scores(set);
  if (std::string(arguments[1]) == "plots") {
    write_plots(arguments[2], {scores, arguments[3], true, elub(scores), 12, 3456});
    return 0;
  }
  nlohmann::json out;
  out["metrics"] = nlohmann::json::parse(figures_json(reference_metrics(scores)));
  for (const double prior : {0.01, 0.001, 0.5})
    out["min_dcf"].push_back(min_detection_cost(scores, {.target_prior = prior}).cost);
  out["min_cllr"] = min_cllr(scores);
  const auto blocks = pool_adjacent_violators(scores);
  for (const PavBlock& b : blocks)
    out["pav"].push_back({b.lowest, b.highest, b.targets, b.non_targets});
  for (const double odds : {-3.0, 0.0, 2.0})
    out["ece"].push_back({empirical_cross_entropy(scores, odds),
                          min_empirical_cross_entropy(blocks, odds), neutral_cross_entropy(odds)});
  const LogLrBounds bounds = elub(scores);
  out["elub"] = {bounds.lower, bounds.upper};
  try {
    const auto fit = fit_affine_calibration(
        scores, {std::atof(arguments[1]), std::atof(arguments[2]), std::atol(arguments[3])});
    out["fit"] = {fit.slope, fit.offset};
  } catch (const Error& error) {
    out["fit"] = error.what();
  }
  std::cout << out << "\n";
}
