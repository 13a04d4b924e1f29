# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that uses GSSAPI with the NTLM mechanism, driven by lines.

    gssapp.py initiate DOMAIN\\user [signonly] | accept

step [TOKEN] -> more TOKEN | done [TOKEN] | failed WHY; wrap TEXT, unwrap OCTETS,
mic TEXT, verify MIC TEXT; source.
"""

import base64
import sys

import gssapi

NTLMSSP = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
SIGN, SEAL = gssapi.RequirementFlag.integrity, gssapi.RequirementFlag.confidentiality


def words(e):
    return " ".join(str(e).split())


class App:
    def __init__(self, role, name=None, *options):
        self.role, self.name = role, name
        self.flags = [SIGN] if "signonly" in options else [SIGN, SEAL]
        self.context = None

    def start(self):
        if self.role == "accept":
            creds = gssapi.Credentials(usage="accept", mechs=[NTLMSSP])
            return gssapi.SecurityContext(creds=creds, usage="accept")
        me = gssapi.Name(self.name, gssapi.NameType.user)
        creds = gssapi.Credentials(name=me, usage="initiate", mechs=[NTLMSSP])
        target = gssapi.Name("HTTP@gsshost", gssapi.NameType.hostbased_service)
        return gssapi.SecurityContext(name=target, creds=creds, mech=NTLMSSP, usage="initiate",
                                      flags=self.flags)

    def step(self, token=""):
        try:
            self.context = self.context or self.start()
            out = self.context.step(base64.b64decode(token) if token else None)
        except gssapi.exceptions.GSSError as e:
            return f"failed {words(e)}"
        done = "done" if self.context.complete else "more"
        return f"{done} {base64.b64encode(out).decode()}" if out else done

    def wrap(self, text):
        return base64.b64encode(self.context.wrap(text.encode(), True).message).decode()

    def unwrap(self, octets):
        return self.context.unwrap(base64.b64decode(octets)).message.decode()

    def mic(self, text):
        return base64.b64encode(self.context.get_signature(text.encode())).decode()

    def verify(self, mic, text):
        try:
            self.context.verify_signature(text.encode(), base64.b64decode(mic))
            return "good"
        except gssapi.exceptions.GSSError:
            return "bad"

    def source(self):
        return str(self.context.initiator_name).rstrip("\0")  # the mechanism counts it in


def main():
    app = App(*sys.argv[1:])
    for line in sys.stdin:
        word, *rest = line.split()
        try:
            print(getattr(app, word)(*rest), flush=True)
        except gssapi.exceptions.GSSError as e:
            print(f"failed {words(e)}", flush=True)


if __name__ == "__main__":
    main()
