"""Runs the fuzzing client of the Autobahn suite. Python 2.7: the suite is.

    fuzz.py SITE_DIR SPEC_JSON

What `wstest --mode fuzzingclient` does, without two of its imports: OpenSSL (the cases go over ws:// on loopback, and
there is no pyOpenSSL for PyPy 2), and unittest2, for which Python's own will do. Prints one line per hundred cases instead of the suite's several per case.
"""
import json
import site
import sys
import time
import types
import unittest

site.addsitedir(sys.argv[1])

sys.modules["unittest2"] = unittest
tls = types.ModuleType("twisted.internet.ssl")
tls.ClientContextFactory = lambda: None
sys.modules["twisted.internet.ssl"] = tls
import twisted.internet  # noqa: E402

twisted.internet.ssl = tls

# The suite comes first: it chooses the reactor.
from autobahntestsuite import fuzzing  # noqa: E402
from twisted.internet import reactor  # noqa: E402

NOTE_EVERY = 100


class Progress(object):
    """Standard output while the suite runs: counts its `Running test case` lines, passes on the bad news."""

    def __init__(self, out):
        self.out, self.cases, self.start = out, 0, time.time()

    def write(self, text):
        if text.startswith("Running test case"):
            self.cases += 1
            if self.cases % NOTE_EVERY == 0:
                self.out.write("%d cases, %.0f s\n" % (self.cases, time.time() - self.start))
                self.out.flush()
        elif text.startswith("Connection to"):
            self.out.write(text + "\n")

    def flush(self):
        self.out.flush()


with open(sys.argv[2]) as spec_file:
    spec = json.load(spec_file)
sys.stdout = Progress(sys.stdout)
factory = fuzzing.FuzzingClientFactory(spec)
# A server that dies ends the suite early with a report of the cases so far: what was asked for is written down too.
with open(spec["outdir"] + "/cases.json", "w") as cases:
    json.dump(factory.specCases, cases)
reactor.run()  # the suite stops it after the last case
