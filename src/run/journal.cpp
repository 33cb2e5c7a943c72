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

// Begun and not ended, according to one journal. A last line without its end was not written whole: it is left out, as the row
// was not yet, or not any more, in work.
void replay(const std::string& text, std::set<std::int64_t>& rows) {
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    char what = 0;
    long long row = 0;
    if (std::sscanf(text.substr(begin, end - begin).c_str(), "%c %lld", &what, &row) != 2) continue;
    if (what == '+') rows.insert(row);
    if (what == '-') rows.erase(row);
  }
}

}  // namespace

Journal::Journal(const fs::path& folder) {
  const ProcessIdentity me = this_process();
  path_ = folder / ("journal-" + me.host + "-" + std::to_string(me.pid) + "-" + std::to_string(me.start) + ".txt");
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw IoError("cannot create " + path_.string() + ": " + std::strerror(errno));
}

Journal::~Journal() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Journal::begin(std::int64_t row) { write('+', row); }
void Journal::end(std::int64_t row) { write('-', row); }

void Journal::write(char what, std::int64_t row) {
  char line[32];
  const int length = std::snprintf(line, sizeof line, "%c %lld\n", what, static_cast<long long>(row));
  ssize_t written = 0;
  do written = ::write(descriptor_, line, static_cast<std::size_t>(length));
  while (written < 0 && errno == EINTR);
  if (written != length) throw IoError("cannot write " + path_.string() + ": " + std::strerror(written < 0 ? errno : ENOSPC));
}

void Journal::remove() { unlink(path_.c_str()); }

Suspects find_suspects(const fs::path& folder) {
  Suspects out;
  if (!fs::exists(folder)) return out;
  std::set<std::int64_t> rows;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("journal-") || !name.ends_with(".txt")) continue;
    std::set<std::int64_t> open;
    replay(read_file(entry.path()), open);
    rows.insert(open.begin(), open.end());
    out.journals.push_back(entry.path());
  }
  out.rows.assign(rows.begin(), rows.end());
  return out;
}

void remove_journals(const Suspects& suspects) {
  for (const fs::path& journal : suspects.journals) {
    std::error_code absent;
    fs::remove(journal, absent);
  }
}

}  // namespace balr
