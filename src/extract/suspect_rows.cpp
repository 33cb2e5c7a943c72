#include "extract/suspect_rows.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "balr/dist/world.hpp"
#include "balr/run/journal.hpp"
#include "extract/part_folder.hpp"
#include "extract/row_engine.hpp"

namespace balr {
namespace {

// Rank 0's, on all ranks.
std::vector<std::int64_t> broadcast_rows(World& world, const std::vector<std::int64_t>& rows) {
  std::string text;
  for (const std::int64_t row : rows) text += std::to_string(row) + "\n";
  std::istringstream all(world.broadcast(text, 0, "suspects"));
  std::vector<std::int64_t> out;
  for (std::int64_t row = 0; all >> row;) out.push_back(row);
  return out;
}

RowResult compute_row(RowEngine& engine, std::int64_t row, const std::function<void()>& meanwhile) {
  engine.submit({row, row + 1});
  while (true) {
    meanwhile();
    if (auto result = engine.next(std::chrono::milliseconds(10))) return *std::move(result);
  }
}

}  // namespace

std::vector<std::int64_t> rows_within(const std::vector<std::int64_t>& rows, const std::vector<Range>& ranges) {
  std::vector<std::int64_t> out;
  auto range = ranges.begin();
  for (const std::int64_t row : rows) {
    while (range != ranges.end() && range->end <= row) ++range;
    if (range != ranges.end() && range->begin <= row) out.push_back(row);
  }
  return out;
}

std::vector<Range> without_rows(const std::vector<Range>& ranges, const std::vector<Culprit>& rows) {
  std::vector<Range> out;
  auto next = rows.begin();
  for (Range range : ranges) {
    for (; next != rows.end() && next->row < range.end; ++next) {
      if (next->row < range.begin) continue;
      if (next->row > range.begin) out.push_back({range.begin, next->row});
      range.begin = next->row + 1;
    }
    if (range.size() > 0) out.push_back(range);
  }
  return out;
}

std::vector<Culprit> judge_rows(World& world, const std::vector<std::int64_t>& rows, const TrialOptions& options,
                                const Manifest& manifest, int at_once, const std::function<void()>& meanwhile) {
  const std::vector<std::int64_t> suspects = broadcast_rows(world, rows);
  if (suspects.empty()) return {};
  if (world.rank() == 0)
    spdlog::warn("an earlier run ended without notice while it was decoding {} files: trying each in a process of its own",
                 suspects.size());
  std::string guilty;
  all_agree(world, "trying the suspects", [&] {
    Busy busy(world, "trying the suspects");
    const Range mine = slice(static_cast<std::int64_t>(suspects.size()), world.rank(), world.size());
    const std::vector<std::int64_t> share(suspects.begin() + mine.begin, suspects.begin() + mine.end);
    for (const Culprit& culprit : find_culprits(options, manifest, share, at_once, meanwhile))
      guilty += std::to_string(culprit.row) + " " + culprit.reason + "\n";
  });
  std::vector<Culprit> out;
  for (const std::string& theirs : world.all_gather(guilty, "suspects")) {
    std::istringstream lines(theirs);
    for (std::string line; world.rank() == 0 && std::getline(lines, line);)
      out.push_back({std::stoll(line), line.substr(line.find(' ') + 1)});
  }
  return out;
}

std::vector<std::int64_t> compute_alone(World& world, const std::vector<std::int64_t>& rows, const PartFolder& parts, RowEngine& engine,
                                        Journal& journal, const std::function<void()>& before_publish,
                                        const std::function<void()>& meanwhile) {
  std::vector<std::int64_t> all = broadcast_rows(world, rows);
  if (all.empty()) return all;
  if (world.rank() == 0) spdlog::warn("the network crashed on {} rows in earlier runs: computing each alone", all.size());
  all_agree(world, "computing suspects alone", [&] {
    Busy busy(world, "computing suspects alone");
    const Range mine = slice(static_cast<std::int64_t>(all.size()), world.rank(), world.size());
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
      const std::int64_t row = all[static_cast<std::size_t>(i)];
      journal.alone(row);
      PartBuffer buffer = parts.buffer({row, row + 1});
      buffer.put(compute_row(engine, row, meanwhile));
      before_publish();
      parts.publish(buffer);
    }
  });
  return all;
}

void publish_culprit(const PartFolder& parts, const Culprit& culprit) {
  PartBuffer buffer = parts.buffer({culprit.row, culprit.row + 1});
  RowResult result;
  result.row = culprit.row;
  result.status = RowStatus::kCrashed;
  result.reason = culprit.reason;
  buffer.put(result);
  parts.publish(buffer);
}

}  // namespace balr
