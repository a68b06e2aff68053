"""How corrections are put around moto's methods."""

from collections.abc import Callable

from moto.ec2.exceptions import EC2ClientError


def around(owner: type, method: str) -> Callable[[Callable], Callable]:
    """Replaces `owner.method` by the decorated function, which gets moto's own as its first argument."""
    original = getattr(owner, method)

    def replace(correction: Callable) -> Callable:
        def corrected(self: object, *arguments: object, **named: object) -> object:
            return correction(original, self, *arguments, **named)

        corrected.__name__ = method
        setattr(owner, method, corrected)
        return correction

    return replace


def invalid(message: str) -> EC2ClientError:
    """EC2's refusal of a value."""
    return EC2ClientError("InvalidParameterValue", message)
