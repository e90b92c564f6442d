# SPDX-License-Identifier: Apache-2.0
"""replay --targets: drains told afterwards, by files of every kind and in every state of disrepair."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from test_cli import BINARY, recording

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef"
POD = "10.77.1.66"


def call(stamp, message, pod=POD):
    """A line of the controller's log."""
    return json.dumps({"level": "info", "ts": f"2026-11-23T00:12:{stamp}Z", "msg": message, "arn": ARN,
                       "targets": [{"Id": pod, "AvailabilityZone": None, "Port": 8080}]}) + "\n"


BEGIN, END = call("33.150", "deRegistering targets"), call("33.250", "deRegistered targets")
# a stamp of milliseconds means the one that follows; clocks may be off by 50 ms
WANT = ["2026-11-23T00:12:33.100000000Z", "2026-11-23T00:12:33.301000000Z"]


class Targets(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        path = recording(self.folder)
        self.recording = os.path.join(self.folder, "untold.jsonl")
        with open(path, encoding="utf-8") as file, open(self.recording, "w", encoding="utf-8") as out:
            for line in file:       # who drains is told by --targets alone
                if '"drainsnoop.target.state":"draining"' not in line:
                    out.write(line)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
        return path

    def replay(self, *paths, **kwargs):
        """Status, what was said, and the drain of the first verdict: lower bound, upper bound."""
        args = [arg for path in paths for arg in ("--targets", path)]
        done = subprocess.run([BINARY, "replay", self.recording, "-o", "json", *args], capture_output=True, text=True,
                              timeout=60, check=False, **kwargs)
        for event in map(json.loads, done.stdout.splitlines()):
            if event["event.name"] == "drainsnoop.pod.verdict":
                drain = [event.get("drainsnoop.drain.not_before"), event.get("drainsnoop.drain.not_after")]
                return done.returncode, done.stderr, drain
        return done.returncode, done.stderr, None

    def test_without_it_nobody_knows_when_the_drain_began(self):
        status, said, drain = self.replay()
        self.assertEqual((status, said), (0, ""))
        self.assertIsNone(drain[1])

    def test_plain_gzip_standard_input_and_a_pipe(self):
        text = BEGIN + END
        self.assertEqual(self.replay(self.write("a", text)), (0, "", WANT))
        self.assertEqual(self.replay(self.write("a.gz", gzip.compress(text.encode()))), (0, "", WANT))
        self.assertEqual(self.replay("-", input=text), (0, "", WANT))
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', os.path.join(self.folder, "a"), fifo]):
            self.assertEqual(self.replay(fifo), (0, "", WANT))

    def record(self, stamp="00:12:33", **changes):
        """A CloudTrail record, with fields that nobody knows."""
        targets = changes.pop("targets", [{"id": POD, "port": 8080, "availabilityZone": "eu-central-1a"}])
        return dict({"eventVersion": "1.11", "userIdentity": {"type": "AssumedRole", "sessionContext": {"a": [1, None]}},
                     "eventTime": f"2026-11-23T{stamp}Z", "eventSource": "elasticloadbalancing.amazonaws.com",
                     "eventName": "DeregisterTargets", "awsRegion": "eu-central-1", "responseElements": None,
                     "requestParameters": {"targetGroupArn": ARN, "targets": targets, "later": {"x": [[]]}},
                     "readOnly": False, "sessionCredentialFromConsole": "true", "fieldOfTomorrow": {"y": 1e300}},
                    **changes)

    def test_cloudtrail_in_every_shape(self):
        # completed in the second 33; took effect within the second before; clocks
        want = ["2026-11-23T00:12:31.950000000Z", "2026-11-23T00:12:34.050000000Z"]
        record = self.record()
        envelope = {"version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "region": "eu-central-1",
                    "source": "aws.elasticloadbalancing", "time": "2026-11-23T00:12:33Z", "resources": []}
        lookup = {"EventId": "1", "EventTime": "2026-11-23T01:12:33+01:00", "Resources": [{"ResourceName": ARN}]}
        shapes = [{"Records": [self.record(eventName="CreateRule"), record]}, dict(envelope, detail=record),
                  {"Events": [dict(lookup, CloudTrailEvent=json.dumps(record))], "NextToken": "x"}, [record],
                  {"Records": [self.record(targets={"items": [{"id": POD, "port": 8080}]})]},
                  {"Records": [self.record(targets=[{"id": POD}])]},
                  {"Records": [self.record(targets=[{"id": POD, "port": None}])]}]
        for shape in shapes:
            for indent in (None, 4):
                path = self.write("trail.json", json.dumps(shape, indent=indent))
                self.assertEqual(self.replay(path), (0, "", want), shape)

    def test_cloudtrail_of_wrong_types_is_told_and_the_rest_used(self):
        for wrong, words in (({"eventTime": 7}, "without a time"), ({"eventTime": "soon"}, "without a time"),
                             ({"requestParameters": None}, "without requestParameters.targetGroupArn and .targets"),
                             ({"requestParameters": [ARN]}, "without requestParameters.targetGroupArn and .targets"),
                             ({"targets": "all"}, "without requestParameters.targetGroupArn and .targets"),
                             ({"targets": [7]}, "a target without an address"),
                             ({"targets": [{"id": POD, "port": 65536}]}, "with a port beyond 65535")):
            records = [self.record(**wrong), self.record()]
            text = '{"Records": [\n' + ",\n".join(map(json.dumps, records)) + "\n]}"
            path = self.write("trail.json", text)
            status, said, drain = self.replay(path)
            self.assertEqual(status, 1)
            self.assertIsNotNone(drain[1], wrong)
            self.assertTrue(said.startswith(f"drainsnoop: {path}:2: "), said)
            self.assertIn(words, said)
            self.assertEqual(said.count("\n"), 1, said)

    def test_the_controllers_log_of_every_version(self):
        def pair(form):
            return self.write("log", form("33.150", "deRegistering targets") + form("33.250", "deRegistered targets"))

        # kubectl logs --timestamps: the runtime reads a line up to 100 ms late
        path = pair(lambda stamp, word: f"2026-11-23T00:12:{stamp}000111Z " + call("33", word))
        self.assertEqual(self.replay(path), (0, "", ["2026-11-23T00:12:33.000000111Z", "2026-11-23T00:12:33.300000112Z"]))
        # version 2: microseconds since the epoch, and no targets in the second line
        fields = {"arn": ARN, "targets": [{"AvailabilityZone": None, "Id": POD, "Port": 8080}]}
        path = pair(lambda stamp, word: json.dumps(dict(
            {"level": "info", "ts": float(f"17953927{int(stamp[:2]) + 20}.{stamp[3:]}111"), "msg": word},
            **(fields if "ing" in word else {"arn": ARN}))) + "\n")
        self.assertEqual([bound[:26] for bound in self.replay(path)[2]],
                         ["2026-11-23T00:12:33.100111", "2026-11-23T00:12:33.300112"])
        # a logger of text
        path = pair(lambda stamp, word: f"2026-11-23T00:12:{stamp}Z\tINFO\t{word}\t{json.dumps(fields)}\n")
        self.assertEqual(self.replay(path)[:2], (0, ""))
        self.assertEqual(self.replay(path)[2][1], WANT[1])

    def test_the_controllers_log_of_version_1(self):
        lines = (f"{'-' * 79}\nAWS ALB Ingress controller\n  Release:    v1.1.4\n  Repository: https://github.com/x.git\n"
                 "STAMP33.150500000Z I1123 00:12:33.150123       1 targets.go:95] shop/web: Removing targets from "
                 f"{ARN}: 10.9.9.9:80, {POD}:8080\n"
                 "STAMP33.250500000Z I1123 00:12:33.250123       1 controller.go:236] kubebuilder/controller \"level\"=1 "
                 '"msg"="Successfully Reconciled"  "controller"="alb-ingress-controller" '
                 '"request"={"Namespace":"shop","Name":"web"}\n')
        want = (0, "", ["2026-11-23T00:12:33.100123000Z", "2026-11-23T00:12:33.300124000Z"])
        self.assertEqual(self.replay(self.write("stamped", lines.replace("STAMP", "2026-11-23T00:12:"))), want)
        # the year is that of the file
        path = self.write("bare", re.sub("STAMP[^ ]* ", "", lines))
        os.utime(path, (1795392800, 1795392800))
        self.assertEqual(self.replay(path), want)

    def test_what_describe_target_health_prints(self):
        def reading(state):
            return json.dumps({"TargetHealthDescriptions": [
                {"Target": {"Id": POD, "Port": 8080}, "HealthCheckPort": "8080", "TargetHealth": {"State": state}},
                {"Target": {"Id": "10.9.9.9", "Port": 8080}, "TargetHealth": {"State": "healthy"}}]}, indent=4)

        text = "".join(f"2026-11-23T00:12:{second}Z {ARN}\n{reading(state)}\n"
                       for second, state in ((30, "healthy"), (31, "healthy"), (34, "draining"), (35, "draining")))
        status, said, drain = self.replay(self.write("health", text))
        self.assertEqual((status, said), (0, ""))
        self.assertGreaterEqual(drain[0], "2026-11-23T00:12:30.950000000Z")    # the recording knows better
        self.assertEqual(drain[1], "2026-11-23T00:12:40.050000000Z")           # the call may take 5 s
        status, said, drain = self.replay(self.write("health", reading("draining")))
        self.assertEqual((status, drain[1]), (1, None))
        self.assertIn(":1: describe-target-health without its time: put a line with the time", said)

    def test_csv_and_own_lines(self):
        rows = "time,target,port,state,target_group\n" + "".join(
            f"2026-11-23T00:12:{second}Z,{POD},8080,{state},{ARN}\n"
            for second, state in (("31.500", "healthy"), ("33.500", "draining"), ("34.500", "draining")))
        # what the API said may have been a second old
        rows = rows.replace("31.500", "32.500")
        want = ["2026-11-23T00:12:31.450000000Z", "2026-11-23T00:12:33.551000000Z"]
        self.assertEqual(self.replay(self.write("csv", rows)), (0, "", want))
        own = {"time": "2026-11-23T00:12:33.250000000Z", "event.name": "drainsnoop.target.state",
               "drainsnoop.target.id": POD, "drainsnoop.target.port": 8080, "drainsnoop.target.state": "draining",
               "drainsnoop.target.source": "cloudtrail", "drainsnoop.not_before": "2026-11-23T00:12:32.000000000Z",
               "drainsnoop.not_after": "2026-11-23T00:12:33.250000000Z", "drainsnoop.tomorrow": [1]}
        want = [own["drainsnoop.not_before"], own["drainsnoop.not_after"]]
        self.assertEqual(self.replay(self.write("own", json.dumps(own) + "\n")), (0, "", want))

    def test_malformed_json_of_many_kinds(self):
        for bad, words in (('{"Records": [{"a": 1}}\n', "its brackets do not match"), ('{"a": tru}\n', "not JSON"),
                           ('{"a": ' + "[" * 100 + "\n", "nested deeper than 64"),
                           ('{"Events": [{"CloudTrailEvent": "{"}]}\n', "a CloudTrailEvent that is not JSON"),
                           ('{"TargetHealthDescriptions": {}}\n', "TargetHealthDescriptions is no list"),
                           ('{"event.name": "drainsnoop.target.state", "drainsnoop.target.port": "x"}\n', ""),
                           (json.dumps({"msg": "deRegistered targets", "arn": ARN}) + "\n", "without a time"),
                           ('{"k": "' + "x" * (2 << 20) + '"}\n', "longer than 1 MiB")):
            path = self.write("a", BEGIN + bad + END)
            status, said, drain = self.replay(path)
            self.assertEqual((status, drain), (1, WANT), bad[:50])
            self.assertTrue(said.startswith(f"drainsnoop: {path}:2: "), said)
            self.assertIn(words, said)
            self.assertEqual(said.count("\n"), 1, said)

    def test_faults_beyond_ten_are_counted(self):
        status, said, drain = self.replay(self.write("a", BEGIN + "nonsense\n" * 500 + END))
        self.assertEqual((status, drain), (1, WANT))
        self.assertEqual(said.count("no format that is known"), 10)
        self.assertIn("500 faults", said)
        self.assertEqual(said.count("\n"), 12)

    def test_several_files_are_one_story(self):
        # each bound from a file of its own, and one that speaks of nothing
        wide = self.write("wide", call("32.900", "deRegistering targets") + call("33.250", "deRegistered targets"))
        csv = self.write("csv", f"2026-11-23T00:12:33.000Z,{POD},8080,healthy,shop-web\n")
        empty = self.write("empty", "")
        status, said, drain = self.replay(wide, csv, empty)
        self.assertEqual(status, 0)
        self.assertIn(f"{empty}: says nothing of any target", said)
        self.assertEqual(drain[1], WANT[1])
        self.assertEqual(self.replay(csv, empty, wide)[2], drain)

    def test_two_gzip_streams_are_one_file(self):
        data = gzip.compress((BEGIN + END[:40]).encode()) + gzip.compress(END[40:].encode())
        self.assertEqual(self.replay(self.write("a.gz", data)), (0, "", WANT))

    def test_broken_gzip_is_told_and_what_came_before_is_used(self):
        whole = gzip.compress((BEGIN + END).encode())
        for data, words in ((whole[:-3], f"byte {len(whole) - 3}: the gzip stream is cut off; get the whole file"),
                            (whole + b"garbage", "what stands behind the gzip stream is none")):
            path = self.write("a.gz", data)
            status, said, drain = self.replay(path)
            self.assertEqual((status, drain), (1, WANT))
            self.assertIn(f"drainsnoop: {path}: byte", said)
            self.assertIn(words, said)

    def test_bad_lines_cost_themselves_only(self):
        for bad, words in (("hello\n", "no format that is known"), ("a\0b\n", "a NUL character"),
                           ("x" * (10 << 20) + "\n", "longer than 1 MiB"), ('{"level":"in\n', "the end of the line")):
            path = self.write("a", BEGIN + bad + END)
            status, said, drain = self.replay(path)
            self.assertEqual((status, drain), (1, WANT), words)
            self.assertTrue(said.startswith(f"drainsnoop: {path}:2: "), said)
            self.assertIn(words, said)

    def test_a_missing_file_and_a_folder_end_it(self):
        missing = os.path.join(self.folder, "missing")
        for path, words in ((missing, "No such file"), (self.folder, "name a file, a FIFO or -")):
            status, said, drain = self.replay(self.write("a", BEGIN + END), path)
            self.assertEqual((status, drain), (1, None))
            self.assertIn(path, said)
            self.assertIn(words, said)
            self.assertEqual(said.count("\n"), 1)

    def test_the_runtimes_own_log_lines(self):
        """The file on the node: stamp, stream, whole or partial, text."""
        half = len(END) // 2
        lines = (f"2026-11-23T00:12:33.151000000Z stderr F {BEGIN}"
                 f"2026-11-23T00:12:33.200000000Z stderr F plain text\n"
                 f"2026-11-23T00:12:33.250500000Z stderr P {END[:half]}\n"
                 f"2026-11-23T00:12:33.250600000Z stdout F in between\n"
                 f"2026-11-23T00:12:33.250700000Z stderr F {END[half:]}")
        status, said, drain = self.replay(self.write("0.log", lines))
        self.assertEqual((status, said), (0, ""))
        self.assertEqual(drain, [WANT[0], "2026-11-23T00:12:33.300500001Z"])


if __name__ == "__main__":
    unittest.main()
