#pragma once
#include <string>
#include <vector>

namespace balr {

// What one check found.
struct Finding {
  enum class Kind { kOk, kNote, kFault };
  Kind kind = Kind::kOk;
  std::string subject;  // "folder", "rank 3"
  std::string text;     // what was measured; of a note or fault also what to do
};
using Findings = std::vector<Finding>;

inline Finding ok(std::string subject, std::string text) {
  return {Finding::Kind::kOk, std::move(subject), std::move(text)};
}
inline Finding note(std::string subject, std::string text) {
  return {Finding::Kind::kNote, std::move(subject), std::move(text)};
}
inline Finding fault(std::string subject, std::string text) {
  return {Finding::Kind::kFault, std::move(subject), std::move(text)};
}

// "ok     folder: ..." and so on.
std::string to_line(const Finding& finding);

}  // namespace balr
