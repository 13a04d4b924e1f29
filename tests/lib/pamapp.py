# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that uses PAM, as login or a lock screen do, and tells what came of it.

usage: pamapp.py SERVICE USER STEP...    answers to prompts: lines of standard input

Steps: authenticate, acct_mgmt, establish, reinitialize, refresh, delete,
open, close, chauthtok, expired (chauthtok of what acct_mgmt complained of),
user=NAME (go on as another user, as sudo does), fork (a child calls pam_end
with PAM_DATA_SILENT), wait (until a line came), end. Without "end" the
process exits as if it had crashed. Writes a line of JSON after each step: its
code, the environment of PAM, descriptors and threads, and what was said.
"""

import ctypes
import json
import os
import sys

CODES = {0: "SUCCESS", 3: "SERVICE_ERR", 4: "SYSTEM_ERR", 5: "BUF_ERR", 6: "PERM_DENIED",
         7: "AUTH_ERR", 8: "CRED_INSUFFICIENT", 9: "AUTHINFO_UNAVAIL", 10: "USER_UNKNOWN",
         11: "MAXTRIES", 12: "NEW_AUTHTOK_REQD", 13: "ACCT_EXPIRED", 14: "SESSION_ERR",
         15: "CRED_UNAVAIL", 16: "CRED_EXPIRED", 17: "CRED_ERR", 19: "CONV_ERR",
         20: "AUTHTOK_ERR", 21: "AUTHTOK_RECOVERY_ERR", 25: "IGNORE"}
ESTABLISH, DELETE, REINITIALIZE, REFRESH, EXPIRED = 2, 4, 8, 16, 32
DATA_SILENT = 0x40000000
PAM_USER, PROMPT_ECHO_OFF, PROMPT_ECHO_ON = 2, 1, 2

libc, libpam = ctypes.CDLL(None), ctypes.CDLL("libpam.so.0")
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
libpam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


TALK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
                        ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("talk", TALK), ("data", ctypes.c_void_p)]


said = []


@TALK
def talk(count, messages, answer, _):
    at = libc.calloc(count, ctypes.sizeof(Response))
    responses = ctypes.cast(at, ctypes.POINTER(Response))
    for i in range(count):
        message = messages[i].contents
        said.append(message.text.decode())
        if message.style in (PROMPT_ECHO_OFF, PROMPT_ECHO_ON):
            line = sys.stdin.readline()
            if not line:
                return 19
            responses[i].text = libc.strdup(line.rstrip("\n").encode())
    answer[0] = at
    return 0


def environment(pamh):
    listed, found = libpam.pam_getenvlist(pamh), {}
    for one in listed:
        if one is None:
            break
        name, _, value = one.decode().partition("=")
        found[name] = value
    return found


def fork_and_end(pamh):
    child = os.fork()
    if child == 0:
        libpam.pam_end(pamh, DATA_SILENT)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def step(pamh, what):
    calls = {"authenticate": (libpam.pam_authenticate, 0), "acct_mgmt": (libpam.pam_acct_mgmt, 0),
             "establish": (libpam.pam_setcred, ESTABLISH), "delete": (libpam.pam_setcred, DELETE),
             "reinitialize": (libpam.pam_setcred, REINITIALIZE),
             "refresh": (libpam.pam_setcred, REFRESH), "open": (libpam.pam_open_session, 0),
             "close": (libpam.pam_close_session, 0), "chauthtok": (libpam.pam_chauthtok, 0),
             "expired": (libpam.pam_chauthtok, EXPIRED), "end": (libpam.pam_end, 0)}
    if what.startswith("user="):
        return libpam.pam_set_item(pamh, PAM_USER, what[5:].encode())
    if what == "fork":
        return fork_and_end(pamh)
    if what == "wait":
        return 0 if sys.stdin.readline() else 19
    function, flags = calls[what]
    return function(pamh, flags)


def main():
    service, user, *steps = sys.argv[1:]
    pamh, conversation = ctypes.c_void_p(), Conversation(talk, None)
    code = libpam.pam_start(service.encode(), user.encode(), ctypes.byref(conversation),
                            ctypes.byref(pamh))
    assert code == 0, code
    for what in steps:
        said.clear()
        code = step(pamh, what)
        print(json.dumps({
            "step": what, "code": CODES.get(code, code), "said": said,
            "env": {} if what == "end" else environment(pamh),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "threads": len(os.listdir("/proc/self/task"))}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
