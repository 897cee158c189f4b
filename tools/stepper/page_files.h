// The files of tools/stepper/page/, which the build puts into the program (cmake/embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace understudy::stepper {

struct PageFile {
  std::string_view path;  // "/page.css"
  std::string_view content;
};
std::span<const PageFile> page_files();

}  // namespace understudy::stepper
