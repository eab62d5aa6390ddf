"""A stand-in for an agent."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeAgent:
    """Notes what it is asked, and answers as it was told."""

    def __init__(self):
        self.asked = []
        self.news = threading.Condition()
        self.looks = []
        self.of_jobs = "has it"
        self.status = 201
        self.delay = 0.0
        self.lost = 0
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(agent.delay)
                with agent.news:
                    agent.asked.append((self.path, dict(self.headers), body))
                    agent.news.notify_all()
                if agent.lost:
                    agent.lost -= 1
                    self.connection.close()
                    return
                answer = b'{"detail": "Not here."}'
                self.send_response(agent.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self):
                """Answer about a job."""
                agent.looks.append(self.path)
                key = self.path.split("/")[2]
                texts = {"no job": f"The agent has no job {key}.", "another 404": "Not here."}
                answer = json.dumps({"detail": texts.get(agent.of_jobs, key)}).encode()
                self.send_response(404 if agent.of_jobs in texts else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count):
        with self.news:
            assert self.news.wait_for(lambda: len(self.asked) >= count, 30)
        return self.asked[count - 1]


def run(user, key, **body):
    return user.ok("POST", "plugins/tried/run/", {"agent": key, **body})["job_id"]
