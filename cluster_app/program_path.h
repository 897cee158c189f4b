// This program as a person can type it: hints name it so that they work from wherever they are
// read.
#pragma once

#include <string>

namespace understudy {

std::string program_path();

}  // namespace understudy
