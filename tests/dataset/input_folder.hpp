#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "balr/data/vector_file.hpp"
#include "support/golden.hpp"

namespace balr::test {

// A folder to write inputs to.
class InputFolder : public ::testing::Test {
 protected:
  std::filesystem::path root() const { return folder_.path(); }
  std::filesystem::path text(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((root() / name).parent_path());
    std::ofstream(root() / name, std::ios::binary) << content;
    return root() / name;
  }
  // A vector file by the name's extension.
  void file(const std::string& name, const std::vector<float>& values,
            const std::vector<std::int64_t>& shape) const {
    text(name, vector_file_content(values, shape, *vector_format_of(name)));
  }
  static void expect_parts(const std::string& message, const std::vector<std::string>& parts) {
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
  }

 private:
  TempDir folder_;
};

}  // namespace balr::test
