#!/bin/bash
# Every program that would touch more than files, under its own name. Each call is written to /record/calls; /state says how the machine is:
#   disks     lines of `path type mount-point` (`-` for none), as lsblk tells them
#   mounts    lines of `source target`
#   names     lines of `path name`: the vendor area of NVMe disks
#   service   `active` or `failed`
#   restarts  how often systemd had to start the service again; with a file `restarting` it does so every time it is asked
#   sleep-N   a script that is run at the Nth sleep
#   fails     names of programs that fail
#   gpg-keys, gpg-status   what gpg says of a key file, and of a signature
#   machine   what uname says
set -euo pipefail
name=${0##*/}
printf '%s%s\n' "$name" "${*:+ $*}" >>/record/calls
touch /state/disks /state/mounts /state/names /state/fails
if grep --quiet --line-regexp --fixed-strings "$name" /state/fails; then
    echo "$name: it was told to fail" >&2
    exit 32
fi

last="${*: -1}"
real() {
    PATH=/usr/sbin:/sbin:/usr/bin:/bin exec "$name" "$@"
}

case "$name" in
blkid | mkfs.ext4)
    real "$@"
    ;;
apt-get | chgrp | chown | dnf | journalctl | resize2fs | xfs_growfs)
    ;;
curl)
    case "$last" in
    https://*)
        while [[ "$1" != --output ]]; do shift; done
        echo "what is at $last" >"$2"
        ;;
    */latest/api/token)
        [[ "$*" == *'--request PUT '*'X-aws-ec2-metadata-token-ttl-seconds: '* ]] || exit 22
        echo token-of-this-test
        ;;
    */latest/meta-data/local-hostname)
        [[ "$*" == *'X-aws-ec2-metadata-token: token-of-this-test '* ]] || exit 22
        cat /state/private-name
        ;;
    *) exit 7 ;;
    esac
    ;;
ebsnvme-id)
    awk -v disk="$last" '$1 == disk { print $2; found = 1 } END { exit !found }' /state/names
    ;;
findmnt)
    awk -v at="$last" '$2 == at { print $1; found = 1 } END { exit !found }' /state/mounts
    ;;
gpg)
    case "$*" in
    *--show-keys*) cat /state/gpg-keys ;;
    *--verify*) cat /state/gpg-status ;;
    esac
    ;;
hostname)
    echo ip-10-0-0-9.ec2.internal
    ;;
kapacitord)
    if [[ "$1" == version ]]; then
        echo 'Kapacitor OSS version 1.8.6 (git: HEAD ab88ca501f0ce0873dd837bee8643ef64f4d518b)'
        exit
    fi
    # `config -config FILE` prints the whole configuration, or says what is wrong with it.
    cp "$last" /record/trial.conf
    if [[ -e /state/reject ]]; then
        echo 'run: parse config: toml: line 3: no' >&2
        exit 1
    fi
    cat "$last"
    ;;
logger)
    tee --append /record/syslog >&2
    ;;
lsblk)
    if [[ "$last" != /dev/* ]]; then
        awk '{ print $1, $2, "300G" }' /state/disks
    elif [[ "$*" == *MOUNTPOINT* ]]; then
        # A disk, and its partitions after it: /dev/nvme0n1 and /dev/nvme0n1p1.
        awk -v disk="$last" 'index($1, disk) == 1 { print ($3 == "-" ? "" : $3) }' /state/disks
    else
        awk -v disk="$last" '$1 == disk { print $2; found = 1 } END { exit !found }' /state/disks
    fi
    ;;
mount)
    # By fstab, as systemd would after a reboot: the disk whose file system has this UUID.
    uuid=$(awk -v at="$last" '$2 == at { sub("UUID=", "", $1); print $1 }' /etc/fstab)
    mapfile -t disks < <(cut --delimiter=' ' --fields=1 /state/disks)
    for disk in "${disks[@]}"; do
        if [[ -n "$uuid" && "$(PATH=/usr/sbin:/sbin:/usr/bin:/bin blkid --probe --output value --match-tag UUID "$disk")" == "$uuid" ]]; then
            echo "$disk $last" >>/state/mounts
            sed --in-place "s#^$disk \(.*\) -\$#$disk \1 $last#" /state/disks
            exit 0
        fi
    done
    echo "mount: $last: can't find UUID=$uuid." >&2
    exit 32
    ;;
nvme)
    # As `nvme id-ctrl --raw-binary` writes it: 4096 bytes, the name in blanks from byte 3072 on.
    disk_name=$(awk -v disk="$last" '$1 == disk { print $2 }' /state/names)
    printf '\0%.0s' {1..3072}
    printf '%-32s' "$disk_name"
    printf '\0%.0s' {1..992}
    ;;
runuser)
    while [[ "$1" != -- ]]; do shift; done
    shift
    exec "$@"
    ;;
sleep)
    count=$(grep --count '^sleep ' /record/calls)
    if [[ -e "/state/sleep-$count" ]]; then
        # shellcheck source=/dev/null
        . "/state/sleep-$count"
    fi
    ;;
systemctl)
    case "$1" in
    start | restart) [[ -e /state/service ]] || echo active >/state/service ;;
    is-active) [[ "$(cat /state/service)" == active ]] ;;
    show)
        restarts=$(cat /state/restarts 2>/dev/null || echo 0)
        echo "NRestarts=$restarts"
        [[ ! -e /state/restarting ]] || echo "$((restarts + 1))" >/state/restarts
        ;;
    esac
    ;;
uname)
    cat /state/machine
    ;;
*)
    echo "there is no stub for $name" >&2
    exit 127
    ;;
esac
