"""A backend as a process of its own, so that it can be killed: notes each request, and answers it.

    receiver.py PORT FILE

Each line of FILE is one request, as JSON: {"path", "signature", "body"}. It is written before the answer is given, so a
receiver that is killed in between has it, and gets it once more.
"""

import http.server
import json
import sys
import threading

file = open(sys.argv[2], "a", encoding="utf-8")
turn = threading.Lock()


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        signature = self.headers["Tidings-Signature"]
        with turn:
            file.write(json.dumps({"path": self.path, "signature": signature, "body": body}) + "\n")
            file.flush()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Backend)
server.daemon_threads = True
server.serve_forever()
