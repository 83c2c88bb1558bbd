"""Small tools under StackStorm's names: alias formats, dates, secrets, files of packs."""

import datetime
import json
import os
import re
import sys
import unittest
from unittest import mock

from support import PYTHON_DIR, RunCase

sys.path.insert(0, PYTHON_DIR)

from st2common.content import utils as content_utils  # noqa: E402
from st2common.exceptions.content import ParseException  # noqa: E402
from st2common.models.system.action import ShellScriptAction  # noqa: E402
from st2common.models.utils.action_alias_utils import ActionAliasFormatParser, extract_parameters  # noqa: E402
from st2common.util import date, isotime, jsonify, misc, secrets, shell  # noqa: E402
from st2common.util.jinja import get_filters, render_values  # noqa: E402
from st2reactor.sensor.base import PollingSensor, Sensor  # noqa: E402
from st2tests.action_aliases import Alias, BaseActionAliasTestCase  # noqa: E402


class AliasFormats(unittest.TestCase):
    VECTORS = (
        ("run {{cmd}} on {{hosts}}", "run date on localhost timeout=120 user='a b'",
         {"cmd": "date", "hosts": "localhost", "timeout": "120", "user": "a b"}),
        ("run {{cmd}} {{hosts=localhost}}", "run date", {"cmd": "date", "hosts": "localhost"}),
        ("run {{cmd}} {{hosts=localhost}}", 'run "date -u" h1', {"cmd": "date -u", "hosts": "h1"}),
        ("(run|execute) {{cmd}}( on {{hosts=localhost}})?[!.]?", "execute uptime on web1!",
         {"cmd": "uptime", "hosts": "web1"}),
        ("list sensors", "list sensors pack=examples", {"pack": "examples"}),
        ("list sensors", "list  sensors", None),
        ("deploy {{ a }} {{ b = x y }}", "deploy one", {"a": "one", "b": "x y"}),
        ("run {{thing={'key': 'value'}}}", "run", {"thing": "{'key': 'value'}"}),
        ("say {{msg}}", "say hello\nworld", {"msg": "hello\nworld"}),
        ("say {{msg}}", "SAY hi", None),
        ("q {{a}}", "q x=1", None),
        ("{{a}}", "", {"a": " "}),
    )  # fmt: skip

    def test_vectors(self):
        for text, command, wanted in self.VECTORS:
            try:
                found = extract_parameters(text, command)
            except ParseException as error:
                found = None
                message = 'Command "%s" doesn\'t match format string "%s"' % (command, text)
                self.assertEqual(str(error), message)
            self.assertEqual(found, wanted, (text, command))

    def test_recorded_answers(self):
        folder = os.environ.get("CONFORMANCE_DIR", os.path.join(PYTHON_DIR, "..", "..", "shared", "conformance"))
        path = os.path.join(folder, "aliases.json")
        if not os.path.exists(path) or sys.version_info[:2] != (3, 11):
            self.skipTest("no recorded answers here, or not the Python they were recorded with")
        with open(path) as file:
            cases = json.load(file)
        cases = [case for case in cases if case["name"].partition("-")[0] in ("regex", "extract", "multiple")]
        self.assertGreater(len(cases), 100)
        for case in cases:
            with self.subTest(case["name"]):
                self.assertEqual(self.answer(case), (case["result"], case["error"]))

    def answer(self, case):
        try:
            if "command" not in case:
                return ActionAliasFormatParser(case["format"], "")._regex.pattern, None
            return extract_parameters(case["format"], case["command"], case.get("match_multiple", False)), None
        except (ParseException, re.error) as error:
            return None, {"type": type(error).__name__, "message": str(error)}

    def test_several_places(self):
        found = extract_parameters("(\\s|^)x{{n}}(;|$)", "x1; x2;", match_multiple=True)
        self.assertEqual([item["n"] for item in found], ["1", "2"])

    def test_assertions_of_alias_tests(self):
        class It(BaseActionAliasTestCase):
            action_alias_name = "a"

            def runTest(self):
                pass

        case = It()
        formats = ["run {{a}}", {"representation": ["go {{a}}", "walk {{a}} {{b=1}}"]}, {"display": "help"}]
        case.action_alias_db = Alias("p", {"name": "a", "formats": formats})
        self.assertEqual(case.action_alias_db.get_format_strings(), ["run {{a}}", "go {{a}}", "walk {{a}} {{b=1}}"])
        case.assertExtractedParametersMatch("walk {{a}} {{b=1}}", "walk x", {"a": "x", "b": "1"})
        with self.assertRaisesRegex(AssertionError, "didn't match the provided parameters"):
            case.assertExtractedParametersMatch("go {{a}}", "go x", {"a": "y"})
        with self.assertRaisesRegex(ValueError, 'Format string "x" is not available on the alias "a"'):
            case.assertExtractedParametersMatch("x", "x", {})
        case.assertCommandMatchesExactlyOneFormatString(["run {{a}}", "go {{a}}"], "go x")
        with self.assertRaisesRegex(AssertionError, "didn't match any"):
            case.assertCommandMatchesExactlyOneFormatString(["run {{a}}"], "go x")
        with self.assertRaisesRegex(AssertionError, "matched multiple format strings: go {{a}}, g.*"):
            case.assertCommandMatchesExactlyOneFormatString(["go {{a}}", "g.*"], "go x")


