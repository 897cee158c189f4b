// Named streams (MS-FSA 2.1.1.4): an object each, in the streams directory of their file
// (medium/medium.h). What is theirs alone stands here and in streams.cpp, create_stream.cpp and
// rename_stream.cpp; else a stream is a file like any other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fs_cache/medium/medium.h"
#include "fs_cache/node.h"

namespace understudy {

/// One stream in the data of a record with kRemovesStreams:
///
///     0 ┌────────────┬─────────────┬──────────────┬────────────
///       │ object     │ name length │ name (UTF-8) │ object ...
///       └────────────┴─────────────┴──────────────┴────────────
///         8            2
struct GoneStream {
  ObjectId object;
  std::string name;
};

std::vector<std::uint8_t> encode_gone_streams(const std::vector<GoneStream>& streams);
/// What is cut off at the end counts as not there: the record's CRC is right, so nothing is.
std::vector<GoneStream> decode_gone_streams(ConstBytes bytes);

/// The streams that nobody has open.
std::vector<GoneStream> unopened_streams(const Node& file);
bool has_open_streams(const Node& file);

/// Deleting a file, or overwriting it, deletes its streams: STATUS_SHARING_VIOLATION if somebody
/// has one open and does not share that. The streams' own deletion is no business of the file's
/// opens.
Status check_streams_sharing(const Node& file);

}  // namespace understudy
