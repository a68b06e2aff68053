
is_disk() {
    [[ "$(lsblk --nodeps --noheadings --output TYPE "$1" 2>/dev/null | tr -d ' ')" == disk ]]
}

# attached_as DISK: the name that EC2 attached an NVMe disk under, without /dev/. Empty when the image has no tool that tells.
attached_as() {
    local name=''
    if command -v ebsnvme-id >/dev/null; then
        name=$(ebsnvme-id -b "$1" 2>/dev/null || true)
    elif command -v nvme >/dev/null; then
        # The controller's vendor area starts at byte 3072; EC2 keeps the name in its first 32.
        name=$(nvme id-ctrl --raw-binary "$1" 2>/dev/null | tail --bytes=+3073 | head --bytes=32 | tr -d ' \000' || true)
    fi
    printf '%s' "${name#/dev/}"
}

# Where nothing tells names, and the cluster has one volume beside the root's: the one EBS disk that has no partitions and that
# nobody else uses.
only_unused_disk() {
    local link disk
    local -a mounts
    local -A found=()
    [[ "$only_volume" == yes ]] || return 1
    for link in /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol*; do
        disk=$(readlink --canonicalize "$link")
        is_disk "$disk" || continue
        mapfile -t mounts < <(lsblk --noheadings --list --output MOUNTPOINT "$disk")
        if [[ "${#mounts[@]}" -le 1 && ( -z "${mounts[0]:-}" || "${mounts[0]}" == "$mount_point" ) ]]; then
            found["$disk"]=yes
        fi
    done
    [[ "${#found[@]}" == 1 ]] || return 1
    printf '%s' "${!found[@]}"
}

# The kernel's name of the volume. Xen calls /dev/sdh /dev/xvdh; Nitro calls every volume /dev/nvme?n1, and images from Amazon link
# the name that was asked for to it.
find_disk() {
    local wanted="${device#/dev/}" twin name disk
    case "$wanted" in
    sd*) twin="xvd${wanted#sd}" ;;
    *) twin="sd${wanted#xvd}" ;;
    esac
    for name in "$wanted" "$twin"; do
        disk=$(readlink --canonicalize "/dev/$name" || true)
        if [[ -n "$disk" ]] && is_disk "$disk"; then
            printf '%s' "$disk"
            return
        fi
    done
    for disk in /dev/nvme*n1; do
        is_disk "$disk" || continue
        name=$(attached_as "$disk")
        if [[ "$name" == "$wanted" || "$name" == "$twin" ]]; then
            printf '%s' "$disk"
            return
        fi
    done
    only_unused_disk
}

wait_for_disk() {
    local waited=0 pause=2
    until disk=$(find_disk); do
        if ((waited >= device_timeout_s)); then
            log "the disks here are: $(lsblk --nodeps --noheadings --output NAME,TYPE,SIZE | tr -s ' \n' ' ')"
            die "no disk was attached as $device within $device_timeout_s s (if it is one of these, the image lacks nvme-cli, which tells)"
        fi
        ((waited > 0)) || log "waiting for the volume $device"
        ((waited < 30)) || pause=10
        sleep "$pause"
        waited=$((waited + pause))
    done
    log "the volume $device is $disk"
}

# Finds the file system of $disk, and makes one only where there is nothing at all.
find_file_system() {
    local found status=0
    # A disk that cannot be read must not pass for an empty one.
    head --bytes=1M "$disk" >/dev/null
    found=$(blkid -p -o export "$disk") || status=$?
    if [[ "$status" == 2 ]]; then
        [[ "$from_snapshot" == no ]] || die "$disk was made from a snapshot and holds no file system: it is left alone"
        log "$disk is empty: making a file system (ext4)"
        mkfs.ext4 -q "$disk"
        status=0
        found=$(blkid -p -o export "$disk") || status=$?
    fi
    [[ "$status" == 0 ]] || die "blkid cannot tell what is on $disk (status $status): it is left alone"
    type=$(sed --quiet 's/^TYPE=//p' <<<"$found")
    uuid=$(sed --quiet 's/^UUID=//p' <<<"$found")
    [[ -n "$type" && -n "$uuid" ]] || die "$disk holds something that is no file system (${found//$'\n'/, }): it is left alone"
}

mount_storage() {
    local disk='' type='' uuid='' mounted entry table
    wait_for_disk
    find_file_system

    entry="UUID=$uuid $mount_point $type defaults,nofail,x-systemd.device-timeout=$device_timeout_s 0 2"
    table=$(awk -v at="$mount_point" '/^[[:space:]]*#/ || $2 != at' /etc/fstab)
    install_file /etc/fstab 0644 root:root "${table:+$table$'\n'}$entry"

    mounted=$(findmnt --noheadings --output SOURCE --mountpoint "$mount_point" || true)
    if [[ -z "$mounted" ]]; then
        # What it has written so far would be hidden below the volume.
        systemctl stop kapacitor.service
        mkdir --parents "$mount_point"
        systemctl daemon-reload
        mount "$mount_point"
        log "mounted $disk on $mount_point"
    elif [[ "$(readlink --canonicalize "$mounted")" != "$disk" ]]; then
        die "$mounted is mounted on $mount_point in place of $disk"
    fi
    if [[ "$from_snapshot" == yes ]]; then
        # The volume may be larger than the one that the snapshot was made of.
        case "$type" in
        ext4) resize2fs "$disk" ;;
        xfs) xfs_growfs "$mount_point" ;;
        esac
    fi
}
