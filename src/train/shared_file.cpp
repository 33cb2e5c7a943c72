#include "train/shared_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace balr {
namespace {

constexpr std::int64_t kMark = 0x656c6261746c6162;  // of these files
constexpr std::size_t kAlignment = 64;

// Labels, values and texts (each with its length) follow, each part aligned.
struct Header {
  std::int64_t mark, rows, dimension, dropped, texts, text_bytes;
};

struct Layout {
  std::size_t labels, values, texts, end;
  explicit Layout(const Header& h) {
    const auto aligned = [](std::size_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; };
    const auto rows = static_cast<std::size_t>(h.rows);
    labels = aligned(sizeof(Header));
    values = aligned(labels + rows * sizeof(std::int64_t));
    texts = aligned(values + rows * static_cast<std::size_t>(h.dimension) * sizeof(float));
    end = texts + static_cast<std::size_t>(h.text_bytes);
  }
};

std::string pack(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    const auto size = static_cast<std::uint64_t>(text.size());
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    out += text;
  }
  return out;
}

std::vector<std::string> unpack(const char* from, std::int64_t count) {
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t size = 0;
    std::memcpy(&size, from, sizeof size);
    texts.emplace_back(from + sizeof size, size);
    from += sizeof size + size;
  }
  return texts;
}

class Handle {
 public:
  explicit Handle(int fd) : fd_(fd) {}
  ~Handle() {
    if (fd_ >= 0) close(fd_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

std::shared_ptr<char> map(int fd, std::size_t size, int protection) {
  void* memory = mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return nullptr;
  return {static_cast<char*>(memory), [size](char* p) { munmap(p, size); }};
}

}  // namespace

std::optional<SharedFile> SharedFile::write(const Table& table) {
  std::vector<std::string> texts = {table.source, table.model, table.content_hash};
  texts.insert(texts.end(), table.label_names.begin(), table.label_names.end());
  const std::string packed = pack(texts);
  const Header header{kMark, table.rows(), table.dimension, table.dropped,
                      static_cast<std::int64_t>(texts.size()),
                      static_cast<std::int64_t>(packed.size())};
  const Layout layout(header);
  SharedFile file{memfd_create("balr-table", MFD_CLOEXEC)};
  if (file.fd_ < 0) return std::nullopt;
  // Memory that is not there must be told now, not by a signal later.
  if (posix_fallocate(file.fd_, 0, static_cast<off_t>(layout.end)) != 0) return std::nullopt;
  const auto memory = map(file.fd_, layout.end, PROT_READ | PROT_WRITE);
  if (!memory) return std::nullopt;
  std::memcpy(memory.get(), &header, sizeof header);
  std::memcpy(memory.get() + layout.labels, table.labels.data(),
              table.labels.size() * sizeof(std::int64_t));
  std::memcpy(memory.get() + layout.values, table.values.data(), table.values.size_bytes());
  std::memcpy(memory.get() + layout.texts, packed.data(), packed.size());
  return file;
}

SharedFile::~SharedFile() {
  if (fd_ >= 0) close(fd_);
}

std::filesystem::path SharedFile::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

std::optional<Table> map_table(const std::filesystem::path& path) {
  const Handle fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < sizeof(Header)) return std::nullopt;
  const std::shared_ptr<const char> memory = map(fd, size, PROT_READ);
  if (!memory) return std::nullopt;
  Header header;
  std::memcpy(&header, memory.get(), sizeof header);
  const Layout layout(header);
  if (header.mark != kMark || layout.end != size) return std::nullopt;
  Table table;
  table.dimension = header.dimension;
  table.dropped = header.dropped;
  const auto* labels = reinterpret_cast<const std::int64_t*>(memory.get() + layout.labels);
  table.labels.assign(labels, labels + header.rows);
  table.values = {reinterpret_cast<const float*>(memory.get() + layout.values),
                  static_cast<std::size_t>(header.rows * header.dimension)};
  std::vector<std::string> texts = unpack(memory.get() + layout.texts, header.texts);
  table.source = texts[0];
  table.model = texts[1];
  table.content_hash = texts[2];
  table.label_names.assign(texts.begin() + 3, texts.end());
  table.memory = memory;
  return table;
}

}  // namespace balr
