# Machine images with Kapacitor, on Ubuntu and on Amazon Linux. README.md beside this file says how to build and find them.

variable "region" {
  type        = string
  description = "Where the images are built and kept."
  default     = "us-east-1"
}

variable "kapacitor_version" {
  type    = string
  default = "1.8.6"
}

variable "kapacitor_sha256" {
  type        = string
  description = "SHA-256 of the package, beside its signature. Each package has its own: give it together with -only."
  default     = ""
}

variable "architecture" {
  type        = string
  description = "As EC2 names it: x86_64 or arm64."
  default     = "x86_64"
}

variable "instance_type" {
  type        = string
  description = "What the image is built on; empty means a small one of the architecture."
  default     = ""
}

variable "subnet_id" {
  type        = string
  description = "Where the image is built; empty means the default VPC."
  default     = ""
}

variable "kms_key_id" {
  type        = string
  description = "The key that encrypts the image; empty means the account's default EBS key."
  default     = ""
}

locals {
  built          = formatdate("YYYYMMDD-hhmmss", timestamp())
  debian_arch    = var.architecture == "arm64" ? "arm64" : "amd64"
  small_instance = var.architecture == "arm64" ? "t4g.small" : "t3.small"
  tags = {
    Name      = "kapacitor-${var.kapacitor_version}"
    Kapacitor = var.kapacitor_version
    Base      = "{{ .SourceAMIName }}"
  }
}

source "amazon-ebs" "ubuntu" {
  ami_name        = "kapacitor-${var.kapacitor_version}-ubuntu-24.04-${var.architecture}-${local.built}"
  ami_description = "Kapacitor ${var.kapacitor_version} on Ubuntu 24.04"
  region          = var.region
  instance_type   = var.instance_type == "" ? local.small_instance : var.instance_type
  subnet_id       = var.subnet_id
  ssh_username    = "ubuntu"
  encrypt_boot    = true
  kms_key_id      = var.kms_key_id
  tags            = local.tags
  snapshot_tags   = local.tags
  run_tags        = { Name = "packer-kapacitor" }

  # The temporary key stays out of the image.
  ssh_clear_authorized_keys = true

  source_ami_filter {
    # Canonical
    owners      = ["099720109477"]
    most_recent = true
    filters = {
      name                = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-${local.debian_arch}-server-*"
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }
}

source "amazon-ebs" "amazon-linux" {
  ami_name        = "kapacitor-${var.kapacitor_version}-amazon-linux-2023-${var.architecture}-${local.built}"
  ami_description = "Kapacitor ${var.kapacitor_version} on Amazon Linux 2023"
  region          = var.region
  instance_type   = var.instance_type == "" ? local.small_instance : var.instance_type
  subnet_id       = var.subnet_id
  ssh_username    = "ec2-user"
  encrypt_boot    = true
  kms_key_id      = var.kms_key_id
  tags            = local.tags
  snapshot_tags   = local.tags
  run_tags        = { Name = "packer-kapacitor" }

  ssh_clear_authorized_keys = true

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      # Neither the minimal ones nor those for ECS, whose names go on otherwise.
      name                = "al2023-ami-2023.*-${var.architecture}"
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }
}

build {
  sources = ["source.amazon-ebs.ubuntu", "source.amazon-ebs.amazon-linux"]

  # The image is taken when cloud-init has done what it does at first boot.
  provisioner "shell" {
    inline = ["cloud-init status --wait >/dev/null || true"]
  }

  provisioner "shell" {
    script           = "${path.root}/install-kapacitor.sh"
    execute_command  = "chmod +x '{{ .Path }}' && sudo env {{ .Vars }} '{{ .Path }}'"
    environment_vars = ["KAPACITOR_VERSION=${var.kapacitor_version}", "KAPACITOR_SHA256=${var.kapacitor_sha256}"]
  }

  # Each server makes its own.
  provisioner "shell" {
    inline = [
      "sudo rm -f /etc/ssh/ssh_host_*",
      "sudo truncate --size=0 /etc/machine-id",
      "sudo cloud-init clean --logs",
      "sync",
    ]
  }
}