class Dates(unittest.TestCase):
    def test_format(self):
        naive = datetime.datetime(2020, 1, 2, 3, 4, 5, 6)
        east = naive.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
        self.assertEqual(isotime.format(naive), "2020-01-02T03:04:05.000006+00:00")
        self.assertEqual(isotime.format(naive, usec=False, offset=False), "2020-01-02T03:04:05Z")
        self.assertEqual(isotime.format(east), "2020-01-02T03:04:05.000006+05:30")
        self.assertEqual(isotime.format(0), "1970-01-01T00:00:00.000000+00:00")
        self.assertEqual(isotime.format("2020-01-02 03:04:05Z", usec=False), "2020-01-02T03:04:05+00:00")

    def test_parse(self):
        wanted = datetime.datetime(2020, 1, 2, 3, 4, 5, 120000, datetime.timezone.utc)
        for text in ("2020-01-02T03:04:05.120Z", "2020-01-02 03:04:05.120000+00:00", "2020-01-02T03:04:05.120+0000"):
            self.assertEqual(isotime.parse(text), wanted)
        with self.assertRaisesRegex(ValueError, "Datetime value does not match expected format."):
            isotime.parse("2020-01-02T03:04:05+02:00")
        self.assertEqual(date.parse("2020-01-02T05:04:05.12+02:00"), wanted)
        self.assertEqual(date.parse("2020-01-02T05:04:05.12+02:00", True).utcoffset(), datetime.timedelta(hours=2))
        self.assertEqual(date.parse("2020-01-02").isoformat(), "2020-01-02T00:00:00+00:00")
        self.assertTrue(isotime.validate(wanted))
        self.assertFalse(isotime.validate("x", raise_exception=False))

    def test_zones(self):
        east = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
        self.assertEqual(date.convert_to_utc(east).isoformat(), "2020-01-01T23:00:00+00:00")
        with self.assertRaises(ValueError):
            date.add_utc_tz(east)


