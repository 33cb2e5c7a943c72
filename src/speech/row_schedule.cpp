#include "speech/row_schedule.hpp"

#include <algorithm>

namespace balr {

RowSchedule::RowSchedule(std::vector<RowNode> nodes, std::vector<RowPicture> pictures)
    : nodes_(std::move(nodes)), pictures_(std::move(pictures)), done_(pictures_.size(), 0) {
  done_[0] = pictures_[0].rows;
  std::vector<std::size_t> writer(pictures_.size(), 0);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const RowNode& node = nodes_[i];
    if (node.in > 0) last_reader_offset_ = std::max(last_reader_offset_, i - writer[node.in]);
    if (node.added > 0)
      last_reader_offset_ =
          std::max(last_reader_offset_, i - writer[static_cast<std::size_t>(node.added)]);
    writer[node.out] = i;
  }
}

bool RowSchedule::runnable(std::size_t index, Run& run) const {
  const RowNode& node = nodes_[index];
  const std::int64_t total = pictures_[node.out].rows, first = done_[node.out];
  const std::int64_t last = std::min(total, first + node.rows_at_once);
  if (first == last) return false;
  const std::int64_t below = (last - 1) * node.stride + node.kernel / 2 + 1;
  if (done_[node.in] < std::min(below, pictures_[node.in].rows)) return false;
  if (node.added >= 0 && done_[static_cast<std::size_t>(node.added)] < last) return false;
  run = {index, first, last};
  return true;
}

bool RowSchedule::next(Run& run) {
  // Nodes behind the candidate have nothing to do: what they read has not grown.
  for (std::size_t i = std::min(candidate_ + 1, nodes_.size()); i-- > 0;)
    if (runnable(i, run)) {
      done_[nodes_[i].out] = run.last;
      candidate_ = i + last_reader_offset_;
      return true;
    }
  return false;
}

std::int64_t RowSchedule::oldest_needed(std::size_t picture) const {
  std::int64_t oldest = done_[picture];
  for (const RowNode& node : nodes_) {
    const std::int64_t next = done_[node.out];
    if (next == pictures_[node.out].rows) continue;
    if (node.in == picture)
      oldest = std::min(oldest, std::max<std::int64_t>(0, next * node.stride - node.kernel / 2));
    if (node.added == static_cast<std::ptrdiff_t>(picture)) oldest = std::min(oldest, next);
  }
  return oldest;
}

std::vector<std::int64_t> RowSchedule::rows_kept(const std::vector<RowNode>& nodes,
                                                 const std::vector<RowPicture>& pictures) {
  RowSchedule schedule(nodes, pictures);
  std::vector<std::int64_t> kept(pictures.size(), 1);
  kept[0] = pictures[0].rows;
  Run run;
  while (schedule.next(run)) {
    const std::size_t out = nodes[run.node].out;
    kept[out] = std::max(kept[out], run.last - std::min(run.first, schedule.oldest_needed(out)));
  }
  return kept;
}

}  // namespace balr
