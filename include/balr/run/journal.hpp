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

  // The run ended in order; nothing here is suspect.
  void remove();

 private:
  void write(char what, Range rows);
  void write(const std::string& line);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

// Rows that earlier runs of this identity began and did not end, in order, and the journals that say so (and those of other runs).
// Call it while holding the folder's lease and before this run makes journals. All rows in work at the time of a kill -9 are among
// them: suspects, not culprits.
struct Suspects {
  std::vector<std::int64_t> rows;
  std::vector<std::filesystem::path> journals;
};
Suspects find_suspects(const std::filesystem::path& folder, const std::string& identity);
// Once what became of the suspects is on the disk.
void remove_journals(const Suspects& suspects);

}  // namespace balr
