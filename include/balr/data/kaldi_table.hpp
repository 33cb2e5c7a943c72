#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <memory>
#include <span>
#include <string>
#include <vector>

// Kaldi's tables of vectors: an .ark holds keys and vectors, an .scp says where each key's vector
// lies. Binary and text, float and double; a matrix of one row counts as a vector.
namespace balr {

struct KaldiVector {
  std::string key;
  std::vector<float> values;
};
using KaldiSink = std::function<void(KaldiVector)>;

// Calls `sink` for each entry of an .ark, or of an .scp (`script`), in order. An .scp's relative
// paths are looked for beside it, then in the working folder; commands (`... |`) are never run,
// ranges (`[0:3]`) refused. Throws DataError with file and key: matrices, compressed ones included,
// cut-off files, sizes beyond the file's end. IoError: cannot be read.
void read_kaldi_table(const std::filesystem::path& table, bool script, const KaldiSink& sink);
// The same for an ark in memory or elsewhere; `bytes` is its length, `name` for messages.
void read_kaldi_ark(std::istream& ark, std::uintmax_t bytes, const std::string& name,
                    const KaldiSink& sink);

// Writes a binary float .ark and the .scp of the same name, both put in place by finish(). The .scp
// names the .ark as `ark` was given. Throws DataError for keys that Kaldi cannot have (empty, or
// with blanks), IoError.
class KaldiWriter {
 public:
  explicit KaldiWriter(const std::filesystem::path& ark);
  ~KaldiWriter();
  KaldiWriter(const KaldiWriter&) = delete;
  KaldiWriter& operator=(const KaldiWriter&) = delete;
  void append(const std::string& key, std::span<const float> values);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace balr
