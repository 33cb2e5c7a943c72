#include "score/shared_input.hpp"

#include <span>

#include "balr/dist/world.hpp"
#include "score/bytes.hpp"

namespace balr {
namespace {

constexpr const char* kReading = "reading the data";

template <class T>
void broadcast_values(std::vector<T>& values, World& world) {
  world.broadcast_bytes(std::as_writable_bytes(std::span(values)), 0, kReading);
}

OpenOptions open_options(const TestData& data, VectorKind kind) {
  OpenOptions options;
  options.kind = kind;
  if (!data.audio_formats.empty()) options.audio_formats = data.audio_formats;
  return options;
}

}  // namespace

AttributeTable share_attributes(const TestData& data, bool need_speakers, World& world) {
  AttributeTable table;
  all_agree(world, kReading, [&] {
    if (world.rank() != 0) return;
    const Busy busy(world, kReading);
    table = open_attributes(data.input, data.root, need_speakers,
                            open_options(data, VectorKind::kBinaryAttributes));
  });
  if (world.size() == 1) return table;
  ByteWriter out;
  out.number(table.attributes);
  out.number(table.words);
  out.texts(table.ids);
  out.texts(table.speakers);
  out.numbers(table.labels);
  out.texts(table.label_names);
  std::vector<std::string> dropped;
  for (const auto& [id, reason] : table.dropped) {
    dropped.push_back(id);
    dropped.push_back(reason);
  }
  out.texts(dropped);
  for (const std::string* text : {&table.source, &table.encoder, &table.content_hash})
    out.text(*text);
  const std::string bytes = world.broadcast(out.take(), 0, kReading);
  if (world.rank() != 0) {
    ByteReader in(bytes);
    table.attributes = in.number<std::int64_t>();
    table.words = in.number<std::int64_t>();
    table.ids = in.texts();
    table.speakers = in.texts();
    table.labels = in.numbers<std::int64_t>();
    table.label_names = in.texts();
    dropped = in.texts();
    for (std::size_t i = 0; i < dropped.size(); i += 2)
      table.dropped.emplace(dropped[i], dropped[i + 1]);
    for (std::string* text : {&table.source, &table.encoder, &table.content_hash})
      *text = in.text();
    table.bits.resize(table.ids.size() * static_cast<std::size_t>(table.words));
  }
  broadcast_values(table.bits, world);
  return table;
}

VectorTable share_vectors(const TestData& data, World& world) {
  VectorTable table;
  all_agree(world, kReading, [&] {
    if (world.rank() != 0) return;
    const Busy busy(world, kReading);
    table = open_vectors(data.input, data.root, false, open_options(data, VectorKind::kEmbedding));
  });
  if (world.size() == 1) return table;
  ByteWriter out;
  out.number(table.dimension);
  out.texts(table.ids);
  out.texts(table.speakers);
  out.number(table.dropped);
  for (const std::string* text : {&table.source, &table.model, &table.content_hash})
    out.text(*text);
  const std::string bytes = world.broadcast(out.take(), 0, kReading);
  if (world.rank() != 0) {
    ByteReader in(bytes);
    table.dimension = in.number<std::int64_t>();
    table.ids = in.texts();
    table.speakers = in.texts();
    table.dropped = in.number<std::int64_t>();
    for (std::string* text : {&table.source, &table.model, &table.content_hash}) *text = in.text();
    table.values.resize(table.ids.size() * static_cast<std::size_t>(table.dimension));
  }
  broadcast_values(table.values, world);
  return table;
}

}  // namespace balr
