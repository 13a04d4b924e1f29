# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM of gss-ntlmssp, the client's side, in turns: by lsaiso, by a file, by a real winbindd."""

import statistics

GOAL = 0.5
MODES = {"context": "security context, both legs", "credential": "credentials and a context"}
NAME, PASSWORD = "alice", "alice's password"
FILE = "its own file"
COLUMNS = ("lsass and lsaiso", FILE, "real winbindd", "its file, no pipe")


def ways(front, winbindd, folder, uid, world):
    """{column: function that runs argv so}"""
    file = folder.write("ntlm-users", f"{world.DOMAIN}:{NAME}:{PASSWORD}\n")
    ours = front.desk(uid, NAME)
    real = world.Desk(folder, uid, winbindd.pipe_folder, NAME)
    real.save(PASSWORD).ok()
    # A file instead of lsaiso on the same machine; it asks the pipe for the machine's names
    # all the same. Where there is no pipe at all, nobody is asked anything.
    return dict(zip(COLUMNS, (
        ours.run, lambda *argv: ours.run(*argv, NTLM_USER_FILE=file), real.run,
        lambda *argv: ours.run(*argv, NTLM_USER_FILE=file, _NO_WINBINDD="1"))))


def measure(bench, realm, world, uid=64391):
    """{mode: {column: {rate, p50_us, p99_us} or {error}}} and the ratio of each to FILE."""
    program = bench.program("ntlmbench")
    rows = []
    # Answers have a rate, as tickets do, which one user in life does not reach.
    limits = {"rate": 1000000, "burst": 1000000}
    with world.Front(realm, {"mode": "on"}, tgs=limits) as front, world.Winbindd() as winbindd:
        front.logon(uid, NAME, PASSWORD)
        how = ways(front, winbindd, front.folder, uid, world)
        for mode, text in MODES.items():
            samples = {name: [] for name in how}
            for turn in range(bench.rounds):
                names = list(how)
                for name in names[turn % len(names):] + names[:turn % len(names)]:
                    done = how[name](program, mode, f"{world.DOMAIN}\\{NAME}", str(bench.seconds))
                    samples[name].append(bench.read(done))
            row = {"mode": mode, "text": text,
                   "ways": {name: bench.summary(got) for name, got in samples.items()}}
            for other in COLUMNS[1:]:
                pairs = list(zip(samples[COLUMNS[0]], samples[other]))
                if all("rate" in a and "rate" in b for a, b in pairs):
                    row["ways"][other]["ratio"] = statistics.median(
                        a["rate"] / b["rate"] for a, b in pairs)
            rows.append(row)
    return rows
