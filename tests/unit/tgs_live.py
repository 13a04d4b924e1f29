#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Realms with real KDCs for tgs_live.c (see there).

usage: tgs_live.py TGS_LIVE LSAISO [ARGUMENT...]
"""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from tests.lib import proc  # noqa: E402
from tests.lib.realm import AWAY, HOME, PASSWORDS, Realm  # noqa: E402

SKIP = 77


def silent_kdc():
    """A KDC that takes every request and answers none."""
    port = proc.free_port()
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    tcp = socket.socket()
    tcp.bind(("127.0.0.1", port))
    tcp.listen(64)
    return port, (udp, tcp)


def small_kdc(realm):
    """A second KDC of HOME whose UDP replies have at most 300 octets."""
    port = proc.free_port()
    with open(realm.kdc_config, encoding="utf-8") as f:
        text = f.read()
    text = text.replace("kdc_max_dgram_reply_size = 4096", "kdc_max_dgram_reply_size = 300")
    text = text.replace(f":{realm.kdc[HOME]}", f":{port}")
    config = realm.folder.write("small-kdc.conf", text)
    env = dict(realm.kdc_env, KRB5_KDC_PROFILE=config)
    daemon = proc.Daemon(["krb5kdc", "-n", "-r", HOME], realm.folder("small-kdc.out"), env=env)
    realm.daemons.append(daemon)
    proc.wait_until("krb5kdc", lambda: proc.port_answers(port), process=daemon.process,
                    log=realm.folder("small-kdc.out"))
    return port


def main():
    program, lsaiso = sys.argv[1:3]
    if not os.path.exists(lsaiso):
        print(f"SKIP: {lsaiso} is not built")
        return SKIP
    missing = [n for n in ("krb5kdc", "kdb5_util", "kinit") if not proc.program(n)]
    if missing:
        print(f"SKIP: not installed: {' '.join(missing)}")
        return SKIP
    port, sockets = silent_kdc()
    with Realm() as realm:
        away = realm.folder("keytabs", "all")
        realm.kadmin_local(HOME, [f"ktadd -q -norandkey -k {away} HTTP/localhost",
                                  "modprinc +allow_dup_skey bob"])
        realm.kadmin_local(AWAY, [f"ktadd -q -norandkey -k {away} HTTP/web.other.local"])
        config = realm.write_config("tgs-live.conf", ccache="MEMORY:", extra=f"""
[realms]
    SLOW.LOCAL = {{
        kdc = 127.0.0.1:{port}
    }}
""")
        small, nobody = small_kdc(realm), proc.free_port()
        tcp = realm.write_config("tgs-tcp.conf", ccache="MEMORY:", kdc={HOME: small, AWAY: nobody})
        down = realm.write_config("tgs-down.conf", ccache="MEMORY:",
                                  kdc={HOME: nobody, AWAY: nobody})
        relay = proc.free_port()
        relayed = realm.write_config("tgs-relayed.conf", ccache="MEMORY:",
                                     kdc={HOME: relay, AWAY: nobody})
        env = realm.env(config, LSAISO=lsaiso, KEYTAB=f"FILE:{away}", CONFIG_TCP=tcp,
                        CONFIG_DOWN=down, CONFIG_RELAYED=relayed, RELAY_PORT=str(relay),
                        KDC_PORT=str(realm.kdc[HOME]))
        for user in ("alice", "bob"):
            env[f"TGT_{user.upper()}"] = f"FILE:{realm.folder(user + '.cc')}"
            proc.run(["kinit", "-c", env[f"TGT_{user.upper()}"], user], env=env,
                     stdin=PASSWORDS[user] + "\n").ok()
        done = subprocess.run([program, *sys.argv[3:]], env=env, timeout=120, check=False)
    for s in sockets:
        s.close()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