class Tools(unittest.TestCase):
    def test_secrets(self):
        schema = {
            "p": {"type": "string", "secret": True}, "q": {"type": "string"},
            "o": {"type": "object", "properties": {"x": {"type": "integer", "secret": True}, "y": {"type": "string"}}},
            "l": {"type": "array", "items": {"type": "object", "properties": {"s": {"type": "string", "secret": True}}}},
            "w": {"type": "array", "secret": True},
        }  # fmt: skip
        found = secrets.get_secret_parameters(schema)
        self.assertEqual(found, {"p": "string", "o": {"x": "integer"}, "l": [{"s": "string"}], "w": "array"})
        given = {"p": "a", "q": "b", "o": {"x": 1, "y": "c"}, "l": [{"s": "d", "t": 1}, {"t": 2}], "w": [1]}
        masked = secrets.mask_secret_parameters(given, found)
        star = "********"
        wanted = {"p": star, "q": "b", "o": {"x": star, "y": "c"}, "l": [{"s": star, "t": 1}, {"t": 2}], "w": star}
        self.assertEqual(masked, wanted)
        self.assertEqual(given["p"], "a")

    def test_json(self):
        class Own:
            def __json__(self):
                return {"own": 1}

        self.assertEqual(jsonify.json_encode({"a": [1, "é", None]}), '{"a":[1,"é",null]}')
        self.assertEqual(jsonify.json_encode([Own(), b"x"]), '[{"own":1},"x"]')
        self.assertEqual(jsonify.json_encode({"b": 1, "a": 2}, sort_keys=True), '{"a":2,"b":1}')
        self.assertEqual(jsonify.try_loads("[1"), "[1")
        self.assertEqual(jsonify.json_loads({"a": "[1]", "b": "x"}), {"a": [1], "b": "x"})

    def test_shell(self):
        self.assertEqual(shell.run_command(["sh", "-c", "echo a; echo b >&2; exit 3"]), (3, "a\n", "b\n"))
        self.assertEqual(shell.quote_unix("a b"), "'a b'")
        with self.assertRaises(TypeError):
            shell.run_command(1)

    def test_script_arguments(self):
        named = {"--a": "x y", "--b": True, "--c": False, "--d": None, "--e": "", "--f": ["p", 1], "--g": 0}
        action = ShellScriptAction("n", "id", "/s cript.sh", named, ["one", "t wo"], user="root")
        self.assertEqual(
            action.get_full_command_string(), "'/s cript.sh' --a='x y' --b --f='['\"'\"'p'\"'\"', 1]' --g=0 one 't wo'"
        )

    def test_texts(self):
        self.assertEqual(misc.strip_shell_chars("a\r\n\n"), "a\r\n")
        self.assertEqual(misc.deep_update({"a": {"b": 1}}, {"a": {"c": 2}}), {"a": {"b": 1, "c": 2}})

    def test_filters(self):
        filters = get_filters()
        call = lambda name, *given: filters[name](*given)  # noqa: E731
        for name, given, wanted in (
            ("version_compare", ("1.2.3-a.2", "1.2.3-a.10"), -1), ("version_match", ("1.2.3", ">=1.2.0"), True),
            ("version_compare", ("1.2.3", "1.2.3-rc"), 1), ("version_compare", ("1.2.3+a", "1.2.3+b"), 0),
            ("version_compare", ("1.0.0-a", "1.0.0-1"), 1), ("version_bump_minor", ("1.2.3-a",), "1.3.0"),
            ("version_strip_patch", ("1.2.3",), "1.2"), ("to_human_time_from_seconds", (3785,), "1h3m5s"),
            ("to_human_time_from_seconds", (0,), "0s"), ("to_human_time_from_seconds", (90061.2,), "1d1h1m1s"),
            ("regex_replace", ("x1y2", "[0-9]", "-"), "x-y-"), ("regex_substring", (112, "1+"), "11"),
            ("json_escape", ('a"b',), 'a\\"b'), ("use_none", (None,), "%*****__%NONE%__*****%"),
            ("to_json_string", ({"a": [1]},), '{"a": [1]}'), ("basename", ("/a/b.c",), "b.c"),
        ):  # fmt: skip
            self.assertEqual(call(name, *given), wanted, (name, given))
        with self.assertRaisesRegex(ValueError, "1.2 is not valid SemVer string"):
            call("version_equal", "1.2", "1.2.0")
        with self.assertRaisesRegex(ValueError, "decrypt=True"):
            call("decrypt_kv", "x")

    def test_templates(self):
        try:
            import jinja2  # noqa: F401
        except ImportError:
            self.skipTest("no jinja2 here")
        given = {"a": "{{ x }}", "b": ["{{ x }}", 1], "c": True, "d": 5, "e": "{{ '1.2.3' | version_bump_major }}"}
        self.assertEqual(render_values(given, {"x": "y"}), {"a": "y", "b": ["y", 1], "c": True, "d": 5, "e": "2.0.0"})
        with self.assertRaises(jinja2.UndefinedError) as caught:
            render_values({"k": "{{ nothing }}"}, {"x": 1})
        self.assertEqual(caught.exception.key, "k")

    def test_sensors_that_lack_a_method(self):
        with self.assertRaises(TypeError):
            Sensor(None)
        with self.assertRaises(TypeError):
            PollingSensor(None)


class PackFiles(RunCase):
    def test_paths(self):
        self.write("", "packs/p/actions/a.py")
        packs = os.path.join(self.folder, "packs")
        with mock.patch.dict(os.environ, ST2_PACKS_BASE_PATHS="/nowhere" + os.pathsep + packs):
            self.assertEqual(content_utils.get_pack_base_path("p"), os.path.join(packs, "p"))
            self.assertEqual(content_utils.get_pack_base_path("q"), "/nowhere/q")
            path = content_utils.get_entry_point_abs_path("p", "a.py")
            self.assertEqual(path, os.path.join(packs, "p/actions/a.py"))
            self.assertEqual(content_utils.get_entry_point_abs_path("p", path), path)
            for outside in ("../../x.py", "/etc/passwd"):
                with self.assertRaises(ValueError):
                    content_utils.get_entry_point_abs_path("p", outside)
            self.assertTrue(content_utils.check_pack_content_directory_exists("p", "actions"))


if __name__ == "__main__":
    unittest.main()
