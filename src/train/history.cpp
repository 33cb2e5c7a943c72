#include "train/history.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno));
}

std::string header(std::span<const std::string> losses) {
  std::string text = "epoch";
  for (const char* part : {"train/", "test/"})
    for (const std::string& loss : losses) text += std::string(",") + part + loss;
  return text + "\n";
}

std::string number(float value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", static_cast<double>(value));
  return text.data();
}

void check_kept_part(const fs::path& file, const std::string& expected_header, std::int64_t offset) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error || size < static_cast<std::uintmax_t>(offset))
    throw DataError(file.string() + " is shorter than the checkpoint beside it says; give the file back, or start again "
                    "with --no-resume");
  if (read_file(file).substr(0, expected_header.size()) != expected_header)
    throw DataError(file.string() + " has other columns than this run; give the file back, or start again with --no-resume");
}

}  // namespace

History::History(fs::path file, std::span<const std::string> losses, std::int64_t offset)
    : file_(std::move(file)), losses_(losses.size()), offset_(offset) {
  const std::string first_line = header(losses);
  if (offset > 0) check_kept_part(file_, first_line, offset);
  handle_ = open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (handle_ < 0) fail("create", file_);
  if (ftruncate(handle_, offset) != 0) {
    const int cause = errno;
    close(handle_);
    errno = cause;
    fail("cut back", file_);
  }
  if (offset == 0) append(first_line);
}

History::~History() { close(handle_); }

void History::add(std::int64_t epoch, std::span<const float> train,
                  std::span<const std::optional<float>> test) {
  BALR_CHECK(train.size() == losses_ && (test.empty() || test.size() == losses_));
  std::string row = std::to_string(epoch);
  for (const float value : train) row += "," + number(value);
  for (std::size_t i = 0; i < losses_; ++i) row += test.empty() || !test[i] ? "," : "," + number(*test[i]);
  append(row + "\n");
}

void History::append(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = write(handle_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", file_);
    done += static_cast<std::size_t>(written);
  }
  offset_ += static_cast<std::int64_t>(text.size());
}

void History::sync() {
  if (fsync(handle_) != 0) fail("fsync", file_);
}

}  // namespace balr
