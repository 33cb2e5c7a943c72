#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "balr/dist/world.hpp"

namespace balr {

// MPI as the World uses it, each step without waiting; mpi_link.cpp is the only file that includes mpi.h (the C API, standard
// calls of MPI 3.0 only). Two communicators: one for collectives, one for messages. Errors of MPI throw InternalError.
class MpiLink {
 public:
  // Starts MPI unless it runs already. Throws InternalError if processes that belong together do not see each other.
  MpiLink(int* argc, char*** argv);
  MpiLink(const MpiLink&) = delete;
  MpiLink& operator=(const MpiLink&) = delete;
  ~MpiLink();
  // Frees the communicators and, if this object started MPI, ends it, which waits for the other ranks. Without it the destructor
  // leaves MPI alone.
  void finish();

  int rank() const { return rank_; }
  int size() const { return size_; }
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }

  // Collectives, one at a time: begin one, then ask ended() until it is. Sizes are below 2^31.
  void begin_barrier();
  void begin_broadcast(std::byte* bytes, std::size_t count, int root);
  // sizes[r] bytes of rank r, one after the other in `out`.
  void begin_gather(const std::byte* mine, std::byte* out, std::span<const std::size_t> sizes);
  bool ended();

  // Messages. post() keeps the bytes until MPI has taken them over, which test_posted() sees.
  void post(int to, int tag, std::string bytes);
  // The same, but it counts as posted, and as untaken, until the other side has taken it.
  void post_until_taken(int to, int tag, std::string bytes);
  void test_posted();
  std::size_t posted() const;
  std::size_t untaken() const;
  // One that has arrived; any tag if there is none given.
  std::optional<World::Message> take(std::optional<int> tag);

  // Ends all processes of the run. May return, or never.
  void abort(int exit_code);

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
};

}  // namespace balr
