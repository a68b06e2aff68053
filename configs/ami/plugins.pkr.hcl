# Apart from the template, so that the Packer of distributions, which brings its builders along, can check that too.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}
