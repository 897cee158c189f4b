# held.py WORK SECONDS: works on the mount with a file open, says in /tmp/ready.WORK when it has begun, goes on for SECONDS, then
# holds what is there against what it wrote. Prints a line; errors of the server are FAILED.
#
# When its socket dies while it sends, the kernel's client itself answers ECONNABORTED, seldom EAGAIN, `hard` or not: tried again
# and counted.
import errno, fcntl, mmap, os, sys, time

work, seconds = sys.argv[1], float(sys.argv[2])
path = {'server_lock': '/mnt/other/', 'names': '/mnt/share/'}.get(work, '/mnt/share/') + work
RW = os.O_RDWR | os.O_CREAT | os.O_TRUNC
longest, own_errors, failures, began = 0.0, 0, [], time.monotonic()


def attempt(what, call, *arguments, again_means=None):
    """The call's result. An operation that was done though its answer was lost is told by `again_means`, an errno."""
    global longest, own_errors
    start = time.monotonic()
    for tries in range(5):
        try:
            return call(*arguments)
        except OSError as error:
            if error.errno in (errno.ECONNABORTED, errno.EAGAIN) and tries < 4:
                own_errors += 1
                continue
            if tries > 0 and error.errno == again_means:
                return None
            failures.append(f'{what}: {error.strerror}')
            return None
        finally:
            longest = max(longest, time.monotonic() - start)


def expect(what, truth):
    if not truth:
        failures.append(what)


def rounds(pause):
    """Numbers of rounds until the time is over; the host may strike once the second has begun."""
    number = 0
    while time.monotonic() - began < seconds or number < 5:
        yield number
        number += 1
        if number == 2:
            open('/tmp/ready.' + work, 'w').close()
        time.sleep(pause)


def direct():
    size, block = 1 << 20, mmap.mmap(-1, 1 << 20)
    file, count = os.open(path, RW | os.O_DIRECT), 0
    for count in rounds(0.15):
        block[:] = count.to_bytes(4, 'little') * (size // 4)
        attempt('write', os.pwrite, file, block, count % 40 * size)
    attempt('close', os.close, file)
    with open(path, 'rb') as back:
        for slot in range(min(count + 1, 40)):
            last = count - (count - slot) % 40
            expect(f'data of write {last}', back.read(size) == last.to_bytes(4, 'little') * (size // 4))


def buffered():
    file, whole = os.open(path, RW), bytearray()
    for count in rounds(0.2):
        part = os.urandom(300_000)
        attempt('write', os.pwrite, file, part, len(whole))
        whole += part
        if count % 4 == 3:
            attempt('fsync', os.fsync, file)
    attempt('fsync', os.fsync, file)
    attempt('close', os.close, file)
    expect('data', open(path, 'rb').read() == whole)


def append():
    file, lines = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), []
    for count in rounds(0.1):
        lines.append(f'line {count} {"x" * (count % 50)}\n'.encode())
        attempt('append', os.write, file, lines[-1])
        attempt('fsync', os.fsync, file)
    attempt('close', os.close, file)
    expect('data', open(path, 'rb').read() == b''.join(lines))


def lease_lock():
    file = os.open(path, RW)
    os.write(file, b'x' * 100)
    fcntl.lockf(file, fcntl.LOCK_EX, 100, 0)
    for count in rounds(0.2):
        attempt('write', os.pwrite, file, b'%10d' % count, 0)
        expect('data', attempt('read', os.pread, file, 10, 0) == b'%10d' % count)
    attempt('unlock', fcntl.lockf, file, fcntl.LOCK_UN, 100, 0)
    attempt('close', os.close, file)


def server_lock():
    """The lock is the server's; another session must find it there before the fault and after it."""
    file = os.open(path, RW)
    os.write(file, b'x' * 100)
    fcntl.lockf(file, fcntl.LOCK_EX, 100, 0)
    for count in rounds(0.2):
        attempt('write', os.pwrite, file, b'%10d' % count, 0)
        rival = attempt('open of the rival', os.open, '/mnt/third/' + work, os.O_RDWR)
        if rival is None:
            continue
        try:
            fcntl.lockf(rival, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
            failures.append(f'round {count}: the lock was gone')
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.ECONNABORTED):
                failures.append(f'lock of the rival: {error.strerror}')
        attempt('close of the rival', os.close, rival)
    attempt('unlock', fcntl.lockf, file, fcntl.LOCK_UN, 100, 0)
    attempt('close', os.close, file)


def names():
    def make(name):
        file = os.open(name, os.O_CREAT | os.O_WRONLY)
        try:
            os.write(file, b'1')
        finally:
            os.close(file)
    for count in rounds(0.1):
        old, new = f'{path}.old{count}', f'{path}.new{count}'
        attempt('create', make, old)
        attempt('rename', os.rename, old, new, again_means=errno.ENOENT)
        attempt('unlink', os.unlink, new, again_means=errno.ENOENT)
    expect('names are left', not [name for name in os.listdir('/mnt/share') if name.startswith('names.')])


globals()[work]()
print(f'{"FAILED" if failures else "ok"}: {work}: longest stall {longest:.1f} s, {own_errors} errors of the client\'s own'
      + ''.join(f'; {each}' for each in failures[:5]), flush=True)
