// Every bound of the system in one place. Each queue, buffer and name has one; full means
// back-pressure towards the client, never a drop.
#pragma once

#include <cstddef>
#include <cstdint>

namespace understudy::bounds {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

// Names. A component is at most 255 UTF-16 units, as on NTFS; three UTF-8 bytes hold any unit.
inline constexpr std::size_t kMaxNameUnits = 255;
inline constexpr std::size_t kMaxNameBytes = kMaxNameUnits * 3;
inline constexpr std::size_t kMaxPathBytes = 32 * kKiB;

// One READ, WRITE or QUERY moves at most this many bytes (MaxReadSize and the like, MS-SMB2 2.2.4).
inline constexpr std::uint32_t kMaxTransfer = 1 * kMiB;
// A whole SMB2 frame: a transfer, and room for the headers of a compound and the names in it.
inline constexpr std::uint32_t kMaxFrame = kMaxTransfer + 128 * kKiB;

// IRPs in flight on one link, by who sends them. The sum of what a layer can be asked at once stays
// below what it may ask of the next one, so that a full link can never wait for itself: netstack's
// plus mirror_server's plus the lazy writer's are fewer than ff_driver's.
inline constexpr std::uint32_t kMaxOutstandingNetstack = 512;
inline constexpr std::uint32_t kMaxOutstandingReplay = 64;
// Pended IRPs of netstack (blocked locks, change notifies, opens that wait for a break) have places
// of their own, so that they leave those of ordinary operations alone; beside them one IRP a LUN
// waits for oplocks to break.
inline constexpr std::uint32_t kMaxPended = 1024;
inline constexpr std::uint32_t kMaxOutstandingLink = 2048;
// Slots of one ring: the requests of one side and the completions owed to the other.
inline constexpr std::uint32_t kRingSlots = 2 * kMaxOutstandingLink;

// Memory of a node's arena, by region. `cluster.toml` can set the second and third.
inline constexpr std::uint64_t kNetworkBytes = 96 * kMiB;
inline constexpr std::uint64_t kUnwrittenBytes = 256 * kMiB;
inline constexpr std::uint64_t kMirrorBytes = 256 * kMiB;
// Payload of cluster_app's orders: paths, and the accounts file (1 MiB at most) within `serve`.
inline constexpr std::uint64_t kClusterBytes = 4 * kMiB;

// Clients.
inline constexpr std::uint32_t kMaxConnections = 512;
inline constexpr std::uint32_t kMaxCredits = 8192;  // as Windows: MS-SMB2 3.3.1.2
// From the oldest message id that a client has not used to the newest it may use.
inline constexpr std::uint32_t kMaxSequenceSpan = 4 * kMaxCredits;
// Frames of one connection that are worked on at once; the next is not read before one is answered.
inline constexpr std::uint32_t kMaxFramesAtOnce = 512;
// A frame before anybody has logged on, and the memory that one connection may hold in requests and
// replies.
inline constexpr std::uint32_t kMaxFrameBeforeLogon = 64 * kKiB;
inline constexpr std::uint32_t kMaxConnectionBytes = 4 * kMiB;
// Messages in one compound.
inline constexpr std::size_t kMaxCompound = 64;
inline constexpr std::uint32_t kMaxSessionsPerConnection = 64;
inline constexpr std::uint32_t kMaxChannelsPerSession = 32;
// SESSION_SETUP exchanges that go on at once on a connection, and what is kept of a client that has
// not proved anything yet: its list of mechanisms, its first NTLMSSP message.
inline constexpr std::uint32_t kMaxLogonsAtOnce = 8;
inline constexpr std::size_t kMaxUnprovenBytes = 4 * kKiB;
inline constexpr std::uint32_t kMaxTreesPerSession = 256;
inline constexpr std::uint32_t kMaxOpensPerSession = 65536;
// Named pipes that are open, each with an answer that may not have been read; contexts of one BIND.
inline constexpr std::uint32_t kMaxPipes = 2048;
inline constexpr std::uint32_t kMaxPipesPerSession = 64;
inline constexpr std::uint8_t kMaxRpcContexts = 32;
// Requests of one connection that have been answered with STATUS_PENDING.
inline constexpr std::uint32_t kMaxPendedPerConnection = 512;
// One QUERY_DIRECTORY lists at most this much, one QUERY_INFO or IOCTL answers at most so much.
inline constexpr std::uint32_t kMaxListing = 128 * kKiB;
inline constexpr std::uint32_t kMaxInformation = 64 * kKiB;
// One FSCTL_SRV_COPYCHUNK (MS-SMB2 3.3.3); a chunk is at most a transfer.
inline constexpr std::uint32_t kMaxCopyChunks = 256;
inline constexpr std::uint32_t kMaxCopyBytes = 16 * kMiB;
// A server's shares, and the order that names them with the accounts file in it.
inline constexpr std::size_t kMaxShares = 64;

// Properties (iomgr/property.h): one value, as NTFS bounds extended attributes and descriptors, and
// how many one operation assigns at once.
inline constexpr std::size_t kMaxProperty = 64 * kKiB;
inline constexpr std::size_t kMaxProperties = 64;
// All that one record carries of them; together with its data it is at most a transfer.
inline constexpr std::size_t kMaxPropertyBytes = 256 * kKiB;
// The user and the groups in whose name an open is made.
inline constexpr std::size_t kMaxTokenSids = 16;

// Volumes: LUNs one node may have mounted at once, and what it keeps in memory of each.
inline constexpr std::uint32_t kMaxLuns = 64;
// The names of one degraded flush: less than the largest log that can be configured.
inline constexpr std::uint64_t kMaxIntentBytes = 1024 * kMiB;
inline constexpr std::size_t kMaxCachedObjects = 1'000'000;
inline constexpr std::size_t kMaxOpensPerVolume = 262'144;
// What one file or handle may hold: locked ranges, blocked locks, changes that nobody has fetched.
inline constexpr std::size_t kMaxLocksPerFile = 16384;
inline constexpr std::size_t kMaxBytesToNotify = 64 * kKiB;
inline constexpr std::uint32_t kMaxLinks = 1024;  // names of one file, as on NTFS
// Named streams of one file: an operation that removes them all lists them in one record.
inline constexpr std::size_t kMaxStreams = 1024;
// The largest file, as on NTFS with clusters of 4 KiB; the host's file systems can hold it.
inline constexpr std::uint64_t kMaxFileSize = (std::uint64_t{1} << 44) - 64 * kKiB;

// Medium: open files that one LUN keeps at hand, and how many objects or directories a flush syncs
// one by one before one syncfs of the whole file system is cheaper.
inline constexpr std::size_t kMaxMediumDescriptors = 128;
inline constexpr std::size_t kMaxSyncedOneByOne = 32;

// Descriptors that every process of a node may have open: one a connection, and files, links, logs.
inline constexpr std::size_t kMinDescriptors = kMaxConnections + 512;
// The first of those that listen; what else is open is below.
inline constexpr std::size_t kListeners = kMinDescriptors - 64;

// Slots in one area of a LUN's mailbox, one a node.
inline constexpr std::uint32_t kMaxMailboxNodes = 16;

// Interconnect: one message, and how many records may be on their way unacknowledged.
inline constexpr std::uint32_t kMaxRecord = kMaxTransfer + 4 * kKiB;
inline constexpr std::uint32_t kMaxInterconnectMessage = kMaxRecord + 4 * kKiB;
// One line of the control protocol between two cluster_apps, or a command line and a node.
inline constexpr std::size_t kMaxControlLine = 256 * kKiB;
// Connections to a node's control address or command socket that are served at once.
inline constexpr std::size_t kMaxControlConnections = 32;

// A layer's process: threads for blocking file work, IRPs taken from one link before the others
// have their turn, connections that wait to be accepted.
inline constexpr std::size_t kOffloadThreads = 4;
inline constexpr std::size_t kPortBatch = 64;
inline constexpr int kListenBacklog = 128;

// Entries of a layer's trace ring; a power of two.
inline constexpr std::uint32_t kTraceEntries = 4096;

static_assert(kMaxStreams * (kMaxNameBytes + 10) <= kMaxTransfer);
static_assert(kMaxOutstandingNetstack + kMaxPended + kMaxOutstandingReplay + 2 * kMaxLuns <
              kMaxOutstandingLink);

}  // namespace understudy::bounds
