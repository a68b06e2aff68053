#!/bin/sh
# enter.sh ROOT COMMAND…: runs a command as root of a machine of its own. Called within new user, mount and network namespaces: what is
# mounted here is seen by nobody else, and goes with the last process. The real machine's programs are there to be read, its /etc, /dev and
# /var are not.
set -eu
root=$1
shift
read_only() {
    mount --rbind "$1" "$root$1"
    mount -o remount,bind,ro "$root$1"
}
for folder in /usr /bin /sbin /lib /lib32 /lib64 /etc/alternatives; do
    # Where /bin is a link to usr/bin, the root has the same link.
    if [ -d "$root$folder" ] && [ ! -L "$root$folder" ]; then
        read_only "$folder"
    fi
done
mount --rbind /proc "$root/proc"
mount --bind /dev/null "$root/dev/null"
exec chroot "$root" /usr/bin/env -i PATH=/stubs:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root "$@"
