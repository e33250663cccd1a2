"""Reads tests/api/http/NAME.vec; the format is described in tests/support/check_vectors.h."""
import glob, os, re

HERE = os.path.dirname(os.path.abspath(__file__))
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class Vector:
    """The bytes of a connection, the requests of it that are served ("GET /a"), and the fault in the end or None."""

    def __init__(self, name):
        self.name, self.bytes, self.served, self.fault = name, b"", [], None

    def with_path(self, old, new):
        """The same with another path in its request lines."""
        other = Vector(self.name)
        other.bytes = self.bytes.replace(b" %s HTTP" % old.encode(), b" %s HTTP" % new.encode())
        other.served = [line.replace(f" {old}", f" {new}", 1) for line in self.served]
        other.fault = self.fault and (self.fault[0], self.fault[1].replace(f" {old} HTTP", f" {new} HTTP"))
        return other


def unescape(text):
    return re.sub(rb"\\(x[0-9a-f]{2}|.)",
                  lambda m: bytes([int(m[1][1:], 16)]) if len(m[1]) == 3 else ESCAPES[m[1]], text)


def piece(line):
    """The bytes of a line that starts with '>' or '|'."""
    times, text = 1, line[1:]
    if text.startswith(b"*"):
        number, _, text = text[1:].partition(b" ")
        times = int(number)
    elif text.startswith(b" "):
        text = text[1:]
    return (unescape(text) + (b"\r\n" if line.startswith(b">") else b"")) * times


def load():
    """All vectors of all files."""
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "http/*.vec"))):
        with open(path, "rb") as f:
            paragraphs = re.split(rb"\n\n+", f.read())
        for lines in (paragraph.strip(b"\n").split(b"\n") for paragraph in paragraphs):
            lines = [line for line in lines if line and not line.startswith(b"#")]
            if not lines:
                continue
            vector = Vector(lines[0].decode())
            for line in lines[1:]:
                if line[:1] in (b">", b"|"):
                    vector.bytes += piece(line)
                elif re.match(rb"= \d{3} ", line):
                    vector.fault = int(line[2:5]), line[6:].decode()
                else:
                    assert line.startswith(b"= "), (vector.name, line)
                    vector.served.append(line[2:].decode())
            found.append(vector)
    return found
