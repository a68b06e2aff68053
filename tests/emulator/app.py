"""One request from arrival to answer: log, fault, latency, moto. And the control API beside it."""

import gc
import io
import threading
import traceback

import aws_behaviours
import calls
import control
import seed
import unchanging
import wire
from account import ACCOUNTS, Account, of_request
from faults import Rule
from http_edge import LostAnswer
from moto.ec2.models import ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


class Application:
    """moto behind a log and a set of faults. `answer` is safe from any thread; moto itself is entered by one at a time.

    Latency is slept outside that lock, so calls made side by side are slow side by side.
    """

    def __init__(self, without: list[str] = ()) -> None:
        seed.keep_few_managed_policies()
        unchanging.remember()
        self.behaviours = aws_behaviours.install(without)
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.RLock()
        self._warm_up()

    def _warm_up(self) -> None:
        """Loads models, error shapes and tables now, not inside the first call that somebody times."""
        for service, version, query in (
            ("ec2", "2016-11-15", "Action=DescribeVpcs"),
            ("ec2", "2016-11-15", "Action=DescribeSecurityGroups&GroupId.1=sg-0123456789abcdef0"),
            ("iam", "2010-05-08", "Action=GetRole&RoleName=nobody"),
            ("autoscaling", "2011-01-01", "Action=DescribeAutoScalingGroups"),
            ("autoscaling", "2011-01-01", "Action=DeleteAutoScalingGroup&AutoScalingGroupName=nobody"),
            ("sts", "2011-06-15", "Action=GetCallerIdentity"),
        ):
            body = f"{query}&Version={version}".encode()
            environ = {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": "/",
                "QUERY_STRING": "",
                "CONTENT_TYPE": "application/x-www-form-urlencoded",
                "HTTP_HOST": "127.0.0.1",
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": "80",
                "wsgi.url_scheme": "http",
                "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=AKIAKAPH999999999999/20200101/us-east-1/{service}/aws4_request, x",
            }
            status, _, answer = self._moto(environ, body)
            if status >= 500:
                raise RuntimeError(f"moto cannot answer {query}: {answer[:500]!r}")
        # The first encrypted volume imports KMS.
        ec2_backends["999999999999"]["us-east-1"]._create_default_encryption_key()
        # What is loaded now stays: without this, a full collection walks all of it, 300 ms long, in the middle of some call.
        gc.collect()
        gc.freeze()

    def answer(self, environ: dict, body: bytes) -> wire.Answer:
        path = environ.get("PATH_INFO", "/")
        if path.startswith(control.PREFIX):
            return control.answer(self, environ, body)
        account_id, region, service = of_request(environ)
        account = ACCOUNTS.get(account_id)
        request = calls.parse(environ, body, account_id, service, region)
        with account.order:  # the log's order, the rules' counts and the gate agree on which call came first
            call = account.log.begin(request)
            arrived_s = account.faults.arrive()
            rule = account.faults.strike(request, call.kind)
            call.fault = rule.fault if rule else None
            may_begin = account.faults.gate.enter(call.sequence, hold=call.fault == "hold")
        status, code = None, None
        try:
            if not may_begin and not account.faults.gate.wait():
                raise LostAnswer
            answer = self._perform(account, request, call, rule, arrived_s, environ, body)
            status, code = answer[0], wire.error_code(answer[0], answer[2])
            return answer
        finally:
            account.log.end(call, status, code)

    def _perform(
        self, account: Account, request: calls.Request, call: calls.Call, rule: Rule | None, arrived_s: float, environ: dict, body: bytes
    ) -> wire.Answer:
        fault = call.fault
        answered = False
        try:
            account.faults.pause(rule.delay_ms if rule else 0, arrived_s)
            if fault in ("error", "throttle", "server-error"):
                answer = self._refusal(rule, request.service)
            elif fault == "drop-before":
                raise LostAnswer
            else:
                self._seed(account, request.region)
                answer = self._moto(environ, body)
            answered = True
        finally:
            delivered = account.faults.gate.worked(call.sequence)
        if fault == "drop-after" or (answered and not delivered):
            raise LostAnswer
        return answer

    @staticmethod
    def _refusal(rule: Rule, service: str) -> wire.Answer:
        if rule.fault == "throttle":
            return wire.throttle(service)
        if rule.fault == "server-error":
            return wire.server_error(service)
        return wire.error(service, rule.status, rule.code, rule.message)

    def _seed(self, account: Account, region: str) -> None:
        with self.lock:
            seed.ensure(account, region)

    def _moto(self, environ: dict, body: bytes) -> wire.Answer:
        """moto's answer, whole. What moto cannot do becomes a 500 that says so, never HTML."""
        started: dict = {}

        def start_response(status: str, headers: list, exc_info: object = None) -> None:
            started.update(status=int(status.split(" ", 1)[0]), headers=headers)

        environ = environ | {"wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(), "CONTENT_LENGTH": str(len(body))}
        _, _, service = of_request(environ)
        try:
            with self.lock:
                answer = b"".join(self.moto(environ, start_response))
        except NotImplementedError as missing:
            return wire.error(service, 501, "NotImplemented", f"the emulator cannot do this: {missing}")
        except Exception:  # noqa: BLE001  a bug in moto: show where, in the client's own error
            where = traceback.format_exc(limit=-3)
            return wire.error(service, 500, "EmulatorFailure", f"the emulator failed: {where}")
        if started["status"] >= 500 and b"<html" in answer[:500].lower():
            return wire.error(service, 500, "EmulatorFailure", f"the emulator failed: {answer[:1500].decode('utf-8', 'replace')}")
        return started["status"], started["headers"], answer
