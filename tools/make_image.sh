#!/bin/sh
# make_image.sh PROGRAM VERSION FOLDER: an OCI image layout with the tags VERSION (user 65532) and
# VERSION-sagemaker (root, as that platform wants it, without keys: the platform checks who comes).
# Needs umoci.  The same program gives the same image.
set -eu
program=$1 version=$2 folder=$3
here=$(dirname "$0")
layout=$folder/layout
rm -rf "$folder"
mkdir -p "$folder"
"$here/make_rootfs.sh" "$program" "$folder/rootfs"
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)
umoci init --layout "$layout"
umoci new --image "$layout:$version"
umoci unpack --image "$layout:$version" "$folder/bundle"
cp -a "$folder/rootfs/." "$folder/bundle/rootfs/"
touch -hd "@${SOURCE_DATE_EPOCH:-0}" "$folder/bundle/rootfs"
umoci repack --image "$layout:$version" --history.created "$date" "$folder/bundle"

# configure TAG OPTION...
configure() {
    tag=$1
    shift
    umoci config --image "$layout:$tag" --created "$date" --history.created "$date" --architecture "$(dpkg --print-architecture)" \
        --config.entrypoint /usr/bin/winnow --config.cmd serve --config.workingdir /data \
        --config.volume /data --config.exposedports 8080/tcp --config.stopsignal SIGTERM \
        --config.env WINNOW_HOST=0.0.0.0 --config.env WINNOW_STATE_DIR=/data --config.env HF_HOME=/data/huggingface \
        --config.label org.opencontainers.image.title=winnow \
        --config.label "org.opencontainers.image.version=$version" \
        --config.label org.opencontainers.image.licenses=Apache-2.0 "$@"
}
umoci tag --image "$layout:$version" "$version-sagemaker"
configure "$version" --config.user 65532:65532
configure "$version-sagemaker" --config.user 0:0 --config.env WINNOW_INSECURE_NO_AUTH=true
umoci gc --layout "$layout"
rm -rf "$folder/bundle" "$folder/rootfs"
