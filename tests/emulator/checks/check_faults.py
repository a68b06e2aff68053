"""The log, the faults, the latency and the gate."""

import json
import threading
import time
import urllib.error

import faults
from botocore.exceptions import ConnectionClosedError
from case import TRUST, Case


class Log(Case):
    def test_each_call_is_named_classed_and_timed(self):
        group = self.group()
        self.ec2.describe_security_groups(GroupIds=[group])
        with self.refused("InvalidGroup.NotFound"):
            self.ec2.describe_security_groups(GroupIds=["sg-0123456789abcdef0"])
        created, described, refused = self.control("GET", "calls")["calls"]
        self.assertEqual((created["service"], created["action"], created["kind"], created["sequence"]), ("ec2", "CreateSecurityGroup", "write", 1))
        self.assertEqual(created["parameters"]["GroupName"], "web")
        self.assertEqual((described["kind"], described["status"], described["error_code"]), ("read", 200, None))
        self.assertEqual((refused["status"], refused["error_code"]), (400, "InvalidGroup.NotFound"))
        self.assertLess(created["started_s"], created["ended_s"])
        self.assertLessEqual(created["ended_s"], described["started_s"])
        self.control("DELETE", "calls")
        self.assertEqual(self.control("GET", "calls"), {"calls": []})

    def test_user_data_and_policies_are_logged_as_digests(self):
        self.template(data={"UserData": "c2VjcmV0LXBhc3N3b3Jk"})
        self.iam.create_role(RoleName="web", AssumeRolePolicyDocument=TRUST)
        text = json.dumps(self.control("GET", "calls"))
        self.assertNotIn("c2VjcmV0", text)
        self.assertNotIn("sts:AssumeRole", text)
        self.assertEqual(text.count("sha256:"), 2)

    def test_reads_of_a_group_are_polls_once_it_was_written_to(self):
        self.described()
        self.scaling_group(self.template())
        self.described()
        self.asg.describe_scaling_activities(AutoScalingGroupName="web")
        self.assertEqual([call["kind"] for call in self.control("GET", "calls")["calls"]], ["read", "write", "write", "poll", "poll"])

    def test_accounts_do_not_see_each_other(self):
        self.group()
        mine, self.account = self.account, "300000000000"
        self.assertEqual(self.control("GET", "calls")["calls"], [])
        self.account = mine
        self.assertEqual(len(self.control("GET", "calls")["calls"]), 1)

    def test_a_reset_account_is_as_new(self):
        self.group()
        self.control("POST", "latency", {"ms": 1})
        self.control("POST", "reset")
        self.assertEqual(self.control("GET", "calls")["calls"], [])
        self.assertEqual(self.control("GET", "faults"), {"latency_ms": 0, "rules": []})
        found = self.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web"]}])
        self.assertEqual(found["SecurityGroups"], [])
        self.assertEqual(len(self.ec2.describe_images()["Images"]), len(self.seed["images"]))


