# Every argument of both modules, as literals.
provider "aws" {
  region = "eu-central-1"
}

provider "aws" {
  alias  = "virginia"
  region = "us-east-1"
}

module "kapacitor" {
  source    = "git::git@github.com:gruntwork-io/terraform-aws-influx.git//modules/kapacitor-server?ref=v0.0.2"
  providers = { aws = aws.virginia }

  cluster_name  = "kapacitor-prod"
  ami_id        = "ami-0abcd1234abcd1234"
  instance_type = "m5.large"
  vpc_id        = "vpc-0a1b2c3d4e5f60718"
  subnet_ids    = ["subnet-0aaa1111bbb22222c", "subnet-0ddd3333eee44444f"]
  user_data     = file("${path.module}/user-data.sh")

  ssh_key_name                       = "ops"
  ssh_port                           = 2222
  allowed_ssh_cidr_blocks            = ["10.0.0.0/8", "192.168.0.0/16"]
  allowed_ssh_security_group_ids     = ["sg-0123456789abcdef0"]
  allowed_ssh_security_group_ids_num = 1

  termination_policies      = "OldestInstance"
  wait_for_capacity_timeout = "15m"
  health_check_type         = "EC2"
  health_check_grace_period = 300

  associate_public_ip_address = false
  spot_price                  = "0.0456"
  tenancy                     = "dedicated"

  root_volume_ebs_optimized         = true
  root_volume_type                  = "io1"
  root_volume_size                  = 100
  root_volume_iops                  = 2000
  root_volume_delete_on_termination = true

  ebs_block_devices = [
    {
      device_name           = "/dev/xvdh"
      volume_type           = "gp2"
      volume_size           = 300
      encrypted             = true
      delete_on_termination = false
    },
    {
      device_name = "/dev/xvdi"
      volume_type = "io1"
      volume_size = 100
      iops        = 1000
      snapshot_id = "snap-0123456789abcdef0"
    },
  ]

  instance_profile_path = "/metrics/"

  tags = [
    { key = "Team", value = "metrics", propagate_at_launch = true },
    { key = "CostCenter", value = "4711", propagate_at_launch = false },
  ]
}

module "kapacitor_rules" {
  source = "git::git@github.com:gruntwork-io/terraform-aws-influx.git//modules/kapacitor-security-group-rules?ref=v0.0.2"

  security_group_id             = module.kapacitor.security_group_id
  http_port                     = 9092
  http_port_cidr_blocks         = ["10.0.0.0/8"]
  http_port_security_groups     = ["sg-0fedcba9876543210"]
  http_port_security_groups_num = 1
}
