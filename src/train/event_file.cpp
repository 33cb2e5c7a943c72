#include "train/event_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <protozero/pbf_writer.hpp>
#include <span>

#include "balr/core/error.hpp"
#include "balr/core/hash.hpp"

namespace balr {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
enum class Event : protozero::pbf_tag_type {
  kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7, kSourceMetadata = 10
};
enum class Summary : protozero::pbf_tag_type { kValue = 1 };
enum class Value : protozero::pbf_tag_type { kTag = 1, kSimpleValue = 2, kMetadata = 9 };
enum class Metadata : protozero::pbf_tag_type { kPluginData = 1 };
enum class PluginData : protozero::pbf_tag_type { kName = 1, kContent = 2 };
// tensorboard/plugins/hparams/{plugin_data,hparams_plugin}.proto, google.protobuf.Value.
enum class Hparams : protozero::pbf_tag_type { kSessionStart = 3 };
enum class SessionStart : protozero::pbf_tag_type { kHparams = 1, kStartTime = 5 };
enum class MapEntry : protozero::pbf_tag_type { kKey = 1, kValue = 2 };
enum class Any : protozero::pbf_tag_type { kNumber = 2, kText = 3, kBool = 4 };
enum class SessionLog : protozero::pbf_tag_type { kStatus = 1 };
enum class SourceMetadata : protozero::pbf_tag_type { kWriter = 1 };
constexpr std::int32_t kSessionStart = 1;  // SessionLog.SessionStatus.START

template <class Tag>
protozero::pbf_tag_type id(Tag tag) { return static_cast<protozero::pbf_tag_type>(tag); }

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The largest number of seconds in the names of event files in `folder`, or 0.
std::int64_t newest_seconds(const fs::path& folder) {
  std::int64_t newest = 0;
  std::error_code absent;  // told when the file cannot be created
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, absent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t seconds = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), seconds);
    newest = std::max(newest, seconds);
  }
  return newest;
}

std::string file_name(std::int64_t seconds) {
  static std::atomic<int> counter{0};
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(kPrefix) + std::to_string(seconds) + "." + host.data() + "." + std::to_string(getpid()) + "." +
         std::to_string(counter++);
}

template <class Number>
std::string little_endian(Number number) {
  std::string bytes(sizeof number, '\0');
  for (std::size_t i = 0; i < sizeof number; ++i) bytes[i] = static_cast<char>((number >> (8 * i)) & 0xFF);
  return bytes;
}

std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(std::as_bytes(std::span(bytes.data(), bytes.size())));
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

[[noreturn]] void fail(const char* what, const fs::path& file) {
  throw IoError(std::string("cannot ") + what + " the event file " + file.string() + ": " + std::strerror(errno));
}

std::string stamped() {
  std::string event;
  protozero::pbf_writer(event).add_double(id(Event::kWallTime), now());
  return event;
}

}  // namespace

EventFile::EventFile(const fs::path& folder) {
  const auto seconds = std::max(static_cast<std::int64_t>(now()), newest_seconds(folder) + 1);
  path_ = folder / file_name(seconds);
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) fail("create", path_);
  std::string event = stamped();
  protozero::pbf_writer writer(event);
  writer.add_string(id(Event::kFileVersion), "brain.Event:2");
  protozero::pbf_writer(writer, id(Event::kSourceMetadata)).add_string(id(SourceMetadata::kWriter), "balr.train");
  add(event);
  flush();
}

EventFile::~EventFile() {
  try {
    flush();
  } catch (const IoError&) {
    // The caller that wanted to know has called flush().
  }
  close(file_);
}

void EventFile::scalar(std::string_view tag, float value, std::int64_t step) {
  std::string event = stamped();
  protozero::pbf_writer writer(event);
  writer.add_int64(id(Event::kStep), step);
  {
    protozero::pbf_writer summary(writer, id(Event::kSummary));
    protozero::pbf_writer entry(summary, id(Summary::kValue));
    entry.add_string(id(Value::kTag), tag.data(), tag.size());
    entry.add_float(id(Value::kSimpleValue), value);
  }
  add(event);
}

void EventFile::hyper_parameters(const std::vector<HyperParameter>& parameters) {
  std::string content;
  {
    protozero::pbf_writer hparams(content);
    protozero::pbf_writer start(hparams, id(Hparams::kSessionStart));
    for (const HyperParameter& parameter : parameters) {
      protozero::pbf_writer entry(start, id(SessionStart::kHparams));
      entry.add_string(id(MapEntry::kKey), parameter.name);
      protozero::pbf_writer any(entry, id(MapEntry::kValue));
      if (const auto* number = std::get_if<double>(&parameter.value))
        any.add_double(id(Any::kNumber), *number);
      else if (const auto* text = std::get_if<std::string>(&parameter.value))
        any.add_string(id(Any::kText), *text);
      else
        any.add_bool(id(Any::kBool), std::get<bool>(parameter.value));
    }
    start.add_double(id(SessionStart::kStartTime), now());
  }
  std::string event = stamped();
  protozero::pbf_writer writer(event);
  {
    protozero::pbf_writer summary(writer, id(Event::kSummary));
    protozero::pbf_writer entry(summary, id(Summary::kValue));
    entry.add_string(id(Value::kTag), "_hparams_/session_start_info");
    protozero::pbf_writer metadata(entry, id(Value::kMetadata));
    protozero::pbf_writer plugin(metadata, id(Metadata::kPluginData));
    plugin.add_string(id(PluginData::kName), "hparams");
    plugin.add_bytes(id(PluginData::kContent), content);
  }
  add(event);
}

void EventFile::session_start(std::int64_t step) {
  std::string event = stamped();
  protozero::pbf_writer writer(event);
  writer.add_int64(id(Event::kStep), step);
  protozero::pbf_writer(writer, id(Event::kSessionLog)).add_enum(id(SessionLog::kStatus), kSessionStart);
  add(event);
  flush();
}

// A record: length, its checksum, the event, its checksum.
void EventFile::add(std::string_view event) {
  const std::string length = little_endian(static_cast<std::uint64_t>(event.size()));
  pending_ += length;
  pending_ += little_endian(masked_crc(length));
  pending_ += event;
  pending_ += little_endian(masked_crc(event));
}

void EventFile::flush() {
  while (!pending_.empty()) {
    const ssize_t written = write(file_, pending_.data(), pending_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path_);
    pending_.erase(0, static_cast<std::size_t>(written));
  }
}

}  // namespace balr
