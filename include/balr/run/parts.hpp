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
// of its own members is called, so every rank calls next(), finished() or stopped() many times a second until finished() or a
// stop. A rank without work stays in that loop until the last part is published: so a stop request reaches everybody, and
// nobody waits in a collective for a slow part. Main thread only.
//
// Protocol (bytes of an int64): a worker sends a request; rank 0 answers with a part as soon as one is left, or, unasked, with
// kEnd (all parts are published) or kStop. A worker that must stop says so, and rank 0 stops all.
class ClaimClient {
 public:
  // On rank 0, done[p] says which parts need no work (elsewhere ignored). All ranks make one; it sends nothing yet.
  ClaimClient(World& world, std::vector<bool> done);

  // A part to work on, if one is at hand; asks for one otherwise.
  std::optional<std::int64_t> next();
  void done(std::int64_t part);  // it is published
  // All parts are published, or a stop was requested.
  bool finished();

  void request_stop();  // on any rank; reaches all
  bool stopped();       // by this rank or another

  // Rank 0 only: parts published so far, those done before included; and all there are.
  std::int64_t parts_done();
  std::int64_t parts() const { return parts_; }

 private:
  void serve();    // rank 0: answers what has arrived
  void listen();   // others: takes what rank 0 sent
  void tell_all(std::int64_t what);

  World& world_;
  bool finished_ = false, stopped_ = false;  // what this rank knows
  // Rank 0.
  std::deque<std::int64_t> open_;
  std::int64_t parts_ = 0, parts_done_ = 0;
  // Others.
  bool asked_ = false;
  std::optional<std::int64_t> granted_;
};

}  // namespace balr
