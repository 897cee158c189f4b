// What the commands take their arguments apart with, and put their answers together.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "tools/stepper/commands.h"

namespace understudy::stepper {

/// One a line.
std::string joined(const std::vector<std::string>& lines);
std::vector<std::string> words_of(const std::string& text);
std::optional<std::uint64_t> number_of(std::string_view text);
/// A number, or one in hex behind "0x".
std::optional<std::uint64_t> value_of(std::string_view text);

inline constexpr std::array<std::pair<std::string_view, Hop>, 6> kHops = {
    {{"request_out", Hop::request_out},
     {"request_in", Hop::request_in},
     {"completion_out", Hop::completion_out},
     {"completion_in", Hop::completion_in},
     {"message_out", Hop::message_out},
     {"message_in", Hop::message_in}}};

/// "a", "ff_driver" or "a.ff_driver"; what is wrong, or nothing.
std::string take_place(const std::string& word, const std::vector<std::string>& nodes,
                       std::string& node, Layer& layer);

}  // namespace understudy::stepper
