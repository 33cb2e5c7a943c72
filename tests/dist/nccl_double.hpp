#pragma once
#include "dist/nccl_api.hpp"

#include <cstdint>
#include <string>
#include <vector>

// A double of libnccl for machines without a GPU: the functions of nccl.h that we use, on host
// memory; ranks are processes of one host that meet in shared memory. A program that compiles
// nccl_double.cpp in calls it instead of the real library.
//
// As the real one with `blocking = 0`: calls return ncclInProgress at once, a thread does the work,
// ncclCommGetAsyncError tells when it is through. Ranks whose calls do not match, which the real
// library answers with wrong data or a hang, get an error that says so.
namespace nccl_double {

// One call of a function of nccl.h, as this rank made it.
struct Call {
  std::string function;
  std::uint64_t count = 0;  // elements of this rank
  int type = 0, root = -1;
  friend bool operator==(const Call&, const Call&) = default;
};
std::vector<Call> calls();  // since forget_calls(), without ncclCommGetAsyncError
void forget_calls();
std::uint64_t polls();  // of ncclCommGetAsyncError, ever

// What goes wrong on this rank.
enum class How {
  kReturned,  // the call returns the error
  kLater,     // the call is accepted; the error shows in ncclCommGetAsyncError
  kStuck,     // the call is accepted, and this rank never takes part
};
struct Fault {
  std::string function;  // e.g. ncclAllReduce
  int number = 1;        // its how-manieth call from now on
  How how = How::kReturned;
  ncclResult_t error = ncclSystemError;
};
void plan(const Fault& fault);

// true: a call counts as queued before the ranks have met, as on a device; done() tells the end.
void set_late(bool late);
std::uint64_t queued();  // operations of the communicator made last, begun ...
std::uint64_t done();    // ... and ended

}  // namespace nccl_double
