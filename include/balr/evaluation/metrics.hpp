#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "balr/evaluation/score_set.hpp"

// How good scores are. All functions but reference_metrics() throw DataError where a side is empty.
namespace balr {

struct EqualErrorRate {
  double rate = 0;       // (FAR + FRR) / 2 at the threshold
  double threshold = 0;  // a score of the set
};
// As speechbrain's EER, which the Python balr uses: among all scores and their midpoints,
// ascending, the first threshold t with the smallest |FAR - FRR|, where FRR is the share of targets
// <= t and FAR the share of non-targets > t. (A midpoint decides as the score below it, so it never
// is the first.) The comparison is exact here, in integers.
EqualErrorRate equal_error_rate(const SortedScores& scores);

// Log-LR cost in bits, Bruemmer and du Preez, "Application-independent evaluation of speaker
// detection", Computer Speech and Language 20 (2006):
//   (mean over targets of ln(1 + e^-s) + mean over non-targets of ln(1 + e^s)) / (2 ln 2).
// 0 is perfect, 1 what "LR = 1 always" gets. +inf if a target has -inf or a non-target +inf.
double cllr(const SortedScores& scores);

// ln(1 + e^x), without overflow.
double softplus(double x);

struct DetectionCost {
  double target_prior = 0.01;
  double miss_cost = 1;
  double false_alarm_cost = 1;
};
struct MinimalCost {
  double cost = 0;       // normalised: 1 is what a system without any information gets
  double threshold = 0;  // -inf: accept all; +inf never occurs, the highest score rejects all
};
// min over thresholds of (Cmiss * Pmiss * P + Cfa * Pfa * (1 - P)) / min(Cmiss * P, Cfa * (1 - P)):
// the minimum detection cost of NIST's speaker recognition evaluations (plan of 2008; with P = 0.01
// and 0.001 and unit costs since 2012). The first threshold that reaches it.
MinimalCost min_detection_cost(const SortedScores& scores, const DetectionCost& cost);

// One line of metrics.json. Absent: not defined for these scores (written as null).
struct Figure {
  std::string name;
  std::optional<double> value;
};

// The metrics of the Python balr, in its order and with its formulas, at the threshold of the EER
// (behaviour of version 2.0.0): TP, TN, FP, FN, FAR, FRR, DER, threshold, precision, recall,
// F-score, MCC, EER, EER_thres, CLLR. DER is (FP + FN) / (TP + TN + 1e-8), as there: no error rate.
// All are absent if a side is empty: nothing was measured.
std::vector<Figure> reference_metrics(const SortedScores& scores);

// Figures as members of one JSON object, in order, each value with the digits that give the same
// double back. Absent is null; infinities, which JSON does not have, are the texts "Infinity" and
// "-Infinity" (as in protocol buffers' JSON, and as Python's float() reads them).
std::string figures_json(const std::vector<Figure>& figures);

}  // namespace balr
