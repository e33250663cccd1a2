#!/bin/sh
# make_rootfs.sh PROGRAM FOLDER: what a container needs to run the program, and nothing else: it, the
# libraries that it is linked with, and the names of its user.
set -eu
program=$1 root=$2
rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/etc/winnow" "$root/data" "$root/tmp" "$root/usr/share/doc/winnow"
install -m 755 -s "$program" "$root/usr/bin/winnow"
# libcurl is loaded by name, when a model is pulled.  The loader's own line has no arrow.
curl=$(ldconfig -p | awk '$1 == "libcurl.so.4" {print $NF; exit}')
libraries() {
    { ldd "$program"; ldd "$curl"; echo "libcurl.so.4 => $curl"; } | sort -u
}
libraries | awk '$2 == "=>" {print $3} $1 ~ /^\// {print $1}' | while read -r library; do
    install -D -m 755 "$(readlink -f "$library")" "$root$library"
done
echo 'winnow:x:65532:65532::/data:/usr/sbin/nologin' > "$root/etc/passwd"
echo 'winnow:x:65532:' > "$root/etc/group"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
chown 65532:65532 "$root/data"
chmod 1777 "$root/tmp"
# What is in the image, as SPDX: the packages that the libraries came from.
{
    echo 'SPDXVersion: SPDX-2.3'
    echo 'DataLicense: CC0-1.0'
    echo 'SPDXID: SPDXRef-DOCUMENT'
    echo 'DocumentName: winnow-image'
    libraries | awk '$2 == "=>" {print $3}' | sort -u | xargs -n1 readlink -f | xargs dpkg-query -S 2>/dev/null |
        cut -d: -f1 | sort -u | while read -r package; do
        printf '\nPackageName: %s\nSPDXID: SPDXRef-%s\nPackageVersion: %s\nPackageDownloadLocation: NOASSERTION\n' \
            "$package" "$package" "$(dpkg-query -W -f='${Version}' "$package")"
    done
} > "$root/usr/share/doc/winnow/sbom.spdx"
find "$root" -exec touch -hd "@${SOURCE_DATE_EPOCH:-0}" {} +
