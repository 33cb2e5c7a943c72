#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "balr/core/partition.hpp"

namespace balr {

class World;

// Names of the files that hold a part: part-000012.h5, or the rows [begin, end) of one: fragment-000012-<begin>-<end>.h5.
std::string part_file_name(std::int64_t part);
std::string fragment_file_name(std::int64_t part, Range rows);
struct PartFileName {
  std::int64_t part = 0;
  bool complete = false;  // a whole part
  Range rows;             // of a fragment
};
// Nothing for any other name.
std::optional<PartFileName> parse_part_file(const std::string& name);

// Rows of one claim: what the rank can begin at once, but no less than a quarter of its fair share of the rows that are open:
// large pieces while there is much to do, small ones near the end, so that a rank that is four times slower than the others
// does not keep them waiting. Never more than a part.
constexpr std::int64_t claim_rows(std::int64_t open_rows, int ranks, std::int64_t at_once, std::int64_t part_size) {
  const std::int64_t share = (open_rows + 4 * ranks - 1) / (4 * ranks);
  return std::clamp(ranks == 1 ? part_size : std::max(share, at_once), std::int64_t{1}, part_size);
}

// How ranks share the rows: each claims the next piece when it needs work. Rank 0 keeps the list and answers by messages whenever
// one of its own members is called, so every rank calls next(), finished() or stopped() many times a second until finished() or
// a stop. A rank without work stays in that loop until the last row is published: so a stop request reaches everybody, and
// nobody waits in a collective for a slow piece. Main thread only.
//
// Protocol (two int64): a worker sends how many rows it can begin at once; rank 0 answers with a range of rows as soon as some are
// left, or, unasked, with kEnd (all rows are published) or kStop. A worker that must stop says so, and rank 0 stops all.
class ClaimClient {
 public:
  // On rank 0, `open` says which rows are to be computed, disjoint and in order (elsewhere ignored); a claim lies within a part
  // of `part_size` rows. All ranks make one; it sends nothing yet.
  ClaimClient(World& world, const std::vector<Range>& open, std::int64_t part_size);

  // Rows to work on, if some are at hand; asks for them otherwise.
  std::optional<Range> next(std::int64_t at_once);
  void done(Range rows);  // they are published
  // All rows are published, or a stop was requested.
  bool finished();

  void request_stop();  // on any rank; reaches all
  bool stopped();       // by this rank or another

  // Rank 0 only: rows published so far.
  std::int64_t rows_done();

 private:
  void serve();    // rank 0: answers what has arrived
  void listen();   // others: takes what rank 0 sent
  void tell_all(std::int64_t what);
  Range take(std::int64_t at_once);  // rank 0; some are open

  World& world_;
  bool finished_ = false, stopped_ = false;  // what this rank knows
  // Rank 0.
  std::deque<Range> open_;
  std::int64_t part_size_ = 0, open_rows_ = 0, rows_ = 0, rows_done_ = 0;
  // Others.
  bool asked_ = false;
  std::optional<Range> granted_;
};

}  // namespace balr
