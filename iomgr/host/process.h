// The whole main() of a layer's process: command line, seams, links, loop. Behind its
// includes, a layer's main.cpp is
//
//     int main(int argc, char** argv) {
//       return understudy::run_layer(argc, argv, understudy::Layer::fs_cache,
//                                    understudy::make_fs_cache);
//     }
#pragma once

#include <memory>

#include "iomgr/driver.h"

namespace understudy {

/// Makes the layer's driver. The seams outlive it.
using LayerFactory = std::unique_ptr<Driver> (*)(Seams);

/// What a layer's process may end with, beside death by a signal.
inline constexpr int kExitBadArguments = 2;
inline constexpr int kExitLinkBroken =
    3;  // a neighbour died or broke the protocol: the node is lost

/// Runs `layer` until its parent ends it. cluster_app starts it (see launcher.h) with --arena,
/// --node, --parent and one --link for each neighbour; what is wrong with the arguments is said in
/// one line on stderr and the process ends with kExitBadArguments. It dies with its parent, and
/// ends with kExitLinkBroken when a neighbour is gone. SIGINT and SIGTERM do nothing: cluster_app
/// decides when a layer ends.
int run_layer(int argc, char** argv, Layer layer, LayerFactory factory);

}  // namespace understudy
