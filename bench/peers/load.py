"""How much of the machine others take: what all processors did, as /proc/stat counts it, without what this
process and those below it did.  Time that the host took away (steal) is others' time too."""
import os

BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal


def read_stat(pid):
    """(parent, ticks of the process and of the children it has waited for); None when it has gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15]))


def own_ticks():
    """Of this process and all below it."""
    stats = {int(p): read_stat(p) for p in os.listdir("/proc") if p.isdigit()}
    ours, grew = {os.getpid()}, True
    while grew:
        below = {p for p, s in stats.items() if s and s[0] in ours}
        grew = not below <= ours
        ours |= below
    return sum(stats[p][1] for p in ours if stats.get(p))


class Meter:
    """From its making on."""

    def __init__(self):
        self.all, self.idle = self.read()
        self.own = own_ticks()

    @staticmethod
    def read():
        with open("/proc/stat") as f:
            fields = [int(x) for x in f.readline().split()[1:9]]
        return sum(fields[i] for i in BUSY), fields[3] + fields[4]

    def foreign_share(self):
        """Of the processor time that there was, 0 to 1."""
        busy, idle = self.read()
        busy, idle, own = busy - self.all, idle - self.idle, own_ticks() - self.own
        return max(busy - own, 0) / max(busy + idle, 1)
