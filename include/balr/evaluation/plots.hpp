#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/evaluation/calibration.hpp"
#include "balr/evaluation/score_set.hpp"

// Pictures of scores as SVG: one file each, without scripts, links or fonts of their own, so any
// browser shows them. The same scores give the same bytes. Files stay small (a curve has a vertex
// per fraction of a pixel) whatever the number of trials is. All throw DataError where a side is
// empty.
namespace balr {

struct PlotData {
  const SortedScores& scores;  // natural-log LRs, or any scores
  std::string title;           // what was scored, by what
  bool log_lrs = true;      // false: scores that are no LRs, which have a DET plot and a histogram
  LogLrBounds bounds = {};  // drawn where finite, with these numbers of trials that they cut:
  std::int64_t cut_below = 0, cut_above = 0;
};

// Detection error trade-off: misses over false alarms on normal deviate (probit) axes (Martin,
// Doddington, Kamm, Ordowski and Przybocki, "The DET curve in assessment of detection task
// performance", Eurospeech 1997), with EER and minimum costs. Error rates of 0 have no place there:
// the curve ends with its last error, and is thin where fewer than 30 errors stand behind a rate
// (Doddington's rule of 30).
std::string det_svg(const PlotData& data);

// Tippett plot as in Morrison et al., "Consensus on validation of forensic voice comparison",
// Science and Justice 61 (2021), appendix: the share of same-speaker trials with log10 LR <= x
// rises to the right, that of different-speaker trials with log10 LR >= x to the left. Steps, drawn
// over the range of the data only: nothing is extrapolated. Infinite values stand in strips of
// their own.
std::string tippett_svg(const PlotData& data);

// Share of each kind of trials per bin of the score.
std::string histogram_svg(const PlotData& data);

// Log10 LRs before and after the optimal calibration (PAV): a calibrated system lies on the
// diagonal; below it to the right and above it to the left, the LRs overstate the evidence.
std::string reliability_svg(const PlotData& data);

// Empirical cross-entropy over prior odds: the LRs, the same after PAV, and LR = 1 always.
std::string ece_svg(const PlotData& data);

// Writes those that make sense (det.svg, histogram.svg; of log-LRs tippett.svg, reliability.svg and
// ece.svg too) into the folder, each atomically; returns their names. IoError.
std::vector<std::string> write_plots(const std::filesystem::path& folder, const PlotData& data);

}  // namespace balr
