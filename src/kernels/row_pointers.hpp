#pragma once
#include <cstdint>
#include <vector>

#include "kernels/packed_convolution.hpp"

namespace balr::detail {

// Where the rows of a call begin, found once: a ring's rows cost a division each.
class RowPointers {
 public:
  // Input rows [first_in, last_in), null where they are outside the picture, and the call's output
  // rows.
  void find(const ConvolutionCall& call, std::int64_t first_in, std::int64_t last_in) {
    first_in_ = first_in;
    first_out_ = call.first;
    in_.clear(), out_.clear(), added_.clear();
    for (std::int64_t row = first_in; row < last_in; ++row)
      in_.push_back(row >= 0 && row < call.in.rows ? call.in.row(row) : nullptr);
    for (std::int64_t row = call.first; row < call.last; ++row) {
      out_.push_back(call.out.row(row));
      added_.push_back(call.end.added.data ? call.end.added.row(row) : nullptr);
    }
  }

  const float* in(std::int64_t row) const { return in_[static_cast<std::size_t>(row - first_in_)]; }
  float* out(std::int64_t row) const { return out_[static_cast<std::size_t>(row - first_out_)]; }
  const float* added(std::int64_t row) const {
    return added_[static_cast<std::size_t>(row - first_out_)];
  }  // or null

 private:
  std::int64_t first_in_ = 0, first_out_ = 0;
  std::vector<const float*> in_, added_;
  std::vector<float*> out_;
};

}  // namespace balr::detail
