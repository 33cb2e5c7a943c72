#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "balr/core/partition.hpp"

// Which rows are in work, so that the next run knows what a process was doing when it died.
namespace balr {

// One file per process, `journal-<host>-<pid>-<start>.txt`, one short line per event, each written by one call without fsync: what
// was written before the death of the process is there after it (not after that of the node, which is no fault of a row).
class Journal {
 public:
  // Creates the file. The folder exists. `identity` is the run's: rows are numbers of its input.
  Journal(const std::filesystem::path& folder, const std::string& identity);
  ~Journal();  // leaves the file: only a clean end removes it
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // From any thread. Throw IoError.
  void begin(Range rows);
  void end(Range rows);  // whatever became of them: the process survived them
  // From now on this row is computed, and nothing else is in work on this rank until it has ended.
  void alone(std::int64_t row);

  // The run ended in order; nothing here is suspect.
  void remove();

  // For CrashNote: a line of the file, with its end.
  static std::string line(char what, Range rows);
  int descriptor() const { return descriptor_; }

 private:
  void write(const std::string& text);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

// What the journals of earlier runs of this identity say; rows in order. Call it while holding the folder's lease and before this
// run makes journals.
struct Suspects {
  std::vector<std::int64_t> rows;           // begun and not ended. All that were in work at a kill -9 are among them: not culprits
  std::vector<std::int64_t> crashed;        // a process crashed on them (CrashNote) while others were in work: no proof
  std::vector<std::int64_t> crashed_alone;  // a process crashed on them while nothing else was in work
  std::vector<std::filesystem::path> journals;  // these, and those of other runs
};
Suspects find_suspects(const std::filesystem::path& folder, const std::string& identity);
// Once what became of the suspects is on the disk.
void remove_journals(const Suspects& suspects);

}  // namespace balr
