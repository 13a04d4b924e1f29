# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the root key sealed to the TPM that the kernel has, and is it in no memory afterwards?

All with defaults: /dev/tpmrm0, PCR 7, /var/lib/lsaiso. The memory that is
searched is the whole machine's, as the hypervisor has it.
"""

import ctypes
import hashlib
import hmac
import json
import re
import struct

import pytest

from lib import instance, vm

CONF = "/run/seal.conf"


def unwrap(octets, passphrase):
    """The root key of a root.recovery, by another program (lsaseal/wrap.h)."""
    iterations, = struct.unpack_from("<I", octets, 48)
    head, wrapped = octets[:84], octets[84:132]
    wrap = hashlib.pbkdf2_hmac("sha512", passphrase.encode(), octets[52:84], iterations)
    nettle = ctypes.CDLL("libnettle.so.8")
    context, key = ctypes.create_string_buffer(8192), ctypes.create_string_buffer(32)
    size = ctypes.c_size_t
    nettle.nettle_siv_cmac_aes256_set_key(context, wrap)
    assert nettle.nettle_siv_cmac_aes256_decrypt_message(
        context, size(16), bytes(16), size(len(head)), head, size(32), key, wrapped) == 1
    return key.raw


@pytest.fixture(scope="module")
def machine():
    with vm.Guest(memory=768, tpm=True) as made:
        build = instance.build_folder()
        made.put(CONF, f"[run]\nprograms = {build}\nlsaiso_user = 64312\nlsass_user = 64313\n"
                       "[isolation]\nguard = off\n[seal]\nroot = tpm\n".encode())
        yield made


def ctl(machine, *args):
    return machine.run([instance.program("lsactl"), "--config", CONF, *args])


def start(machine):
    machine.run(f"{instance.program('lsainit')} --config {CONF} >/run/log 2>&1 & echo $! >/run/pid")
    machine.run(f"for i in $(seq 300); do grep -q 'lsass serves' /run/log && exit 0; "
                f"kill -0 $(cat /run/pid) || break; sleep 0.1; done; cat /run/log; exit 1").ok()
    return json.loads(ctl(machine, "--json", "status").ok().text)["lsaiso"]


def stop(machine):
    machine.run("kill $(cat /run/pid); for i in $(seq 100); do kill -0 $(cat /run/pid) || exit 0; "
                "sleep 0.1; done; exit 1").ok()


def test_sealed_to_the_kernels_tpm(machine):
    words = re.search(r"(?:\w{5}-){7}\w{5}", ctl(machine, "seal", "enroll").ok().text)[0]
    is_ = json.loads(ctl(machine, "--json", "seal").ok().text)
    assert is_["tpm"]["tcti"] == "device:/dev/tpmrm0" and is_["sealed"]["pcrs"] == "7"
    assert is_["sealed"]["matches"]
    key = unwrap(machine.read("/var/lib/lsaiso/root.recovery"), words)
    assert is_["sealed"]["root_id"] == hmac.new(key, b"lsaiso root id",
                                                hashlib.sha256).hexdigest()[:16]
    halves = key[:16], key[16:]
    assert machine.find(*halves) == set()  # enroll has ended

    first = start(machine)
    assert (first["root_kind"], first["root_id"]) == ("kept", is_["sealed"]["root_id"])
    assert machine.find(*halves) == set(halves)  # lsaiso has it: the search can find it
    machine.run("kill -9 $(pidof lsaiso)").ok()
    machine.run("for i in $(seq 300); do [ $(grep -c 'lsaiso runs' /run/log) = 2 ] && exit 0; "
                "sleep 0.1; done; exit 1").ok()
    second = json.loads(ctl(machine, "--json", "status").ok().text)["lsaiso"]
    assert second["root_id"] == first["root_id"] and second["boot_id"] != first["boot_id"]
    stop(machine)
    assert machine.find(*halves) == set()


def test_another_start_is_refused(machine):
    """PCR 7 changes: Secure Boot, as it were."""
    machine.run(["tpm2_pcrextend", "-T", "device:/dev/tpmrm0", "7:sha256=" + "ab" * 32]).ok()
    got = machine.run([instance.program("lsainit"), "--config", CONF])
    assert got.code == 1
    assert "these have other values now: 7" in got.text
    assert "so nothing is started: the machine did not start as it did" in got.text
