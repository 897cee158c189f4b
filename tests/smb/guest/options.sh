# One set of mount options after the other.
round() { share "$1" && echo x >/mnt/share/f && grep -q x /mnt/share/f && rm /mnt/share/f && umount /mnt/share; }
# What is not there is refused in order: the mount fails and says so.
refuses() { local said; if said=$(share "$1" 2>&1); then umount /mnt/share; return 1; fi; echo "$said"; grep -q "$2" <<<"$said"; }
for each in vers=2.0 vers=2.1 vers=3.0 vers=3.02 vers=3.1.1 vers=3.0,sign vers=3.1.1,sign vers=3.0,seal vers=3.1.1,seal \
  vers=3.1.1,resilienthandles vers=3.1.1,persistenthandles vers=3.1.1,multichannel,max_channels=2 vers=3.1.1,multichannel,max_channels=4,seal \
  vers=3.1.1,sec=ntlmssp vers=3.1.1,cache=none vers=3.1.1,nolease; do
  check $each round $each
done
check "vers=3.1.1,posix is refused" refuses vers=3.1.1,posix "Operation not supported"
check "vers=3.1.1,sec=none is refused" refuses vers=3.1.1,sec=none "Permission denied"
