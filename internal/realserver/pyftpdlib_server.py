"""An FTP server for tests, made from pyftpdlib; its one argument is a file of settings in JSON."""

import json
import logging
import os
import sys

from pyftpdlib import handlers
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.servers import FTPServer


def plain_handler(settings):
    class Data(handlers.ThrottledDTPHandler):
        read_limit = settings["read_limit"]
        write_limit = settings["write_limit"]

    class Handler(handlers.FTPHandler):
        dtp_handler = Data if settings["throttled"] else handlers.DTPHandler

    return Handler


def tls_handler(settings):
    tls = settings["tls"]

    class Data(handlers.TLS_DTPHandler, handlers.ThrottledDTPHandler):
        read_limit = settings["read_limit"]
        write_limit = settings["write_limit"]

    class Handler(handlers.TLS_FTPHandler):
        certfile = tls["certfile"]
        tls_control_required = tls["required"]
        tls_data_required = tls["required"]
        dtp_handler = Data if settings["throttled"] else handlers.TLS_DTPHandler

    class ImplicitHandler(Handler):
        # The library greets when the connection is there; here TLS must be there as well.
        def handle(self):
            self.secure_connection(self.ssl_context)

        def handle_ssl_established(self):
            super().handle()

    return ImplicitHandler if tls["implicit"] else Handler


def main():
    with open(sys.argv[1]) as file:
        settings = json.load(file)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)

    authorizer = DummyAuthorizer()
    authorizer.add_user(settings["user"], settings["password"], settings["root"], perm="elradfmwMT")

    handler = tls_handler(settings) if settings["tls"] else plain_handler(settings)
    handler.authorizer = authorizer
    handler.auth_failed_timeout = 0
    if settings["passive_high"]:
        handler.passive_ports = range(settings["passive_low"], settings["passive_high"] + 1)
    for name, value in settings["handler"].items():
        setattr(handler, name, value)

    # With TLS, this reads the certificate, which the user to come may not.
    server = FTPServer((settings["host"], settings["port"]), handler, backlog=1024)
    server.max_cons = 1024
    server.max_cons_per_ip = settings["max_per_ip"]

    # pyftpdlib serves every user as itself: become that user once the port is ours.
    os.umask(0o022)
    os.setgroups([])
    os.setgid(settings["uid"])
    os.setuid(settings["uid"])
    server.serve_forever()


main()
