# One Kapacitor server as the module's README shows it, with the arguments that the module cannot do without.
provider "aws" {
  region = "us-east-1"
}

module "kapacitor_cluster" {
  source = "github.com/gruntwork-io/terraform-aws-influx//modules/kapacitor-server?ref=v0.0.2"

  cluster_name  = "kapacitor-stage"
  ami_id        = "ami-0abcd1234abcd1234"
  instance_type = "t3.small"
  vpc_id        = "vpc-0a1b2c3d4e5f60718"
  subnet_ids    = ["subnet-0aaa1111bbb22222c", "subnet-0ddd3333eee44444f"]

  # What a new instance runs once.
  user_data = <<-EOF
              #!/bin/bash
              sudo systemctl start kapacitor
              EOF
}
