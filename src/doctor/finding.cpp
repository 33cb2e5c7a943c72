#include "doctor/finding.hpp"

namespace balr {

std::string to_line(const Finding& finding) {
  const char* word = finding.kind == Finding::Kind::kOk ? "ok    " : finding.kind == Finding::Kind::kNote ? "note  " : "FAULT ";
  return word + finding.subject + ": " + finding.text;
}

}  // namespace balr
