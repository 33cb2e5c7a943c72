#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace balr {

// Fault injection for the tests, inert unless BALR_FAULT is set: a list ACTION@PLACE:KEY;... where
// a key is a rank or the end of a path. Actions of fault_point():
//   throw  an internal error          full   an IoError, as of a full disk
//   segv   a write to address 0       abort  std::abort()
//   kill   SIGKILL                    hang   sleeps for ever
//   spin   computes for ever           term   SIGTERM, a request to stop
void fault_point(std::string_view place, int rank);
// The same where a place is passed many times: ACTION@PLACE:RANK=NUMBER acts at that number only.
void fault_point(std::string_view place, int rank, std::int64_t number);
void fault_point_at_path(std::string_view place, std::string_view path);

// The number of NAME@PLACE:KEY=NUMBER for this rank, else 0: for faults of another kind, as
// "slow@extract.row:2=4" (rank 2 takes four times as long for a row).
double fault_number(std::string_view name, std::string_view place, int rank);

}  // namespace balr
