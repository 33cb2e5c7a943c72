#include <algorithm>

#include "balr/bae/step_ops.hpp"
#include "balr/core/partition.hpp"

namespace balr {

BatchPlan plan_of_blocks(std::int64_t rows, std::int64_t block_rows, int rank, int size) {
  BatchPlan plan{.batch = rows, .block_rows = block_rows};
  const std::int64_t blocks = (rows + block_rows - 1) / block_rows;
  for (int other = 0; other < size; ++other) {
    const Range own = slice(blocks, other, size);
    const Range of_rank = {std::min(own.begin * block_rows, rows),
                           std::min(own.end * block_rows, rows)};
    plan.rows_of_rank.push_back(of_rank.size());
    plan.blocks_of_rank.push_back(own.size());
    if (other == rank) plan.rows = of_rank, plan.blocks = own.size();
  }
  return plan;
}

}  // namespace balr
