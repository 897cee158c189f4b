// The cluster_app process: a node, or a person's command.
#include <iostream>

#include "cluster_app/command_line.h"

int main(int argc, char** argv) {
  understudy::Console console{std::cin, std::cout, std::cerr};
  return understudy::run_command_line(argc, argv, console);
}
