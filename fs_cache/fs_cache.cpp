#include "fs_cache/fs_cache.h"

#include "fs_cache/medium/posix_medium.h"
#include "fs_cache/mount_order.h"

namespace understudy {

FsCache::FsCache(Seams seams, MediumFactory make_medium)
    : Driver(Layer::fs_cache, seams),
      make_medium_(std::move(make_medium)),
      space_(std::make_shared<LogSpace>(executor(), arena())),
      watch_(std::make_shared<StorageWatch>(executor())),
      mailboxes_(Driver::seams(), make_medium_) {
  on(Major::create, [this](Irp& irp) { return serve(irp, &Volume::create); });
  on(Major::reclaim, [this](Irp& irp) { return serve(irp, &Volume::reclaim); });
  on(Major::close, [this](Irp& irp) { return serve(irp, &Volume::close); });
  on(Major::read, [this](Irp& irp) { return serve(irp, &Volume::read); });
  on(Major::write, [this](Irp& irp) { return serve(irp, &Volume::write); });
  on(Major::query_information, [this](Irp& irp) { return serve(irp, &Volume::query_information); });
  on(Major::set_information, [this](Irp& irp) { return serve(irp, &Volume::set_information); });
  on(Major::flush_buffers, [this](Irp& irp) { return flush_buffers(irp); });
  on(Major::query_directory, [this](Irp& irp) { return serve(irp, &Volume::query_directory); });
  on(Major::query_volume, [this](Irp& irp) { return serve(irp, &Volume::query_volume); });
  on(Major::notify_change, [this](Irp& irp) { return notify_change(irp); });
  on(Major::lock_control, [this](Irp& irp) { return lock_control(irp); });
  on(Major::oplock, [this](Irp& irp) { return oplock(irp); });
  on(Major::cancel, [this](Irp& irp) { return control(irp, &Volume::cancel); });
  on(Major::lazy_write, [this](Irp& irp) { return lazy_write(irp); });
  on(Major::mirror, [this](Irp& irp) { return mirror(irp); });
  on(Major::cluster, [this](Irp& irp) { return cluster(irp); });
  space_->on_pressure = [this] {
    for (const auto& [lun, volume] : volumes_) volume->lazy_writer().hurry();
  };
}

std::shared_ptr<Volume> FsCache::volume(std::uint32_t lun) const {
  const auto found = volumes_.find(lun);
  return found == volumes_.end() ? nullptr : found->second;
}

Task<Status> FsCache::serve(Irp& irp, Volume::Operation operation) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  co_return co_await mounted->serve(irp, operation);
}

Task<Status> FsCache::control(Irp& irp, Volume::Operation operation) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  co_return co_await mounted->control(irp, operation);
}

Task<Status> FsCache::notify_change(Irp& irp) {
  const bool waits = irp.minor == static_cast<std::uint8_t>(NotifyMinor::wait);
  return waits ? control(irp, &Volume::wait_for_change) : serve(irp, &Volume::fetch_changes);
}

Task<Status> FsCache::lock_control(Irp& irp) {
  switch (static_cast<LockMinor>(irp.minor)) {
    case LockMinor::lock:
      co_return co_await serve(irp, &Volume::lock);
    case LockMinor::unlock:
      co_return co_await serve(irp, &Volume::unlock);
    case LockMinor::wait:
      co_return co_await control(irp, &Volume::wait_for_lock);
  }
  co_return Status::invalid_device_request;
}

Task<Status> FsCache::oplock(Irp& irp) {
  switch (static_cast<OplockMinor>(irp.minor)) {
    case OplockMinor::next_break:
      co_return co_await control(irp, &Volume::next_break);
    case OplockMinor::acknowledge:
      co_return co_await control(irp, &Volume::acknowledge_break);
    case OplockMinor::settled:
      co_return co_await control(irp, &Volume::wait_until_settled);
  }
  co_return Status::invalid_device_request;
}

Task<Status> FsCache::flush_buffers(Irp& irp) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  if (irp.open == 0) co_return mounted->flush_all(irp);
  co_return co_await mounted->serve(irp, &Volume::flush_buffers);
}

Task<Status> FsCache::lazy_write(Irp& irp) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  const Status status = co_await mounted->lazy_write(irp);
  co_return remember(irp.lun, status);
}

Task<Status> FsCache::mirror(Irp& irp) {
  if (static_cast<MirrorMinor>(irp.minor) != MirrorMinor::replay)
    co_return Status::invalid_device_request;
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  co_return co_await mounted->replay(irp);
}

Task<Status> FsCache::cluster(Irp& irp) {
  switch (static_cast<ClusterMinor>(irp.minor)) {
    case ClusterMinor::ping:
      co_return co_await report(irp);
    case ClusterMinor::mount:
      co_return co_await mount(irp);
    case ClusterMinor::dismount:
      co_return co_await dismount(irp);
    case ClusterMinor::degraded:
      co_return co_await degrade(irp);
    case ClusterMinor::new_epoch:
      co_return co_await new_epoch(irp);
    case ClusterMinor::mailbox:
      co_return co_await mailbox(irp);
    default:
      co_return Status::invalid_device_request;
  }
}

