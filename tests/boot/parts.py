"""What cloud-init finds in user data: a JSON list of [content type, file name, text], in order.

Reads as cloud-init does (`convert_string` and `UserDataProcessor._process_msg` of its `user_data.py`, `fully_decoded_payload` of its `util.py`),
with the same library: Python's `email`.
"""

import email
import json
import sys

STARTS = {
    "#include": "text/x-include-url",
    "#!": "text/x-shellscript",
    "#cloud-config": "text/cloud-config",
    "#cloud-boothook": "text/cloud-boothook",
    "## template: jinja": "text/jinja2",
}


def kind(part, text):
    said = part.get_content_type()
    if said not in ("text/plain", "text/x-shellscript"):
        return said
    return next((known for start, known in STARTS.items() if text.lstrip().startswith(start)), said)


def main():
    data = sys.stdin.buffer.read()
    if b"mime-version:" not in data[:4096].lower():
        print(json.dumps([["not multipart", None, data.decode()]]))
        return
    found = []
    for part in email.message_from_bytes(data).walk():
        if part.get_content_maintype() == "multipart":
            continue
        text = part.get_payload(decode=True).decode(part.get_content_charset() or "utf-8", "surrogateescape")
        found.append([kind(part, text), part.get_filename(), text])
    print(json.dumps(found))


main()
