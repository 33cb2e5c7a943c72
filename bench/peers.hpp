#pragma once
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <fstream>
#include <string>
#include <vector>

// What our matrix products are measured beside.
namespace balr::bench {

inline std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}

// x times the transpose of w, as oneDNN's linear layer computes it, with dense operands.
inline at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& w) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "");
  std::vector<c10::IValue> stack = {x,
                                    w,
                                    c10::IValue(),
                                    std::string("none"),
                                    c10::List<std::optional<at::Scalar>>(),
                                    std::optional<c10::string_view>("")};
  op.callBoxed(stack);
  return stack.at(0).toTensor();
}

}  // namespace balr::bench
