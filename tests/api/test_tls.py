#!/usr/bin/env python3
"""TLS as scanners see it: versions and suites by sslscan; WINNOW_LONG=1 adds testssl.sh, which may find nothing above
LOW but what a certificate that nobody signed brings.  test_operations.py has the rest: handshakes, client certificates,
reloads under load."""
import json, os, shutil, subprocess, sys
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, front, tap

# What follows from the test's own certificate, or is not a server's to decide.
OF_THE_CERTIFICATE = {"cert_chain_of_trust", "cert_trust", "cert_expirationStatus", "cert_notAfter", "cert_revocation",
                      "cert_crlDistributionPoints", "cert_ocspURL", "cert_extlifeSpan", "cert_validityPeriod", "DNS_CAArecord",
                      "cert_commonName_wo_SNI", "cert_subjectAltName", "cert_commonName", "HSTS", "overall_grade", "OCSP_stapling",
                      "grade_cap_reason_1", "scanTime", "security_headers", "scanProblem", "cert_extKeyUsage", "HTTP_clock_skew"}


def serve(*words):
    return api_server.Server("--log-level", "error", "--tls-cert", front.path_of("cert.pem"), "--tls-key", front.path_of("key.pem"), *words)


def test_sslscan_finds_only_1_2_and_1_3_with_authenticated_encryption():
    if not shutil.which("sslscan"):
        raise tap.Skip("no sslscan")
    server = serve()
    done = subprocess.run(["sslscan", "--no-colour", "--xml=-", f"127.0.0.1:{server.port}"], capture_output=True, text=True, timeout=120)
    scan = xml.fromstring(done.stdout[done.stdout.index("<?xml"):]).find("ssltest")
    protocols = {(p.get("type"), p.get("version")): p.get("enabled") for p in scan.findall("protocol")}
    assert {name for name, on in protocols.items() if on == "1"} == {("tls", "1.2"), ("tls", "1.3")}, protocols
    ciphers = [c.get("cipher") for c in scan.findall("cipher")]
    assert ciphers and all("GCM" in c or "CHACHA20" in c or "POLY1305" in c for c in ciphers), ciphers
    assert scan.find("renegotiation").get("secure") == "1" or scan.find("renegotiation").get("supported") == "0"
    assert all(x.get("supported") == "0" for x in scan.findall("compression"))
    assert all(x.get("vulnerable") == "0" for x in scan.findall("heartbleed"))
    print(f"# {len(ciphers)} suites: {' '.join(ciphers)}")
    assert server.stop() == 0


def test_testssl_finds_nothing_above_low():
    if not api_server.LONG:
        raise tap.Skip("takes minutes")
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    if not program:
        raise tap.Skip("no testssl.sh")
    server = serve()
    report = front.path_of("testssl.json")
    subprocess.run([program, "--quiet", "--color", "0", "--jsonfile", report, f"https://127.0.0.1:{server.port}/ping"],
                   capture_output=True, text=True, timeout=1200, stdin=subprocess.DEVNULL)
    with open(report) as f:
        found = json.load(f)
    bad = [(x["id"], x["severity"], x["finding"]) for x in found
           if x["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL") and x["id"].split(" ")[0] not in OF_THE_CERTIFICATE]
    assert len(found) > 100 and not bad, (len(found), bad)
    print(f"# {len(found)} findings, {sum(x['severity'] == 'OK' for x in found)} OK, none above LOW but of the certificate: "
          f"{sorted({x['id'] for x in found if x['severity'] in ('MEDIUM', 'HIGH', 'CRITICAL')})}")
    assert server.stop() == 0


if __name__ == "__main__":
    front.certificate()
    tap.main(globals())
