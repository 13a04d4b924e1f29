# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away certificate authority, and a KDC's certificate of it (RFC 4556)."""

from . import proc

EXTENSIONS = """[kdc]
basicConstraints = CA:FALSE
keyUsage = nonRepudiation,digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = 1.3.6.1.5.2.3.5
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:name
[name]
realm = EXP:0,GeneralString:{realm}
principal = EXP:1,SEQUENCE:principal
[principal]
type = EXP:0,INTEGER:1
names = EXP:1,SEQUENCE:names
[names]
one = GeneralString:krbtgt
two = GeneralString:{realm}
"""


class Authority:
    """Files of it in folder: ca.pem, kdc.pem, kdc.key."""

    def __init__(self, folder, realm):
        self.folder = folder
        self.anchor = folder("ca.pem")
        self.identity = f"FILE:{folder('kdc.pem')},{folder('kdc.key')}"
        extensions = folder.write("kdc.ext", EXTENSIONS.format(realm=realm))
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                     "/CN=throw-away", "-keyout", folder("ca.key"), "-out", self.anchor)
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kdc", "-keyout",
                     folder("kdc.key"), "-out", folder("kdc.csr"))
        self.openssl("x509", "-req", "-in", folder("kdc.csr"), "-CA", self.anchor, "-CAkey",
                     folder("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", extensions,
                     "-extensions", "kdc", "-out", folder("kdc.pem"))

    @staticmethod
    def openssl(*words):
        proc.run(["openssl", *words]).ok()
