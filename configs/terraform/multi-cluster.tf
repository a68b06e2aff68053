# The Kapacitor part of a whole TICK stack: a server with a data volume and a load balancer before it. The names come from variables, the
# network and the script from data sources, which only Terraform can look up: `kaphost convert` names those, and leaves their places open.
variable "aws_region" {
  type    = string
  default = "us-east-1"
}

variable "kapacitor_server_name" {
  type    = string
  default = "kapacitor-server"
}

variable "kapacitor_ami_id" {
  description = "An image with Kapacitor on it; see configs/ami."
  type        = string
}

variable "kapacitor_http_port" {
  type    = string
  default = "9092"
}

variable "kapacitor_volume" {
  type = object({ device = string, mount_point = string, owner = string })
  default = {
    device      = "/dev/xvdh"
    mount_point = "/kapacitor"
    owner       = "kapacitor"
  }
}

variable "ssh_key_name" {
  type    = string
  default = null
}

locals {
  anywhere = ["0.0.0.0/0"]
}

provider "aws" {
  region = var.aws_region
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

module "kapacitor_server" {
  source = "../../modules/kapacitor-server"

  cluster_name  = var.kapacitor_server_name
  instance_type = "t2.micro"
  ami_id        = var.kapacitor_ami_id

  user_data = templatefile("${path.module}/user-data/kapacitor/user-data.sh", {
    hostname           = "0.0.0.0"
    influxdb_url       = "http://${module.influxdb_load_balancer.alb_dns_name}:8086"
    volume_device_name = var.kapacitor_volume.device
    volume_mount_point = var.kapacitor_volume.mount_point
    volume_owner       = var.kapacitor_volume.owner
  })

  vpc_id     = data.aws_vpc.default.id
  subnet_ids = data.aws_subnets.default.ids

  ebs_block_devices = [
    {
      device_name = var.kapacitor_volume.device
      volume_type = "gp2"
      volume_size = 50
    },
  ]

  # An example that is to be tried from anywhere; a server of one's own should know its callers.
  allowed_ssh_cidr_blocks     = local.anywhere
  ssh_key_name                = var.ssh_key_name
  associate_public_ip_address = true

  health_check_type = "ELB"
}

module "kapacitor_security_group_rules" {
  source = "../../modules/kapacitor-security-group-rules"

  security_group_id     = module.kapacitor_server.security_group_id
  http_port             = var.kapacitor_http_port
  http_port_cidr_blocks = local.anywhere
}

module "kapacitor_target_group" {
  source = "../../modules/load-balancer-target-group"

  target_group_name    = "${var.kapacitor_server_name}-tg"
  asg_name             = module.kapacitor_server.asg_name
  port                 = var.kapacitor_http_port
  health_check_path    = "/kapacitor/v1/ping"
  health_check_matcher = "204"
  vpc_id               = data.aws_vpc.default.id
}
