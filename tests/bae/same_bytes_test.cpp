// The promise of equal bytes, held against digests in the source. The program runs once per kernel
// path (BALR_KERNELS, see CMakeLists.txt) and on several MPI ranks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "bae/formula_data.hpp"
#include "balr/core/thread_pool.hpp"
#include "balr/dist/collective.hpp"
#include "balr/dist/world.hpp"
#include "balr/kernels/path.hpp"

namespace balr {
namespace {

bool path_is_supported() {
  const char* wanted = std::getenv("BALR_KERNELS");
  if (!wanted) return true;
  for (const Path path : supported_paths())
    if (std::string(wanted) == path_name(path)) return true;
  return false;
}

TEST(SameBytes, AsPinned) {
  if (!path_is_supported()) GTEST_SKIP() << "this processor lacks " << std::getenv("BALR_KERNELS");
  const std::unique_ptr<World> world = World::start(nullptr, nullptr);
  const std::unique_ptr<Collective> collective = make_collective(*world, at::kCPU);
  for (const test::PinnedTraining& pinned : test::kPinnedTrainings)
    for (const int threads : {1, 2}) {
      ThreadPool pool(threads);
      EXPECT_EQ(test::digest_of_training(collective.get(), {threads, pool.runner()},
                                         pinned.training),
                pinned.digest)
          << pinned.training.batch << " rows, losses " << pinned.training.losses << ", path " << path_name(active_path()) << ", " << threads
          << " threads";
    }
}

}  // namespace
}  // namespace balr
