
# Times in the log are UTC; what tools print does not depend on the image's language.
export TZ=UTC LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
readonly log_file=/var/log/kaphost-boot.log
# Whether anything was written that the running service has not read.
changed=no

log() {
    printf '%(%FT%TZ)T %s\n' -1 "$*" >&2
}

die() {
    log "FAILED: $*"
    exit 1
}

failed() {
    trap - ERR
    log "FAILED in line $2 with status $1: $3"
    exit "$1"
}

# install_file PATH MODE OWNER TEXT: readers see the old file or the new one, never a half.
install_file() {
    local next
    next=$(mktemp "$1.XXXXXX")
    printf '%s\n' "$4" >"$next"
    chmod "$2" "$next"
    chown "$3" "$next"
    if ! cmp --silent "$next" "$1"; then
        log "writing $1"
        changed=yes
    fi
    sync "$next"
    mv --force "$next" "$1"
}

# own FOLDER: gives it and what is in it to the owner, where it is somebody else's.
own() {
    if [[ "$(stat --format=%U:%G "$1")" != "$owner:$group" ]]; then
        chown --recursive "$owner:$group" "$1"
    fi
}

begin() {
    [[ "$(id --user)" == 0 ]] || die 'only root can set Kapacitor up'
    exec 9>/run/kaphost-boot.lock
    flock --wait 900 9 || die 'another run of this script has not ended within 15 minutes'
    log "setting Kapacitor up for the cluster $cluster"
    command -v kapacitord >/dev/null ||
        die 'Kapacitor is not on this image: build the image with it, or install it in user-data, which runs before this script'
    group=$(id --group --name "$owner") || die "this image has no user $owner"
}
