
ask_metadata() {
    curl --silent --show-error --fail --max-time 10 --retry 5 --retry-connrefused "$@"
}

# The private DNS name, from the instance metadata service where that answers.
private_name() {
    local token name
    if [[ "$metadata" == yes ]]; then
        token=$(ask_metadata --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
        name=$(ask_metadata --header "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/local-hostname)
    else
        name=$(hostname --fqdn)
    fi
    # A VPC with several domain names answers with several.
    name=${name%% *}
    [[ "$name" =~ ^[A-Za-z0-9.-]+$ ]] || die "the private DNS name of this instance is no host name: $name"
    printf '%s' "$name"
}

write_config() {
    local trial name
    if [[ -z "$hostname_line" ]]; then
        name=$(private_name)
        hostname_line="hostname = \"$name\""
    fi
    config="$hostname_line"$'\n'"$config"
    mkdir --parents /etc/kapacitor /var/log/kapacitor /etc/systemd/system/kapacitor.service.d "$data_folder"
    own "$data_folder"
    own /var/log/kapacitor

    # Kapacitor's own opinion, before anything is replaced.
    trial=$(mktemp)
    printf '%s\n' "$config" >"$trial"
    kapacitord config -config "$trial" >/dev/null || die 'Kapacitor does not take the configuration: see the lines above, and extra-config'
    rm "$trial"

    # Not for everybody: extra-config may hold passwords.
    install_file /etc/kapacitor/kapacitor.conf 0640 "root:$group" "$config"
    install_file /etc/systemd/system/kapacitor.service.d/kaphost.conf 0644 root:root "$unit"
}

# How often systemd had to start the service again since somebody last asked for it. Empty before systemd 235.
restarts() {
    systemctl show kapacitor.service --property=NRestarts | cut --delimiter== --fields=2
}

start_service() {
    local second before now
    systemctl daemon-reload
    systemctl enable kapacitor.service
    if [[ "$changed" == yes ]]; then
        systemctl restart kapacitor.service
    else
        systemctl start kapacitor.service
    fi
    # A service that cannot run ends within its first seconds, and systemd starts it again and again.
    before=$(restarts)
    for ((second = 0; second < 10; second++)); do
        sleep 1
        now=$(restarts)
        if ! systemctl is-active --quiet kapacitor.service || [[ "$now" != "$before" ]]; then
            journalctl --unit kapacitor.service --lines 20 --no-pager >&2 || true
            tail --lines=20 /var/log/kapacitor/kapacitor.log >&2 || true
            die 'Kapacitor does not stay up: see the lines above'
        fi
    done
    log "Kapacitor runs on port $http_port, with its data in $data_folder"
}
