}

# cloud-init puts what is printed onto the console and into /var/log/cloud-init-output.log; syslog and a file of our own get it too.
touch "$log_file"
chmod 0640 "$log_file"
main 2>&1 | tee --append "$log_file" | { logger --stderr --tag kaphost-boot || cat >&2; }
