"""An FTP server for tests, made from pyftpdlib; its one argument is a file of settings in JSON."""

import json
import logging
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer


def main():
    with open(sys.argv[1]) as file:
        settings = json.load(file)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)

    authorizer = DummyAuthorizer()
    authorizer.add_user(settings["user"], settings["password"], settings["root"], perm="elradfmwMT")

    class Handler(FTPHandler):
        pass

    Handler.authorizer = authorizer
    Handler.auth_failed_timeout = 0
    if settings["passive_high"]:
        Handler.passive_ports = range(settings["passive_low"], settings["passive_high"] + 1)
    for name, value in settings["handler"].items():
        setattr(Handler, name, value)

    server = FTPServer((settings["host"], settings["port"]), Handler, backlog=1024)
    server.max_cons = 1024
    server.max_cons_per_ip = settings["max_per_ip"]

    # pyftpdlib serves every user as itself: become that user once the port is ours.
    os.umask(0o022)
    os.setgroups([])
    os.setgid(settings["uid"])
    os.setuid(settings["uid"])
    server.serve_forever()


main()
