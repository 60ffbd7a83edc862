# SPDX-License-Identifier: MIT
"""A capsule is stopped, or started again, from another hart while one of its own is at some
instruction of the hypervisor's: any one of any way in. The debugger holds it there until the wish has
been posted.

The storm has hart 2 for itself and shares hart 1 with the victim. The user's keys arrive at hart 0,
where two others see to it that it is nobody's own."""

import collections
import random
import re

from debugger import PC, Debugger, stub, symbols
from loads import load, pack
from machine import EXIT_DONE, Machine, command

RA = 1
CONSOLE_HART, HARTS = 0, (1, 2)
OTHERS, VICTIM, STORM = (1, 2), 3, 4
STEPS_MAX = 1500
BLOCKED_AFTER = 1.5     # seconds


def packed(folder, width, seed):
    return pack(folder, width, {"load": ("load.bin", "kernel"), "victim": ("victim.elf", "kernel"),
                                "storm": ("storm.elf", "kernel")}, {
        "a": load("sleep", last=100000000, harts="<0>"),
        "b": load("sleep", last=100000000, harts="<0>"),
        "victim": {"kernel": '"victim"', "memory-base": "<0 0x86000000>", "memory-mib": "<8>",
                   "bootargs": '"late=100 neighbours=4"', "harts": "<1>"},
        "storm": {"kernel": '"storm"', "memory-base": "<0 0x84000000>", "memory-mib": "<8>",
                  "vcpus": "<2>", "bootargs": '"seconds=1000000 seed=%d"' % seed,
                  "harts": "<1 2>"}})


class Kills:
    """A machine in which that is done over and over; `counts` says what became of it."""

    def __init__(self, folder, log, width, cpu, seed, limit):
        self.dice, self.width = random.Random(seed), width
        self.symbols = symbols(width)
        path = folder / "gdb"
        path.unlink(missing_ok=True)
        self.machine = Machine(command(packed(folder, width, seed), width=width, cpu=cpu, cpus=3,
                                       append="console=merged", extra=stub(path)), log, limit)
        self.machine.expect(rb"storm: seed", 60)
        self.machine.expect(rb"victim: \d+ beats", 60)
        self.debugger = Debugger(path, width)
        self.debugger.set_off()
        self.counts = collections.Counter()
        self.places = collections.Counter()

    def is_own(self, pc):
        return self.symbols["__image_start"] <= pc < self.symbols["__image_end"]

    def enter(self, hart):
        """Into the hypervisor, at one of the next times that the hart comes there."""
        debugger = self.debugger
        debugger.choose(hart)
        entry = debugger.get(debugger.register("mtvec"))
        for _ in range(self.dice.randrange(1, 30)):
            while (came := debugger.run_to(entry)) != hart:
                if came is None:
                    return False
                debugger.step(came)
            debugger.step(hart)
        return True

    def follow(self, hart):
        """Some way on there; the instruction that is next."""
        debugger = self.debugger
        debugger.choose(hart)
        steps = min(int(self.dice.expovariate(1 / 80)), STEPS_MAX)
        for _ in range(steps):
            if not self.is_own(debugger.get(PC)):
                break
            debugger.step(hart)
        return debugger.get(PC)

    def wish(self, key):
        """The user's keys, up to where the wish is posted, by the console's hart alone. False: that
        one waits for a lock that the hart holds."""
        debugger = self.debugger
        self.machine.send("\x1d%c%d" % (key, STORM))
        if debugger.run_to(self.symbols["capsule_ask"], hart=CONSOLE_HART,
                           seconds=BLOCKED_AFTER) is None:
            return False
        debugger.choose(CONSOLE_HART)
        return debugger.run_to(debugger.get(RA), hart=CONSOLE_HART,
                               seconds=BLOCKED_AFTER) is not None

    def name(self, pc):
        """The function, or place in assembly, that it is in."""
        return max((at, name) for name, at in self.symbols.items() if at <= pc)[1]

    def trial(self):
        """One stop or restart; what the machine said by then."""
        debugger, machine = self.debugger, self.machine
        hart, key = self.dice.choice(HARTS), self.dice.choice("rrk")
        debugger.stop()
        entered = self.enter(hart)
        pc = self.follow(hart)
        posted = self.wish(key)
        debugger.set_off()
        self.counts["not entered" if not entered else "posted" if posted else "waited for a lock"] += 1
        self.places[self.name(pc)] += 1
        if key == "k":
            machine.expect(rb"storm: stopped by the user", 30)
            machine.pause(0.1)
            machine.send("\x1dr%d" % STORM)
        machine.expect(rb"storm: started again", 30)
        machine.expect(rb"storm: seed", 30)
        machine.pause(self.dice.random() * 0.1)

    def check(self):
        """What guests and hypervisor have said until now."""
        text = self.machine.text()
        bad = re.search(r".*(FAIL|escape|\[!\]).*", text)
        assert not bad, bad.group()

    def end(self):
        """The others are as they were, and so are the locks; the machine ends as its user wants."""
        self.debugger.stop()
        for lock in ("ring", "console_road", "telling"):
            assert self.debugger.read(self.symbols[lock], self.width // 8) == bytes(self.width // 8)
        self.debugger.go()
        for capsule in (STORM, *OTHERS):
            self.machine.send("\x1dk%d" % capsule)
            self.machine.expect(rb"stopped by the user", 30)
        self.machine.send("\x1d%d" % VICTIM)
        self.machine.expect(rb"victim\r", 10)
        self.machine.send("q")
        self.machine.expect(rb"PASS: victim: ", 30)
        text = self.machine.ends(EXIT_DONE)
        self.check()
        return text
