# open_files.py DIRECTORY: what programs do with files that are open, on a mount. Exit code 1 and the reason if one went wrong.
import errno, fcntl, mmap, os, sys

os.chdir(sys.argv[1])
RW = os.O_RDWR | os.O_CREAT


def expect(what, truth):
    if not truth:
        sys.exit(what)


def refused(why, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno in why
    return False


victim, other = os.open('victim', RW), os.open('other', RW)
os.write(victim, b'victim')
os.write(other, b'other')
# Replacing a file that is open is refused (MS-FSA 2.1.5.15.11); the client then deletes it, and asks again in vain: the name is
# free only when the last handle is closed.
expect('rename over an open file', refused((errno.ENOENT, errno.EACCES, errno.EBUSY), os.rename, 'other', 'victim'))
expect('rename over an open file: who has it open', os.pread(victim, 10, 0) == b'victim')
os.close(victim)
os.rename('other', 'victim')
expect('rename when it is closed', open('victim', 'rb').read() == b'other')
os.unlink('victim')
expect('delete of an open file: who has it open', os.pread(other, 10, 0) == b'other')
os.close(other)
expect('deleted files are gone', not [name for name in os.listdir('.') if name.startswith(('.smb', 'victim', 'other'))])

file = os.open('mapped', RW)
os.ftruncate(file, 100000)
with mmap.mmap(file, 100000) as mapped:
    mapped[70000:70005] = b'hello'
    mapped.flush()
expect('mmap', os.pread(file, 5, 70000) == b'hello')
os.close(file)

appended = os.open('mapped', os.O_WRONLY | os.O_APPEND)
os.pwrite(appended, b'end', 0)
os.close(appended)
expect('append', open('mapped', 'rb').read()[-3:] == b'end' and os.path.getsize('mapped') == 100003)

direct = os.open('direct', RW | os.O_DIRECT)
page = mmap.mmap(-1, 4096)
page[:] = b'd' * 4096
expect('direct write', os.pwrite(direct, page, 8192) == 4096)
expect('direct read', os.preadv(direct, [page], 0) == 4096 and page[:] == bytes(4096))
os.close(direct)

locked = os.open('mapped', os.O_RDWR)
fcntl.lockf(locked, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
if os.fork() == 0:
    second = os.open('mapped', os.O_RDWR)
    right = refused((errno.EAGAIN, errno.EACCES), fcntl.lockf, second, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 7)
    fcntl.lockf(second, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 20)
    os._exit(0 if right else 1)
expect('lock', os.wait()[1] == 0)
fcntl.lockf(locked, fcntl.LOCK_UN, 10, 5)
os.close(locked)
expect('exclusive create', refused((errno.EEXIST,), os.open, 'mapped', RW | os.O_EXCL))
os.mkdir('full')
os.close(os.open('full/file', RW))
expect('rmdir of a full directory', refused((errno.ENOTEMPTY,), os.rmdir, 'full'))
os.unlink('full/file')
os.rmdir('full')
for name in ('mapped', 'direct'):
    os.unlink(name)