Task<Status> FsCache::report(Irp& irp) {
  irp.report = {};
  for (const auto& [lun, volume] : volumes_) {
    irp.report.operations += volume->unwritten().operations();
    irp.report.bytes += volume->unwritten().bytes();
    irp.report.opens += static_cast<std::uint32_t>(volume->opens());
  }
  irp.report.oldest_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(watch_->oldest()).count());
  irp.report.completed = completed();
  irp.report.errors = watch_->errors();
  irp.report.failing = static_cast<std::uint32_t>(failing_.size());
  co_return Status::success;
}

/// A full medium is not a failing one: it would be as full for the partner.
Status FsCache::remember(std::uint32_t lun, Status flushed) {
  if (failed(flushed) && flushed != Status::disk_full && volumes_.contains(lun)) {
    failing_.insert(lun);
  } else {
    failing_.erase(lun);
  }
  return flushed;
}

Task<Status> FsCache::mount(Irp& irp) {
  const std::uint32_t lun = irp.lun;
  if (volumes_.contains(lun) || mounting_.contains(lun)) co_return Status::sharing_violation;
  if (volumes_.size() + mounting_.size() >= bounds::kMaxLuns)
    co_return Status::insufficient_resources;
  mounting_.insert(lun);
  const Status status = co_await make_volume(irp);
  mounting_.erase(lun);
  log().info("mount", {{"lun", lun}, {"status", status}, {"epoch", irp.epoch}});
  co_return status;
}

Task<Status> FsCache::make_volume(Irp& irp) {
  const std::optional<Bytes> text = arena().bytes(irp.payload);
  if (!text || text->size() > bounds::kMaxPathBytes) co_return Status::invalid_parameter;
  const Result<MountOrder> order = parse_mount_order(as_text(*text));
  if (!order) co_return order.status();
  auto medium = std::make_unique<WatchedMedium>(make_medium_(seams(), order->path), watch_);
  VolumeOptions options;
  options.lun = irp.lun;
  options.lazy_writer = order->lazy_writer;
  options.late_write_times = order->late_write_times;
  const auto made = std::make_shared<Volume>(seams(), space_, std::move(medium), options);
  const Status status = co_await made->mount(irp);
  if (failed(status)) co_return status;
  volumes_.emplace(irp.lun, made);
  spawn(run_lazy_writer(made));
  spawn(run_keeper(made));
  co_return Status::success;
}

Task<Status> FsCache::dismount(Irp& irp) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  const Status status = co_await mounted->dismount(irp);
  log().info("dismount", {{"lun", irp.lun}, {"status", status}});
  if (ok(status)) {
    volumes_.erase(irp.lun);
    failing_.erase(irp.lun);
  }
  co_return status;
}

/// Flag 0, write-back again, asks for nothing: write-through was ff_driver's, which flushed after
/// each operation.
Task<Status> FsCache::degrade(Irp& irp) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  if (irp.flag.flag == 0) co_return Status::success;
  const Status status = co_await mounted->degrade(irp);
  co_return remember(irp.lun, status);
}

Task<Status> FsCache::new_epoch(Irp& irp) {
  const std::shared_ptr<Volume> mounted = volume(irp.lun);
  if (mounted == nullptr) co_return Status::volume_dismounted;
  const Status status = co_await mounted->new_epoch(irp);
  co_return remember(irp.lun, status);
}

Task<Status> FsCache::mailbox(Irp& irp) {
  const std::optional<Bytes> path = arena().bytes(irp.payload);
  if (!path || path->empty() || path->size() > bounds::kMaxPathBytes)
    co_return Status::invalid_parameter;
  const Status status = co_await mailboxes_.exchange(std::string(as_text(*path)), irp.mailbox);
  co_return status;
}

Task<void> FsCache::run_lazy_writer(std::shared_ptr<Volume> volume) {
  const std::uint32_t lun = volume->lun();
  LazyWriter::SendUp send_up = [this, lun](Lsn upto) { return send_lazy_write(lun, upto); };
  co_await volume->lazy_writer().run(std::move(send_up));
}

Task<void> FsCache::run_keeper(std::shared_ptr<Volume> volume) {
  const std::uint32_t lun = volume->lun();
  std::function<Task<Status>(std::uint64_t)> send_close = [this, lun](std::uint64_t open) {
    return send_close_up(lun, open);
  };
  co_await volume->run_keeper(std::move(send_close));
}

Task<Status> FsCache::send_close_up(std::uint32_t lun, std::uint64_t open) {
  Irp irp = make_irp(Major::close);
  irp.lun = lun;
  irp.open = open;
  irp.close.client_gone = kKeptLongEnough;
  co_return co_await call(Layer::ff_driver, irp);
}

Task<Status> FsCache::send_lazy_write(std::uint32_t lun, Lsn upto) {
  Irp irp = make_irp(Major::lazy_write);
  irp.lun = lun;
  irp.lsn = upto;
  co_return co_await call(Layer::ff_driver, irp);
}

std::unique_ptr<Driver> make_fs_cache(Seams seams, MediumFactory make_medium) {
  return std::make_unique<FsCache>(seams, std::move(make_medium));
}

std::unique_ptr<Driver> make_fs_cache(Seams seams) {
  return make_fs_cache(seams, [](Seams& of_layer, std::string path) -> std::unique_ptr<Medium> {
    return std::make_unique<PosixMedium>(of_layer, path);
  });
}

}  // namespace understudy
