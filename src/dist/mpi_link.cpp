#include "dist/mpi_link.hpp"

#include <mpi.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <vector>

#include "balr/core/error.hpp"
#include "dist/launcher.hpp"

namespace balr {
namespace {

void check_mpi(int status, const char* what) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw InternalError(std::string(what) + " failed: " + text);
}

struct Posted {
  MPI_Request request;
  std::string bytes;
  bool until_taken;
};

}  // namespace

struct MpiLink::Handles {
  bool started_here = false;
  MPI_Comm collectives = MPI_COMM_NULL, messages = MPI_COMM_NULL;
  MPI_Request collective = MPI_REQUEST_NULL;
  std::vector<int> counts, starts;  // of the gather under way
  std::list<Posted> posted;
};

MpiLink::MpiLink(int* argc, char*** argv) : handles_(std::make_unique<Handles>()) {
  Handles& h = *handles_;
  int running = 0;
  MPI_Initialized(&running);
  const Environment environment = [](const char* name) { return std::getenv(name); };
  const auto mismatch = singleton_mismatch(environment);
  std::string failure;
  if (!running) {
    if (const auto missing = missing_wire_up(environment)) throw InternalError(*missing);
    int provided = 0;
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    h.started_here = true;
    if (provided < MPI_THREAD_FUNNELED)
      failure = "the MPI library does not allow threads (MPI_THREAD_FUNNELED): use another build of it";
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  if (size_ == 1 && mismatch) failure = *mismatch;
  if (!failure.empty()) {
    if (h.started_here) MPI_Finalize();
    throw InternalError(failure);
  }
  for (MPI_Comm* communicator : {&h.collectives, &h.messages}) {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, communicator), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(*communicator, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  MPI_Comm node;
  check_mpi(MPI_Comm_split_type(h.collectives, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  MPI_Comm_rank(node, &local_rank_);
  MPI_Comm_size(node, &local_size_);
  MPI_Comm_free(&node);
}

MpiLink::~MpiLink() = default;

void MpiLink::finish() {
  MPI_Comm_free(&handles_->collectives);
  MPI_Comm_free(&handles_->messages);
  if (handles_->started_here) MPI_Finalize();
}

void MpiLink::begin_barrier() { check_mpi(MPI_Ibarrier(handles_->collectives, &handles_->collective), "MPI_Ibarrier"); }

void MpiLink::begin_broadcast(std::byte* bytes, std::size_t count, int root) {
  check_mpi(MPI_Ibcast(bytes, static_cast<int>(count), MPI_BYTE, root, handles_->collectives, &handles_->collective),
            "MPI_Ibcast");
}

void MpiLink::begin_gather(const std::byte* mine, std::byte* out, std::span<const std::size_t> sizes) {
  Handles& h = *handles_;
  h.counts.assign(sizes.begin(), sizes.end());
  h.starts.clear();
  int total = 0;
  for (const int count : h.counts) {
    h.starts.push_back(total);
    total += count;
  }
  const int own = h.counts[static_cast<std::size_t>(rank_)];
  if (std::all_of(h.counts.begin(), h.counts.end(), [own](int count) { return count == own; })) {
    check_mpi(MPI_Iallgather(mine, own, MPI_BYTE, out, own, MPI_BYTE, h.collectives, &h.collective), "MPI_Iallgather");
  } else {
    check_mpi(MPI_Iallgatherv(mine, own, MPI_BYTE, out, h.counts.data(), h.starts.data(), MPI_BYTE, h.collectives, &h.collective),
              "MPI_Iallgatherv");
  }
}

bool MpiLink::ended() {
  int done = 0;
  check_mpi(MPI_Test(&handles_->collective, &done, MPI_STATUS_IGNORE), "a collective operation of MPI");
  return done != 0;
}

void MpiLink::post(int to, int tag, std::string bytes) {
  Posted& p = handles_->posted.emplace_back(Posted{MPI_REQUEST_NULL, std::move(bytes), false});
  check_mpi(MPI_Isend(p.bytes.data(), static_cast<int>(p.bytes.size()), MPI_BYTE, to, tag, handles_->messages, &p.request),
            "MPI_Isend");
}

void MpiLink::post_until_taken(int to, int tag, std::string bytes) {
  Posted& p = handles_->posted.emplace_back(Posted{MPI_REQUEST_NULL, std::move(bytes), true});
  check_mpi(MPI_Issend(p.bytes.data(), static_cast<int>(p.bytes.size()), MPI_BYTE, to, tag, handles_->messages, &p.request),
            "MPI_Issend");
}

void MpiLink::test_posted() {
  for (auto p = handles_->posted.begin(); p != handles_->posted.end();) {
    int done = 0;
    check_mpi(MPI_Test(&p->request, &done, MPI_STATUS_IGNORE), "MPI_Isend");
    p = done ? handles_->posted.erase(p) : std::next(p);
  }
}

std::size_t MpiLink::posted() const { return handles_->posted.size(); }

std::size_t MpiLink::untaken() const {
  return static_cast<std::size_t>(
      std::count_if(handles_->posted.begin(), handles_->posted.end(), [](const Posted& p) { return p.until_taken; }));
}

std::optional<World::Message> MpiLink::take(std::optional<int> tag) {
  int found = 0, count = 0;
  MPI_Message handle;
  MPI_Status status;
  check_mpi(MPI_Improbe(MPI_ANY_SOURCE, tag.value_or(MPI_ANY_TAG), handles_->messages, &found, &handle, &status),
            "MPI_Improbe");
  if (!found) return std::nullopt;
  MPI_Get_count(&status, MPI_BYTE, &count);
  World::Message out{status.MPI_SOURCE, std::string(static_cast<std::size_t>(count), '\0')};
  check_mpi(MPI_Mrecv(out.bytes.data(), count, MPI_BYTE, &handle, MPI_STATUS_IGNORE), "MPI_Mrecv");
  return out;
}

void MpiLink::abort(int exit_code) { MPI_Abort(MPI_COMM_WORLD, exit_code); }

}  // namespace balr
