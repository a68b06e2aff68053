"""Which account an access key belongs to. Not a correction of moto: how tests side by side keep out of each other's way."""

import re

from moto.core.responses import BaseResponse

KEY = re.compile(r"AKIAKAPH(\d{12})")


def install() -> None:
    by_moto = BaseResponse.get_current_account

    def get_current_account(self: BaseResponse) -> str:
        found = KEY.fullmatch(self.get_access_key())
        return found.group(1) if found else by_moto(self)

    BaseResponse.get_current_account = get_current_account
