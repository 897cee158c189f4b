// The log record of one operation: its effects, never the request (design: section 4). Written once
// by fs_cache into the unwritten-data cache; the same bytes go over the interconnect into the
// partner's mirror store and, after a takeover, to the partner's medium. Every value in it is a
// constant that replay assigns, so replaying twice is replaying once (rule 10).
//
//     0 ┌─────────┬─────────┬───────────────────┬───────────────────┬─────────┬─────────┐
//       │ magic   │ crc     │ epoch             │ lsn               │ lun     │kind,flag│
//    32 ├─────────┴─────────┼───────────────────┼───────────────────┼─────────┴─────────┤
//       │ object            │ parent            │ target_parent     │ replaced          │
//    64 ├───────────────────┼───────────────────┼─────────┬─────────┼─────────┬─────────┤
//       │ offset            │ size              │ attrib. │ data len│names len│prop. len│
//    96 ├───────────────────┼───────────────────┼─────────┴─────────┼─────────┴─────────┤
//       │ creation_time     │ access_time       │ write_time        │ change_time       │
//   128 ├───────────────────┴───────────────────┴───────────────────┴───────────────────┤
//       │ name (UTF-8) │ target name (UTF-8) │ properties (property.h) │ data              │
//       └────────────────────────────────────────────────────────────────────────────────┘
// Little-endian. crc is CRC-32C of everything behind it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/property.h"
#include "iomgr/result.h"

namespace understudy {

// A named stream is an object whose name stands in the streams directory of its file, an id with
// the top bit (fs_cache/medium/medium.h). A record of which that is the parent also gives the file
// the record's change time, as an entry does to its directory; a `write` or `set` of a stream names
// it as `parent` for that alone.
enum class Effect : std::uint16_t {
  create =
      1,  // `object` comes to be (a directory if `attributes` say so); parent/name -> object.
          // With a target name also an empty stream of it, `replaced`: target_parent/target_name
  write = 2,   // `data` at `offset`; the file's size is `size` from now on
  set = 3,     // `object` has this size, these attributes and times
  unlink = 4,  // parent/name is gone
  rename = 5,  // parent/name is gone, target_parent/target_name -> object
  link = 6,    // target_parent/target_name -> object
  note = 7,    // nothing but what its properties say
  zero = 8,    // zeros at `offset`, as many bytes as the 8 of `data` say; else like `write`
  // rename, link: `data` is the old spelling of the name taken over from `replaced`, if it differed
  // in case; it is gone
};

/// Flags of a record.
inline constexpr std::uint16_t kRemovesObject = 1;  // unlink: that was the last name of `object`
inline constexpr std::uint16_t kRemovesReplaced =
    2;  // rename, link: that was the last name of `replaced`
inline constexpr std::uint16_t kRemovesStreams =
    4;  // set, unlink: `data` lists streams of `object` that are gone (fs_cache/streams.h)

struct RecordHeader {
  static constexpr std::uint32_t kMagic = 0x31525355;  // "USR1"

  std::uint32_t magic = kMagic;
  std::uint32_t crc = 0;
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;
  std::uint32_t lun = 0;
  Effect effect = Effect::set;
  std::uint16_t flags = 0;
  std::uint64_t object = 0;
  std::uint64_t parent = 0;
  std::uint64_t target_parent = 0;
  std::uint64_t replaced = 0;  // rename, link: the object whose name was taken over; 0: none
  std::uint64_t offset = 0;
  std::uint64_t size = 0;        // of the object after the operation
  std::uint32_t attributes = 0;  // of the object after the operation, FILE_ATTRIBUTE_*
  std::uint32_t data_length = 0;
  std::uint16_t name_length = 0;
  std::uint16_t target_name_length = 0;
  std::uint32_t properties_length = 0;
  std::uint64_t creation_time = 0;  // the object's times after the operation, FILETIME ...
  std::uint64_t access_time = 0;
  std::uint64_t write_time = 0;
  std::uint64_t change_time =
      0;  // ... and the write time of every directory whose entries it changes
};
static_assert(sizeof(RecordHeader) == 128);

/// A checked view of a record's bytes; valid as long as they are.
struct Record {
  RecordHeader header;
  std::string_view name;
  std::string_view target_name;
  ConstBytes data;
  std::vector<Property> properties = {};
};

/// Of a `zero`: how many bytes become zeros.
std::uint64_t zeros_of(const Record& record);

/// Bytes a record takes.
std::size_t record_size(const RecordHeader& header);

/// Writes header (lengths and crc filled in), names, properties and data to `out`, which is exactly
/// record_size() long.
void encode_record(RecordHeader header, std::string_view name, std::string_view target_name,
                   ConstBytes data, Bytes out, const std::vector<Property>& properties = {});

/// Checks magic, lengths, effect and crc. STATUS_CRC_ERROR or STATUS_DATA_ERROR for what is no
/// record. `bytes` must be the record and nothing more.
Result<Record> decode_record(ConstBytes bytes);

}  // namespace understudy
