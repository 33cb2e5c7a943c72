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

// id, reason, id, reason, ...
std::vector<std::string> listed(const DroppedRows& dropped) {
  std::vector<std::string> out;
  for (const auto& [id, reason] : dropped) {
    out.push_back(id);
    out.push_back(reason);
  }
  return out;
}

DroppedRows dropped_rows(const std::vector<std::string>& list) {
  DroppedRows out;
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) out.emplace(list[i], list[i + 1]);
  return out;
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
  out.texts(listed(table.dropped));
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
    table.dropped = dropped_rows(in.texts());
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
  out.texts(listed(table.dropped));
  for (const std::string* text : {&table.source, &table.model, &table.content_hash})
    out.text(*text);
  const std::string bytes = world.broadcast(out.take(), 0, kReading);
  if (world.rank() != 0) {
    ByteReader in(bytes);
    table.dimension = in.number<std::int64_t>();
    table.ids = in.texts();
    table.speakers = in.texts();
    table.dropped = dropped_rows(in.texts());
    for (std::string* text : {&table.source, &table.model, &table.content_hash}) *text = in.text();
    table.values.resize(table.ids.size() * static_cast<std::size_t>(table.dimension));
  }
  broadcast_values(table.values, world);
  return table;
}

}  // namespace balr
