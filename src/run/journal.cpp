#include "balr/run/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>

#include "balr/core/atomic_file.hpp"
#include "balr/core/error.hpp"
#include "balr/run/job.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

// Rows of a line "+ begin end" or "- begin end".
bool parse(const std::string& line, char& what, Range& rows) {
  long long begin = 0, end = 0;
  if (std::sscanf(line.c_str(), "%c %lld %lld", &what, &begin, &end) != 3) return false;
  rows = {begin, end};
  return begin >= 0 && end > begin && end - begin < 1'000'000;
}

struct Found {
  std::set<std::int64_t> open, crashed, crashed_alone;
};

// What one journal says. A last line without its end was not written whole: it is left out, as the row was not yet, or not any
// more, in work.
void replay(const std::string& text, const std::string& identity, Found& out) {
  std::size_t begin = text.find('\n') + 1;  // 0: there is no whole line
  if (begin == 0 || text.substr(0, begin) != "run " + identity + "\n") return;
  std::set<std::int64_t> open;
  std::int64_t alone = -1;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    char what = 0;
    Range rows;
    if (!parse(text.substr(begin, end - begin), what, rows)) continue;
    if (what == '1') alone = rows.begin;
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      if (what == '+') open.insert(row);
      if (what == '-') open.erase(row);
      if (what == '!') (row == alone ? out.crashed_alone : out.crashed).insert(row);
    }
  }
  out.open.insert(open.begin(), open.end());
}

}  // namespace

Journal::Journal(const fs::path& folder, const std::string& identity) {
  const ProcessIdentity me = this_process();
  path_ = folder / ("journal-" + me.host + "-" + std::to_string(me.pid) + "-" + std::to_string(me.start) + ".txt");
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw IoError("cannot create " + path_.string() + ": " + std::strerror(errno));
  write("run " + identity + "\n");
}

Journal::~Journal() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Journal::begin(Range rows) { write(line('+', rows)); }
void Journal::end(Range rows) { write(line('-', rows)); }
void Journal::alone(std::int64_t row) { write(line('1', {row, row + 1})); }

std::string Journal::line(char what, Range rows) {
  return std::string(1, what) + " " + std::to_string(rows.begin) + " " + std::to_string(rows.end) + "\n";
}

void Journal::write(const std::string& text) {
  ssize_t written = 0;
  do written = ::write(descriptor_, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(text.size()))
    throw IoError("cannot write " + path_.string() + ": " + std::strerror(written < 0 ? errno : ENOSPC));
}

void Journal::remove() { unlink(path_.c_str()); }

Suspects find_suspects(const fs::path& folder, const std::string& identity) {
  Suspects out;
  if (!fs::exists(folder)) return out;
  Found found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("journal-") || !name.ends_with(".txt")) continue;
    replay(read_file(entry.path()), identity, found);
    out.journals.push_back(entry.path());
  }
  out.rows.assign(found.open.begin(), found.open.end());
  for (const std::int64_t row : found.crashed_alone) found.crashed.erase(row);
  out.crashed.assign(found.crashed.begin(), found.crashed.end());
  out.crashed_alone.assign(found.crashed_alone.begin(), found.crashed_alone.end());
  return out;
}

void remove_journals(const Suspects& suspects) {
  for (const fs::path& journal : suspects.journals) {
    std::error_code absent;
    fs::remove(journal, absent);
  }
}

}  // namespace balr
