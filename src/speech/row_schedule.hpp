#pragma once
#include <cstdint>
#include <vector>

namespace balr {

// Order in which a network's convolutions compute their rows, so that a row is used while it is
// still in the cache and little of any picture is kept: memory does not grow with the length of the
// audio.

// A picture on its way: picture 0 is the network's input, which is there from the start.
struct RowPicture {
  std::int64_t rows = 0;
};

// A convolution, in an order in which each one's inputs come from earlier ones.
struct RowNode {
  std::size_t in = 0, out = 0;  // pictures
  std::ptrdiff_t added = -1;    // the picture added to the output, or none
  std::int64_t kernel = 3, stride = 1;
  std::int64_t rows_at_once = 1;  // each run computes this many rows, the last one what is left
};

class RowSchedule {
 public:
  RowSchedule(std::vector<RowNode> nodes, std::vector<RowPicture> pictures);

  struct Run {
    std::size_t node = 0;
    std::int64_t first = 0, last = 0;  // rows of its output
  };
  // The next run: of the last node that has all it needs. False if everything is computed.
  bool next(Run& run);

  // How many consecutive rows of each picture must be kept for this order to work: by going through
  // it once.
  static std::vector<std::int64_t> rows_kept(const std::vector<RowNode>& nodes,
                                             const std::vector<RowPicture>& pictures);

 private:
  bool runnable(std::size_t node, Run& run) const;
  // The first row of a picture that some node will still read.
  std::int64_t oldest_needed(std::size_t picture) const;

  std::vector<RowNode> nodes_;
  std::vector<RowPicture> pictures_;
  std::vector<std::int64_t> done_;  // rows of each picture
  std::size_t last_reader_offset_ = 0, candidate_ = 0;
};

}  // namespace balr
