# Programs that people use, each in rounds of its own until the time is over, while the server fails. A round ends with a look at
# its data. `guest: ready` tells the host that all are at work.
# A FLUSH that is lost is an error of fsync, which the kernel's client does not try again; with nostrictsync an fsync sends what is
# in the cache and no FLUSH, and what is acknowledged has its second copy already.
options=vers=3.1.1,hard,echo_interval=2,nostrictsync
check mount share $options
mountpoint -q /mnt/share || return
# SQLite locks bytes that it has locked for reading, for writing: the kernel's client refuses that itself on any server, unless
# locks stay within it.
check "mount without locks on the wire" share $options,nobrl /mnt/other
cp -r "$tree" /tmp/tree && head -c 24000000 /dev/urandom >/tmp/data
git config --global --add safe.directory '*'
until_s=$((SECONDS + work_s + 5))

does_dd() { dd if=/tmp/data of=$1/f bs=256k conv=fsync status=none && cmp /tmp/data $1/f; }
does_cp() { cp -r /tmp/tree $1/tree && diff -r /tmp/tree $1/tree; }
does_rsync() { rsync -a --no-perms --no-owner --no-group /tmp/tree/ $1/tree/ && diff -r /tmp/tree $1/tree; }
does_git() { git clone -q "file://$repository" $1/clone && git -C $1/clone fsck --no-progress && test -z "$(git -C $1/clone -c core.fileMode=false status --porcelain)"; }
# With a log, which says what the kernel answered: by itself it says only "disk I/O error".
sqlite() { sqlite3 -cmd '.log stderr' "$@"; }
does_sqlite3() {
  local i
  sqlite $1/db 'create table t(a integer primary key, b text)' || return
  for i in $(seq 40); do sqlite $1/db "insert into t values($i, hex(randomblob(500)))" || return; done
  [ "$(sqlite $1/db 'pragma integrity_check; select count(*) from t')" = $'ok\n40' ]
}
does_fio() {
  fio --name=x --directory=$1 --thread --rw=randwrite --bs=16k --size=12M --fsync=16 --verify=crc32c --output=/tmp/fio.$$ >/tmp/fio.out 2>&1 ||
    { cat /tmp/fio.out; return 1; }
}

rounds() {
  local name=$1 at=$2 count=0 own=0 said= start took longest=0 dir
  while [ $SECONDS -lt $until_s ] || [ $count = 0 ]; do
    dir=$at/$name.$count.$own && start=$SECONDS && mkdir $dir && touch /tmp/ready.$name
    if does_$name $dir >/tmp/$name.out 2>&1; then
      took=$((SECONDS - start)) count=$((count + 1))
      [ $took -le $longest ] || longest=$took
    elif grep -q 'connection abort\|temporarily unavailable' /tmp/$name.out && [ $own -lt 3 ]; then
      # The kernel's client says so itself when its socket dies while it sends.
      own=$((own + 1)) said="; $(grep -m1 'connection abort\|temporarily unavailable' /tmp/$name.out)"
    else
      echo "FAILED: $name: $(tr '\n' ' ' </tmp/$name.out | head -c 300)" && return
    fi
    rm -rf $dir || rm -rf $dir || { echo "FAILED: $name: what it left cannot be removed" && return; }
  done
  echo "ok: $name: $count rounds, the longest $longest s, $own ended by the client's own error$said"
}
programs=(dd cp rsync git sqlite3 fio)
for each in "${programs[@]}"; do
  at=/mnt/share
  [ $each != sqlite3 ] || at=/mnt/other
  rounds $each $at &
done
until [ "$(ls /tmp/ready.* 2>/dev/null | wc -l)" = ${#programs[@]} ]; do sleep 0.1; done
sleep 3
echo "guest: ready"
wait
for each in /mnt/other /mnt/share; do unmounts $each; done
