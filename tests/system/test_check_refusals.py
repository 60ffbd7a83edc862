# SPDX-License-Identifier: MIT
"""tools/check-refusals finds the messages of a small checkout, and the ones that no test of it
produced."""

import json
import re
import subprocess

import pytest

from machine import ROOT

SOURCE = r'''
/* refuse(why, ERR, "in a comment"); */
#define ODD(reader, ...) log_alert("Tree: " __VA_ARGS__)
#define UNIT "MiB"
enum status refuse(struct reason *why, enum status status, const char *format, ...);

static const char *why_not(int what)
{
	if (what)
		return what == 1 ? "it is one" : "it is more";
	return NULL;
}

enum status f(int x)
{
	if (x == 1)
		return refuse(why, ERR_RANGE,
			      "%s is 0x%" PRIx64 " (\"%s\"), which "
			      "is 100%% wrong", name(x, 1), y);
	ODD(reader, "%s has no address", x);
	log_alert("%lu " UNIT " are left out", x);
	log_alert("%s", why.text);
	return refuse(why, ERR_RANGE, "in %s: %s", x, y);
}
'''

TOOL = '''
raise Refused("%s is too large "
              "for %d bytes" % (a, b))
'''
SCRIPT = '''
[ -f x ] || fail "there is no $x; ${y:-z} makes it"
'''

SAID = ["\"it is one\" it is more\n", 'x is 0xff00 ("y"), which is 100% wrong\n',
        "[!] CPU 0: Tree: node@1 has no address\n", "12 MiB are left out\n",
        "make-manifest: a b is too large for 5 bytes\n", "run: there is no x y; z makes it\n"]
FORMAT = "in %s: %s"


@pytest.fixture(name="check")
def make_check(tmp_path):
    """Gives a function that runs the check with these logs, formats and excuses."""
    for name, text in (("src/core/x.c", SOURCE), ("tools/make-manifest", TOOL),
                       ("tools/run.sh", SCRIPT)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def check(logs, formats=(FORMAT,), excused=None, fake=None):
        program = (ROOT / "tools/check-refusals").read_text()
        program, count = re.subn(r"^EXCUSED = \{.*?^\}$", lambda m: "EXCUSED = %r" % (excused or {}),
                                 program, flags=re.DOTALL | re.MULTILINE)
        assert count == 1
        (tmp_path / "tools/check-refusals").write_text(program)
        for folder in ("build/test", "build/test-logs", "tests/unit/fake"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "build/test-logs/a.log").write_text("".join(logs))
        (tmp_path / "build/test/unit-said.txt").write_text("\n".join(formats))
        (tmp_path / "tests/unit/fake/x.c").write_text(fake or "")
        result = subprocess.run(
            ["/usr/bin/python3", "tools/check-refusals", "--json", "x.json"], cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False)
        assert not result.stderr
        tests = json.loads((tmp_path / "x.json").read_text())["tests"]
        failed = {test["name"] for test in tests if test["verdict"] == "failed"}
        assert (result.returncode == 1) == bool(failed)
        return result.stdout.splitlines(), failed
    return check


def test_all_produced(check):
    assert check(SAID) == (["refusals: 8 of 8 messages are produced by a test, 0 excused"], set())


@pytest.mark.parametrize("index, place, text", [
    (0, "src/core/x.c:10", '"it is one"'), (1, "src/core/x.c:17", "wrong"),
    (2, "src/core/x.c:20", '"Tree: %s has no address"'), (3, "src/core/x.c:21", '"%lu MiB are'),
    (4, "tools/make-manifest:2", "too large for %d bytes"), (5, "tools/run.sh:2", "makes it")])
def test_missing_is_named(check, index, place, text):
    lines, failed = check(SAID[:index] + SAID[index + 1:])
    assert lines[0].startswith(place + ": no test produces it: ") and text in lines[0]
    assert failed == {"refusals: " + place.split(":")[0]}


def test_format_proves_what_its_text_cannot(check):
    """A message without words of its own matches every line; a width of the machine's doesn't
    matter."""
    lines, _ = check(SAID, formats=())
    assert len(lines) == 2 and lines[0].startswith("src/core/x.c:23: ")
    _, failed = check(SAID[:1] + SAID[2:],
                      formats=[FORMAT, '%s is 0x%lx ("%s"), which is 100%% wrong'])
    assert not failed


def test_longer_message_is_no_proof_of_a_shorter_one(check, tmp_path):
    """Where both match a line, it is the one with more words of its own, unless one is in a hole
    of the other."""
    with open(tmp_path / "src/core/x.c", "a", encoding="utf-8") as file:
        file.write('int g(void) { return refuse(why, E, "%s is \\"%s\\", not expected", a, b); }\n'
                   'int h(void) { return refuse(why, E, "mode is \\"%s\\", not expected", a); }\n'
                   'int i(void) { return refuse(why, E, "in image %s: %s", a, b); }\n')
    lines, _ = check([*SAID, 'in image k: mode is "x", not expected\n'])
    assert len(lines) == 2 and lines[0].startswith("src/core/x.c:25: ")
    _, failed = check([*SAID, 'in image k: mode is "x", not expected\n',
                       'kind is "x", not expected\n'])
    assert not failed


def test_fake_proves_nothing(check):
    fake = 'enum status g(void) { return refuse(why, ERR_RANGE, "in %s: %s", a, b); }\n'
    lines, failed = check(SAID, fake=fake)
    assert lines[0].startswith("src/core/x.c:23: ") and failed == {"refusals: src/core/x.c"}


def test_excuses(check):
    text = "Tree: %s has no address"
    lines, failed = check(SAID[:2] + SAID[3:], excused={text: "a reason"})
    assert lines == ["refusals: 7 of 8 messages are produced by a test, 1 excused"] and not failed
    lines, failed = check(SAID, excused={text: "a reason"})
    assert "is excused, and needn't be" in lines[0] and failed == {"refusals: tools/check-refusals"}


def test_text_that_cannot_be_read(check, tmp_path):
    with open(tmp_path / "src/core/x.c", "a", encoding="utf-8") as file:
        file.write("int f(void) { return refuse(why, ERR_RANGE, text, x); }\n")
    lines, failed = check(SAID)
    assert "its text can't be read here" in lines[0] and failed == {"refusals: src/core/x.c"}
