# What programs do with files, one thing after the other.
check mount share vers=3.1.1
mountpoint -q /mnt/share || return
cd /mnt/share
head -c 20000000 /dev/urandom >/tmp/data
check write dd if=/tmp/data of=f bs=1M conv=fsync status=none
cd / && umount /mnt/share && share vers=3.1.1 && cd /mnt/share
check "read back" cmp /tmp/data f
check "copy in the server" cp --reflink=never f g
check "read the copy" cmp /tmp/data g
check "punch a hole" fallocate -z -n -o 4096 -l 8192 g
check "zeros in the hole" test "$(tail -c +4097 g | head -c 8192 | tr -d '\000' | wc -c)" = 0
check "fallocate extends" fallocate -l 25000000 g
check "the new size" test "$(stat -c %s g)" = 25000000
check truncate truncate -s 5 f
check size test "$(stat -c %s f)" = 5
mkdir d && for i in $(seq 300); do echo $i >d/n$i; done
check list test "$(ls d | wc -l)" = 300
check rename mv d/n1 d/renamed
check "the new name" test -e d/renamed -a ! -e d/n1
check "rename over another" mv d/n2 d/n3
check "what was renamed" test "$(cat d/n3)" = 2
check "hard link" ln f h
check "a symbolic link is refused in order" bash -c 'ln -s f symbolic 2>&1 | grep -qi "not supported\|not permitted" && test ! -e symbolic'
check times touch -d @1000000000 f
check "the time" test "$(stat -c %Y f)" = 1000000000
check "read-only" bash -c 'chmod a-w h && ! test -z "$(find h ! -perm /222)" && chmod u+w h'
check "set an extended attribute" setfattr -n user.Colour -v blue h
check "read it" test "$(getfattr --only-values -n user.Colour h)" = blue
check "list them" test "$(getfattr h | grep -c '^user\.Colour$')" = 1
check "remove it" setfattr -x user.Colour h
check "it is gone" test -z "$(getfattr h)"
check "free space" test "$(stat -f -c %a .)" -gt 0
check df df .
check remove rm -r d f g h
check "nothing left" test -z "$(ls -A .)"

mkdir big && cd big
check "a big directory" bash -c 'for i in $(seq 4000); do : >"a file with a rather long name, number $i"; done'
check "its list" test "$(ls | wc -l)" = 4000
cd .. && check "remove it" rm -r big
cd / && unmounts /mnt/share

check "links in files of a form of their own" share vers=3.1.1,mfsymlinks
check "make one" ln -s target /mnt/share/symbolic
check "read it" test "$(readlink /mnt/share/symbolic)" = target
check "remove it" rm /mnt/share/symbolic
unmounts /mnt/share
