#include "tests/sim/model.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "iomgr/unicode.h"

namespace understudy::sim {
namespace {

using Image = MemoryDisk::Image;
using Object = MemoryDisk::Object;

constexpr std::uint32_t kDirectory = 0x10;  // FILE_ATTRIBUTE_DIRECTORY

ObjectState state_after(const RecordHeader& header) {
  return {header.size,        header.attributes, header.creation_time,
          header.access_time, header.write_time, header.change_time};
}

bool same_state(const ObjectState& one, const ObjectState& other) {
  return one.size == other.size && one.attributes == other.attributes &&
         one.creation_time == other.creation_time && one.access_time == other.access_time &&
         one.write_time == other.write_time && one.change_time == other.change_time;
}

std::string show(ObjectId object) {
  return std::to_string(object >> 40) + "." + std::to_string(object & ((1ULL << 40) - 1));
}

std::string show(const ObjectState& state) {
  return "size " + std::to_string(state.size) + " attributes " + std::to_string(state.attributes) +
         " written " + std::to_string(state.write_time) + " changed " +
         std::to_string(state.change_time);
}

/// Byte `at` of an object whose sparse end may not be kept.
std::uint8_t byte_at(const Object& object, std::size_t at) {
  return at < object.bytes.size() ? object.bytes[at] : std::uint8_t{0};
}

/// Whether one of the operations assigns this.
bool assigns_entry(const std::vector<const Effects*>& also, ObjectId directory,
                   const std::string& name, ObjectId object) {
  return std::any_of(also.begin(), also.end(), [&](const Effects* each) {
    const RecordHeader& header = each->header;
    const bool source = header.parent == directory && each->name == name;
    const bool target = header.target_parent == directory && each->target_name == name;
    const std::string old_spelling(each->data.begin(), each->data.end());
    switch (header.effect) {
      case Effect::create:
        return source && header.object == object;
      case Effect::unlink:
        return source && object == 0;
      case Effect::rename:
      case Effect::link:
        return (source && object == 0 && header.effect == Effect::rename) ||
               (target && header.object == object) ||
               (object == 0 && header.target_parent == directory && !old_spelling.empty() &&
                old_spelling == name);
      default:
        return false;
    }
  });
}

bool touches(const Effects& effects, ObjectId object) {
  const RecordHeader& header = effects.header;
  return header.object == object || header.replaced == object || header.parent == object ||
         header.target_parent == object;
}

bool assigns_state(const std::vector<const Effects*>& also, ObjectId object,
                   const ObjectState& state) {
  return std::any_of(also.begin(), also.end(), [&](const Effects* each) {
    if (each->header.object == object) return same_state(state_after(each->header), state);
    // A directory whose entries change takes the time of the change and keeps the rest.
    return touches(*each, object) && state.change_time == each->header.change_time;
  });
}

bool assigns_byte(const std::vector<const Effects*>& also, ObjectId object, std::size_t at,
                  std::uint8_t byte) {
  return std::any_of(also.begin(), also.end(), [&](const Effects* each) {
    const RecordHeader& header = each->header;
    if (header.object != object) return false;
    if (header.effect == Effect::write && at >= header.offset &&
        at - header.offset < each->data.size())
      return each->data[at - header.offset] == byte;
    // What is cut off, or lies between an old end and a new one, is zero.
    return byte == 0;
  });
}

void compare_bytes(ObjectId id, const Object& found, const Object& expected,
                   const std::vector<const Effects*>& also, std::vector<std::string>& lines) {
  const std::size_t size = found.state.size;
  const bool same = found.bytes.size() == expected.bytes.size() && found.bytes == expected.bytes;
  if (same) return;
  for (std::size_t at = 0; at < size; ++at) {
    const std::uint8_t there = byte_at(found, at);
    const std::uint8_t wanted = at < expected.state.size ? byte_at(expected, at) : 0;
    if (there == wanted || assigns_byte(also, id, at, there)) continue;
    lines.push_back("object " + show(id) + ", byte " + std::to_string(at) + ": is " +
                    std::to_string(there) + ", should be " + std::to_string(wanted));
    return;  // one line an object
  }
}

std::set<ObjectId> named(const Image& image) {
  std::set<ObjectId> objects{kRootObject};
  for (const auto& [place, object] : image.entries) objects.insert(object);
  return objects;
}

void compare_entries(const Image& found, const Image& expected,
                     const std::vector<const Effects*>& also, std::vector<std::string>& lines) {
  const auto object_at = [](const Image& image, const MemoryDisk::EntryPlace& place) {
    const auto entry = image.entries.find(place);
    return entry == image.entries.end() ? ObjectId{0} : entry->second;
  };
  std::set<MemoryDisk::EntryPlace> places;
  for (const auto& [place, object] : found.entries) places.insert(place);
  for (const auto& [place, object] : expected.entries) places.insert(place);
  for (const auto& place : places) {
    const ObjectId there = object_at(found, place);
    const ObjectId wanted = object_at(expected, place);
    if (there == wanted || assigns_entry(also, place.first, place.second, there)) continue;
    lines.push_back("name '" + place.second + "' in directory " + show(place.first) +
                    ": leads to " + show(there) + ", should lead to " + show(wanted));
  }
}

}  // namespace

std::string to_string(Place place) {
  return std::to_string(place.epoch) + ":" + std::to_string(place.lsn);
}

bool Effects::operator==(const Effects& other) const {
  return std::memcmp(&header, &other.header, sizeof header) == 0 && name == other.name &&
         target_name == other.target_name && data == other.data;
}

/// Zeros are kept as the bytes that they are.
Effects copy_of(const Record& record) {
  if (record.header.effect == Effect::zero) {
    Effects written{record.header, {}, {}, std::vector<std::uint8_t>(zeros_of(record))};
    written.header.effect = Effect::write;
    return written;
  }
  return {record.header, std::string(record.name), std::string(record.target_name),
          std::vector<std::uint8_t>(record.data.begin(), record.data.end())};
}

std::string describe(const Effects& effects) {
  const RecordHeader& header = effects.header;
  const std::string object = " object " + show(header.object);
  switch (header.effect) {
    case Effect::create:
      return "create '" + effects.name + "' as" + object;
    case Effect::write:
      return "write of " + std::to_string(effects.data.size()) + " bytes at " +
             std::to_string(header.offset) + " in" + object;
    case Effect::set:
      return "set" + object + " to " + show(state_after(header));
    case Effect::unlink:
      return "unlink '" + effects.name + "' of" + object;
    case Effect::rename:
      return "rename '" + effects.name + "' to '" + effects.target_name + "' of" + object;
    case Effect::link:
      return "link '" + effects.target_name + "' to" + object;
    case Effect::zero:  // copy_of() leaves none
      break;
    case Effect::note:
      return "note of " + std::to_string(header.properties_length) + " bytes";
  }
  return "?";
}

Model::Model() {
  image_.objects[kRootObject].directory = true;
  image_.objects[kRootObject].state.attributes = kDirectory;
}

Model::Model(const Image& image) : image_(image) {}

void Model::touch_directory(ObjectId directory, std::uint64_t time) {
  const auto found = image_.objects.find(directory);
  if (found == image_.objects.end()) return;
  found->second.state.write_time = time;
  found->second.state.change_time = time;
}

void Model::remove(ObjectId object) {
  image_.objects.erase(object);
}

void Model::apply(const Effects& effects) {
  const RecordHeader& header = effects.header;
  switch (header.effect) {
    case Effect::create: {
      Object& object = image_.objects[header.object];
      object = {};
      object.directory = (header.attributes & kDirectory) != 0;
      image_.entries[{header.parent, effects.name}] = header.object;
      touch_directory(header.parent, header.change_time);
      break;
    }
    case Effect::write: {
      std::vector<std::uint8_t>& bytes = image_.objects[header.object].bytes;
      bytes.resize(std::max(bytes.size(), header.offset + effects.data.size()));
      std::copy(effects.data.begin(), effects.data.end(),
                bytes.begin() + static_cast<std::ptrdiff_t>(header.offset));
      break;
    }
    case Effect::set:
      break;
    case Effect::zero:
    case Effect::note:
      return;
    case Effect::unlink:
      image_.entries.erase({header.parent, effects.name});
      touch_directory(header.parent, header.change_time);
      break;
    case Effect::rename:
    case Effect::link: {
      if (header.effect == Effect::rename) {
        image_.entries.erase({header.parent, effects.name});
        touch_directory(header.parent, header.change_time);
      }
      if (!effects.data.empty())
        image_.entries.erase(
            {header.target_parent, std::string(effects.data.begin(), effects.data.end())});
      image_.entries[{header.target_parent, effects.target_name}] = header.object;
      touch_directory(header.target_parent, header.change_time);
      if ((header.flags & kRemovesReplaced) != 0) remove(header.replaced);
      break;
    }
  }
  if (const auto found = image_.objects.find(header.object); found != image_.objects.end()) {
    found->second.state = state_after(header);
    if (!found->second.directory) found->second.bytes.resize(header.size);
  }
  if (header.effect == Effect::unlink && (header.flags & kRemovesObject) != 0)
    remove(header.object);
}

std::optional<ObjectId> Model::find(std::string_view path) const {
  ObjectId at = kRootObject;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('\\'), path.size());
    const std::string wanted = fold(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
    auto entry = image_.entries.lower_bound({at, ""});
    while (entry != image_.entries.end() && entry->first.first == at &&
           fold(entry->first.second) != wanted)
      ++entry;
    if (entry == image_.entries.end() || entry->first.first != at) return std::nullopt;
    at = entry->second;
  }
  return at;
}

