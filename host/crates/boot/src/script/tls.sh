
give_tls_files() {
    local file
    for file in "$tls_certificate" "$tls_key"; do
        [[ -s "$file" ]] || die "$file is missing or empty: put it onto the image, or write it in user-data, which runs before this script"
    done
    chmod a+r "$tls_certificate"
    chgrp "$group" "$tls_key"
    chmod 0640 "$tls_key"
    for file in "$tls_certificate" "$tls_key"; do
        runuser --user "$owner" -- test -r "$file" || die "the user $owner cannot read $file: open the folders above it"
    done
}
