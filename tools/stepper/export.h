// A recording in the formats of other programs.
#pragma once

#include <iosfwd>

#include "tools/stepper/recording.h"

namespace understudy::stepper {

struct Operation {
  std::uint32_t lun = 0;
  std::uint64_t lsn = 0;
};

/// Perfetto's and Chrome's trace viewer (chrome://tracing, ui.perfetto.dev): a process a node,
/// threads for each layer, a slice for each IRP from its request to its completion, an arrow for
/// each message.
void export_chrome(const Recording& recording, std::ostream& out);
/// A sequence diagram of one operation, at most kMaxMermaidLines lines of it.
void export_mermaid(const Recording& recording, const Operation& operation, std::ostream& out);
inline constexpr std::size_t kMaxMermaidLines = 400;
/// ShiViz (bestchai.bitbucket.io/shiviz): each point with its layer's vector clock, and in the
/// first line the expression that takes it apart.
void export_shiviz(const Recording& recording, std::ostream& out);
/// The messages of the interconnect as packets (pcap, LINKTYPE_USER0), of their headers what the
/// trace has. tools/wireshark/understudy.lua draws the layout and shows them in Wireshark.
void export_pcap(const Recording& recording, std::ostream& out);

/// The stepper's page (page/) with the recording in it, one file for a browser that needs no server
/// and loads nothing. Of long recordings the newest kMaxPagePoints points and kMaxPageSnapshots
/// snapshots.
void export_page(const Recording& recording, std::ostream& out);
inline constexpr std::size_t kMaxPagePoints = 20'000;
inline constexpr std::size_t kMaxPageSnapshots = 200;

/// Writes `file` in the format of that name. What is wrong, or nothing.
std::string export_to(const Recording& recording, const std::string& format,
                      const std::string& file, const Operation& operation);

}  // namespace understudy::stepper
