#pragma once
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

// How ranks share parts: each claims the next one when it needs work. Rank 0 keeps the list and answers by messages whenever one
// of its own members is called, so every rank calls next(), finished() or stopped() many times a second. Main thread only.
//
// Protocol (bytes of an int64): a worker sends a request; rank 0 answers with a part, kEnd (none left) or, unasked, kStop. After
// either of the last two the worker is through. A worker that must stop says so, and rank 0 stops all.
class ClaimClient {
 public:
  // On rank 0, done[p] says which parts need no work (elsewhere ignored). Collective in so far as all ranks make one.
  ClaimClient(World& world, std::vector<bool> done);

  // A part to work on, if one is at hand; asks for one otherwise.
  std::optional<std::int64_t> next();
  void done(std::int64_t part);  // it is published
  // No part will come any more; on rank 0 also: every rank knows.
  bool finished();

  void request_stop();  // on any rank; reaches all
  bool stopped();       // by this rank or another

  // Rank 0 only: parts published so far, those done before included.
  std::int64_t parts_done();

 private:
  void serve();    // rank 0: answers what has arrived
  void listen();   // others: takes what rank 0 sent
  void end(int rank, std::int64_t how);

  World& world_;
  // Rank 0.
  std::deque<std::int64_t> open_;
  std::vector<bool> ended_;
  std::int64_t parts_done_ = 0;
  // Others.
  bool asked_ = false;
  std::optional<std::int64_t> granted_;
  bool through_ = false, stopped_ = false;
};

}  // namespace balr