std::vector<std::string> Model::names(ObjectId directory) const {
  std::vector<std::string> names;
  for (auto entry = image_.entries.lower_bound({directory, ""});
       entry != image_.entries.end() && entry->first.first == directory; ++entry)
    names.push_back(entry->first.second);
  return names;
}

std::vector<std::string> differences(const Image& found, const Image& expected,
                                     const std::vector<const Effects*>& also) {
  std::vector<std::string> lines;
  compare_entries(found, expected, also, lines);
  const std::set<ObjectId> in_found = named(found);
  for (const auto& [id, there] : found.objects) {
    if (!in_found.contains(id)) continue;
    const auto wanted = expected.objects.find(id);
    const Object nothing;
    const Object& should = wanted == expected.objects.end() ? nothing : wanted->second;
    if (!same_state(there.state, should.state) && !assigns_state(also, id, there.state)) {
      lines.push_back("object " + show(id) + ": " + show(there.state) + ", should be " +
                      show(should.state));
    }
    if (!there.directory) compare_bytes(id, there, should, also, lines);
  }
  for (const auto& [place, id] : found.entries) {
    if (!found.objects.contains(id))
      lines.push_back("name '" + place.second + "' leads to object " + show(id) +
                      ", which is not there");
  }
  return lines;
}

std::vector<Effects> assignments(const Image& image, const Image& other) {
  std::vector<Effects> effects;
  for (const auto& [id, object] : image.objects) {
    const auto found = other.objects.find(id);
    if (found == other.objects.end()) continue;
    Effects content;
    content.header.effect = object.directory ? Effect::set : Effect::write;
    content.header.object = id;
    content.header.size = object.state.size;
    content.header.attributes = object.state.attributes;
    content.header.creation_time = object.state.creation_time;
    content.header.access_time = object.state.access_time;
    content.header.write_time = object.state.write_time;
    content.header.change_time = object.state.change_time;
    content.data = object.bytes;
    content.data.resize(std::max(object.bytes.size(), found->second.bytes.size()));
    effects.push_back(std::move(content));
  }
  return effects;
}

}  // namespace understudy::sim
