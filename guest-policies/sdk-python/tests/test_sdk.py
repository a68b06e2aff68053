"""The SDK, as an author meets it."""

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

SDK = Path(__file__).parent.parent
sys.path[:0] = [str(SDK), str(SDK / "bindings")]

import kaphost_guest as sdk  # noqa: E402
from kaphost_guest import Amendment, Err, Rule, Severity, Tenancy, answers, description, setting, testing, violation  # noqa: E402
from wit_world import exports  # noqa: E402

ALLOWED = setting.texts("allowed", ["a", "b"], "What is allowed.")
LEAST = setting.integer("least", 1, 9, None, "How many.")


class Metadata(exports.Metadata):
    def describe(self):
        rule = Rule("dedicated", Severity.HIGH, "Hardware is not shared.", None)
        return description("sample", "0.1.0", "A sample.", [rule], [ALLOWED, LEAST])


class Validating(exports.Validating):
    @answers
    def validate(self, cluster, facts, settings):
        assert settings[ALLOWED] == ["a", "b"] and settings[LEAST] == 3
        shared = cluster.tenancy is not Tenancy.DEDICATED
        return [violation("dedicated", "tenancy", "the hardware is shared")] if shared else []


class Mutating(exports.Mutating):
    @answers
    def mutate(self, cluster, facts, settings):
        if cluster.spot is not None:
            raise Err([violation("dedicated", "spot", "spot cannot be dedicated")])
        amendment = Amendment(cluster)
        if cluster.tenancy is not Tenancy.DEDICATED:
            cluster.tenancy = Tenancy.DEDICATED
            amendment.because("dedicated", "tenancy", "hardware is not shared")
        return amendment.done()


SAMPLE = SimpleNamespace(Metadata=Metadata, Validating=Validating, Mutating=Mutating)


class Sdk(unittest.TestCase):
    def test_a_policy_is_asked_as_the_host_asks_it(self):
        found = testing.validate(SAMPLE, testing.cluster(), least=3)
        self.assertEqual([(one.rule, one.path, one.help) for one in found], [("dedicated", "tenancy", None)])
        amended = testing.mutate(SAMPLE, testing.cluster(), least=3)
        self.assertEqual(testing.validate(SAMPLE, amended.cluster, least=3), [])
        self.assertEqual([change.path for change in amended.changes], ["tenancy"])

    def test_settings_are_held_to_the_description(self):
        for given, said in [({}, "required"), ({"least": "3"}, "another type"), ({"least": 3, "most": 3}, "no setting")]:
            with self.assertRaisesRegex(AssertionError, said):
                testing.settings(SAMPLE, **given)
        schemas = {schema.name: schema for schema in Metadata().describe().settings}
        self.assertEqual((schemas["least"].kind.value, schemas["least"].default_value), ((1, 9), None))
        self.assertEqual(schemas["allowed"].default_value.value, ["a", "b"])

    def test_an_exception_is_logged_with_its_place_and_a_refusal_is_not(self):
        with mock.patch.object(sdk._logging, "log") as log:
            with self.assertRaises(AssertionError):
                testing.validate(SAMPLE, testing.cluster(), least=4)
            (level, words), _ = log.call_args
            self.assertEqual(level, sdk.Level.ERROR)
            self.assertRegex(words, r"^AssertionError: .*\(test_sdk\.py:\d+, in validate\)$")
            log.reset_mock()
            cluster = testing.cluster()
            cluster.spot = sdk.Spot(None)
            with self.assertRaises(Err):
                testing.mutate(SAMPLE, cluster, least=3)
            log.assert_not_called()

    def test_an_undescribed_rule_and_a_change_without_a_reason_are_found(self):
        class Silent(exports.Mutating):
            @answers
            def mutate(self, cluster, facts, settings):
                cluster.tenancy = Tenancy.DEDICATED
                return Amendment(cluster).done()

        class Unknown(exports.Validating):
            @answers
            def validate(self, cluster, facts, settings):
                return [violation("other", "tenancy", "x")]

        with self.assertRaisesRegex(AssertionError, "no reason"):
            testing.mutate(SimpleNamespace(Metadata=Metadata, Mutating=Silent), testing.cluster(), least=3)
        with self.assertRaisesRegex(AssertionError, "does not describe"):
            testing.validate(SimpleNamespace(Metadata=Metadata, Validating=Unknown), testing.cluster(), least=3)

    def test_a_key_is_a_json_string(self):
        self.assertEqual(sdk.key("tag", 'a"b'), 'tag["a\\"b"]')
        self.assertEqual(sdk.key("tag", "Größe"), 'tag["Größe"]')
