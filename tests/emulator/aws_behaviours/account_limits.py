"""How many Auto Scaling groups an account has in a region, and may have."""

from aws_behaviours import restores
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

# What an account may have unless it asked for more.
GROUPS = 500
LAUNCH_CONFIGURATIONS = 200


@restores(
    "account-limits",
    "DescribeAccountLimits tells how many groups and launch configurations the account has in the region, and may have",
    "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAccountLimits.html",
)
def account_limits() -> None:
    def describe(request: AutoScalingResponse) -> ActionResult:
        backend = request.autoscaling_backend
        return ActionResult(
            {
                "MaxNumberOfAutoScalingGroups": GROUPS,
                "MaxNumberOfLaunchConfigurations": LAUNCH_CONFIGURATIONS,
                "NumberOfAutoScalingGroups": len(backend.autoscaling_groups),
                "NumberOfLaunchConfigurations": len(backend.launch_configurations),
            }
        )

    AutoScalingResponse.describe_account_limits = describe
