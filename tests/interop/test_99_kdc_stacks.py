# SPDX-License-Identifier: GPL-3.0-or-later
"""Java, Go, Python and C programs whose ccache and keytab are of stand-ins: do they
get into a web server and a directory through the endpoint, and, with the same files
straight at the real KDC, do they not? docs/kdc-clients.md shows these programs."""

import os

import pytest

from lib import proc
from lib.realm import HOME, PASSWORDS

HERE = os.path.dirname(os.path.abspath(__file__))
STACKS = os.path.join(HERE, "stacks")
PRINCIPAL = f"svc/stacks@{HOME}"
SERVICE = f"HTTP/localhost@{HOME}"

PYTHON = """
import base64, sys, urllib.request, gssapi
name = gssapi.Name(sys.argv[2], gssapi.NameType.kerberos_principal)
spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
ctx = gssapi.SecurityContext(name=name, mech=spnego, usage="initiate")
ask = urllib.request.Request(sys.argv[1], headers={
    "Authorization": "Negotiate " + base64.b64encode(ctx.step()).decode()})
got = urllib.request.urlopen(ask)
print(got.status, got.headers["X-User"])
"""


@pytest.fixture
def cache(person, endpoint):
    """A FILE ccache as kinit leaves it, imported."""
    person.run("kinit", "alice", stdin=PASSWORDS["alice"] + "\n").ok()
    endpoint.lsactl("ccache", "import", person.file, who=person).ok()
    return person


@pytest.fixture(scope="module")
def principal(realm):
    realm.kadmin_local(HOME, [f"addprinc -randkey +requires_preauth {PRINCIPAL}"])


@pytest.fixture
def keytab(person, endpoint, realm, principal):
    """A keytab, imported: its path."""
    path = person.path("stacks.keytab")
    realm.kadmin_local(HOME, [f"ktadd -q -norandkey -k {path} {PRINCIPAL}"])
    person.owns(path)
    endpoint.lsactl("keytab", "import", path).ok()
    return path


# ---- Java

@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """Jgss.class, by a JDK 17 or later: how to run it with a krb5.conf."""
    javac, run = proc.program("javac"), proc.program("java")
    if not javac or not run:
        pytest.skip("no JDK (openjdk-17-jdk-headless)")
    folder = tmp_path_factory.mktemp("java")
    proc.run([javac, "-d", str(folder), os.path.join(STACKS, "Jgss.java")], timeout=120).ok()
    public(folder)
    return lambda config, *arguments: [
        run, "-Xshare:auto", "-XX:TieredStopAtLevel=1", f"-Djava.security.krb5.conf={config}",
        "-cp", str(folder), "Jgss", *arguments]


def public(folder):
    """Other users may look into what pytest made."""
    for at, _, names in os.walk(folder):
        os.chmod(at, 0o755)
        for name in names:
            os.chmod(os.path.join(at, name), 0o755)
    while (folder := os.path.dirname(folder)) not in ("/", "/tmp"):
        os.chmod(folder, 0o755)


def test_01_java_with_a_ccache(cache, java, apache):
    straight = cache.straight()
    straight.run(*java(straight.config, apache.url, SERVICE, "ccache", cache.file)).fails()
    cache.run(*java(cache.config, apache.url, SERVICE, "ccache", cache.file)).ok().says(
        f"200 alice@{HOME}")


def test_02_java_with_a_keytab(person, keytab, java, apache):
    straight = person.straight()
    straight.run(*java(straight.config, apache.url, SERVICE, "keytab", keytab, PRINCIPAL)).fails()
    person.run(*java(person.config, apache.url, SERVICE, "keytab", keytab, PRINCIPAL)).ok().says(
        f"200 {PRINCIPAL}")


# ---- Go

@pytest.fixture(scope="module")
def go(tmp_path_factory):
    """The program of stacks/negotiate.go, by Debian's Go and gokrb5."""
    source = "/usr/share/gocode/src/github.com/jcmturner/gokrb5/v8"
    if not proc.program("go") or not os.path.isdir(source):
        pytest.skip("no Go with gokrb5 (golang-go, golang-github-jcmturner-gokrb5.v8-dev)")
    folder = tmp_path_factory.mktemp("go")
    built = str(folder / "negotiate")
    proc.run(["go", "build", "-o", built, os.path.join(STACKS, "negotiate.go")], timeout=300,
             env=proc.clean_env(GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="-p=1",
                                GOCACHE=str(folder / "cache"))).ok()
    public(folder)
    return built


def test_03_go_with_a_ccache(cache, go, apache):
    straight = cache.straight()
    straight.run(go, straight.config, apache.url, "HTTP/localhost", "ccache", cache.file).fails()
    cache.run(go, cache.config, apache.url, "HTTP/localhost", "ccache", cache.file).ok().says(
        f"200 alice@{HOME}")


def test_04_go_with_a_keytab(person, keytab, go, apache):
    name, realm = PRINCIPAL.split("@")
    straight = person.straight()
    straight.run(go, straight.config, apache.url, "HTTP/localhost", "keytab", keytab, name,
                 realm).fails()
    person.run(go, person.config, apache.url, "HTTP/localhost", "keytab", keytab, name,
               realm).ok().says(f"200 {PRINCIPAL}")


# ---- what uses libgssapi

def test_05_python_gssapi(cache, apache):
    argv = ["/usr/bin/python3", "-c", PYTHON, apache.url, SERVICE]
    cache.straight().run(*argv).fails()
    cache.run(*argv).ok().says(f"200 alice@{HOME}")


def test_06_python_gssapi_with_a_client_keytab(person, keytab, apache):
    argv = ["/usr/bin/python3", "-c", PYTHON, apache.url, SERVICE]
    more = {"KRB5_CLIENT_KTNAME": keytab}
    person.straight().run(*argv, KRB5CCNAME=f"FILE:{person.path('none')}", **more).fails()
    person.run(*argv, **more).ok().says(f"200 {PRINCIPAL}")


def test_07_curl(cache, apache):
    argv = ["curl", "-sf", "--negotiate", "-u", ":", apache.url]
    cache.straight().run(*argv).fails()
    assert "protected" in cache.run(*argv).ok().out


def test_08_ldapsearch(cache, slapd):
    argv = ["ldapwhoami", "-N", "-Q", "-Y", "GSSAPI", "-H", slapd.url]
    cache.straight().run(*argv).fails()
    cache.run(*argv).ok().says("alice")
