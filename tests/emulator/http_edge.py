"""The HTTP edge: connections that stay open as AWS's do, answers in one write, and answers that never come.

werkzeug's own edge closes each connection and writes head and body apart, which Nagle's algorithm turns into pauses of
40 ms. That would be measured as kaphost's.
"""

import socket
from http import HTTPStatus

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

# The largest request AWS's query protocols accept here is far below this.
MAX_BODY_BYTES = 4 * 1024 * 1024


class LostAnswer(Exception):
    """The client is to see its connection end instead of an answer."""


class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            self.close_connection = True
            return
        body = self.rfile.read(length) if length else b""
        try:
            status, headers, answer = self.server.app.answer(environ, body)
        except LostAnswer:
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client has gone already, which is what was wanted
            return
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in set(HTTPStatus) else 'Unknown'}"]
        head += [f"{key}: {value}" for key, value in headers if key.lower() not in ("content-length", "connection", "status")]
        head += [f"Content-Length: {len(answer)}", "Connection: keep-alive", "", ""]
        payload = "\r\n".join(head).encode("latin-1")
        if self.command != "HEAD":
            payload += answer
        try:
            self.wfile.write(payload)
        except OSError:
            self.close_connection = True  # killed while it waited: the work is done all the same

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: calls.py is the log."""


def listen(application: object) -> BaseWSGIServer:
    """A server on a free port of 127.0.0.1, with a thread for each connection."""
    return make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
