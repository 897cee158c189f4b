// What is wrong with an exported recording (tools/stepper/export.h), as the program that it is for
// would find; empty if nothing is.
#pragma once

#include <string>

namespace understudy {

/// JSON, slices of a thread lie within each other or apart, each arrow ends once where one began.
std::string wrong_in_chrome(const std::string& text);
/// A diagram of participants that are declared, with arrows and notes only.
std::string wrong_in_mermaid(const std::string& text);
/// Each layer counts its own points one by one, knows ever more of others, and never of a point
/// that has not been.
std::string wrong_in_shiviz(const std::string& text);
/// Headers and packets as long as they say. `packets`: how many.
std::string wrong_in_pcap(const std::string& bytes, std::size_t& packets);

}  // namespace understudy