class Faults(Case):
    def test_a_rule_strikes_the_nth_matching_call_and_no_other(self):
        self.control("POST", "faults", {"fault": "error", "action": "DescribeVpcs", "nth": 2, "code": "AuthFailure", "message": "no", "status": 401})
        self.ec2.describe_vpcs()
        self.ec2.describe_subnets()
        with self.refused("AuthFailure", "no", status=401):
            self.ec2.describe_vpcs()
        self.ec2.describe_vpcs()
        self.assertEqual([call["fault"] for call in self.control("GET", "calls")["calls"]], [None, None, "error", None])

    def test_throttling_and_failures_are_worded_as_each_service_does(self):
        for client, throttled, status, failed in (
            (self.ec2.describe_vpcs, "RequestLimitExceeded", 503, "InternalError"),
            (self.iam.list_roles, "Throttling", 400, "ServiceFailure"),
            (self.asg.describe_auto_scaling_groups, "Throttling", 400, "InternalFailure"),
        ):
            self.control("POST", "faults", {"fault": "throttle"})
            with self.refused(throttled, status=status):
                client()
            self.control("POST", "faults", {"fault": "server-error"})
            with self.refused(failed, status=500):
                client()

    def test_a_connection_is_dropped_before_or_after_the_work(self):
        self.control("POST", "faults", {"fault": "drop-before", "action": "CreateSecurityGroup"})
        with self.assertRaises(ConnectionClosedError):
            self.group("before")
        self.control("DELETE", "faults")
        self.control("POST", "faults", {"fault": "drop-after", "action": "CreateSecurityGroup"})
        with self.assertRaises(ConnectionClosedError):
            self.group("after")
        self.group("before")
        with self.refused("InvalidGroup.Duplicate"):
            self.group("after")

    def test_the_sdks_own_retry_after_a_lost_answer_meets_the_group_it_made(self):
        self.control("POST", "faults", {"fault": "drop-after", "action": "CreateSecurityGroup"})
        retrying = self.client("ec2", retries={"mode": "standard", "total_max_attempts": 3})
        with self.refused("InvalidGroup.Duplicate"):
            retrying.create_security_group(GroupName="web", Description="a test", VpcId=self.vpc)

    def test_a_rule_that_makes_no_sense_is_refused_with_what_would_be_right(self):
        for rule, word in (({"fault": "explode"}, "drop-after"), ({"fault": "hold", "when": 1}, "nth"), ({"fault": "hold", "nth": 0}, "from 1")):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.control("POST", "faults", rule)
            self.assertEqual(caught.exception.code, 400)
            self.assertIn(word, caught.exception.read().decode())

    def test_latency_of_calls_side_by_side_is_paid_once(self):
        self.control("POST", "latency", {"ms": 200})
        clients = [self.client("ec2") for _ in range(4)]
        threads = [threading.Thread(target=client.describe_vpcs) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        calls = self.control("GET", "calls")["calls"]
        self.assertEqual(len(calls), 4)
        self.assertTrue(all(call["ended_s"] - call["started_s"] >= 0.2 for call in calls))
        self.assertLess(max(call["started_s"] for call in calls), min(call["ended_s"] for call in calls))

    def test_calls_of_a_round_are_under_way_together_however_slowly_they_are_sent(self):
        self.control("POST", "latency", {"ms": 200, "rounds": True})
        clients = [self.client("ec2") for _ in range(4)]
        threads = [threading.Thread(target=client.describe_vpcs) for client in clients]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        self.ec2.describe_vpcs()
        *together, after = self.control("GET", "calls")["calls"]
        self.assertEqual(len(together), 4)
        first_answer = min(call["ended_s"] for call in together)
        self.assertLess(max(call["started_s"] for call in together), first_answer)
        self.assertGreater(after["started_s"], first_answer)

    def test_a_call_that_wakes_late_goes_with_its_round(self):
        rounds = faults.Faults(latency_ms=20, in_rounds=True)
        late, other = rounds.arrive(), rounds.arrive()
        rounds.pause(0, other)
        # Those of the next rounds go on arriving, and it does not wait for them.
        stop = threading.Event()

        def arrive():
            while not stop.wait(0.001):
                rounds.arrive()

        others = threading.Thread(target=arrive)
        waiting = threading.Thread(target=rounds.pause, args=(0, late), daemon=True)
        others.start()
        waiting.start()
        waiting.join(10)
        going = not waiting.is_alive()
        stop.set()
        others.join()
        self.assertTrue(going)


class Gate(Case):
    def test_a_held_call_has_done_its_work_and_no_later_one_begins(self):
        self.control("POST", "faults", {"fault": "hold", "action": "CreateSecurityGroup"})
        outcomes = []

        def attempt(name):
            try:
                self.client("ec2").create_security_group(GroupName=name, Description="a test", VpcId=self.vpc)
                outcomes.append((name, "made"))
            except ConnectionClosedError:
                outcomes.append((name, "lost"))

        first = threading.Thread(target=attempt, args=("first",))
        first.start()
        self.assertEqual(self.control("GET", "held?wait_ms=10000"), {"sequence": 1})
        second = threading.Thread(target=attempt, args=("second",))
        second.start()
        while len(self.control("GET", "calls")["calls"]) < 2:
            time.sleep(0.01)
        self.assertEqual(outcomes, [])
        self.control("POST", "release", {"discard": True})
        first.join()
        second.join()
        self.assertEqual(sorted(outcomes), [("first", "lost"), ("second", "lost")])
        names = {group["GroupName"] for group in self.ec2.describe_security_groups()["SecurityGroups"]}
        self.assertIn("first", names)
        self.assertNotIn("second", names)

    def test_a_release_without_discarding_lets_all_go_on(self):
        self.control("POST", "faults", {"fault": "hold"})
        made = []
        thread = threading.Thread(target=lambda: made.append(self.group()))
        thread.start()
        self.assertEqual(self.control("GET", "held?wait_ms=10000"), {"sequence": 1})
        self.control("POST", "release")
        thread.join()
        self.assertEqual(len(made), 1)

    def test_waiting_for_a_hold_that_never_comes_ends(self):
        self.assertEqual(self.control("GET", "held?wait_ms=10"), {"sequence": None})
