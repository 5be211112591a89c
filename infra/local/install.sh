#!/bin/sh
# What the Makefile installs.
#   install.sh system NAME...   Debian packages, only those that are missing
#   install.sh venv FOLDER      the virtual environment, from the hashed lock file
set -eu

fail() {
    echo "install: $*" >&2
    exit 1
}

# Debian's package for a name, then a file or command that shows that it is there already.
package_of() {
    case $1 in
        python) echo python3-venv ;;
        *) echo "$1" ;;
    esac
}

present() {
    case $1 in
        python) find_python >/dev/null ;;
        orthanc) on_path Orthanc ;;
        orthanc-dicomweb) [ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] ;;
        dicom3tools) on_path dciodvfy ;;
        ffmpeg) on_path ffmpeg ;;
        chromium) on_path chromium || on_path chromium-browser || on_path google-chrome ;;
        *) fail "unknown name: $1" ;;
    esac
}

# Daemons lie in /usr/sbin, which is not on everybody's PATH.
on_path() {
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null
}

# The first Python >= 3.11 that can make a virtual environment with pip in it.
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            echo "$python"
            return
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "needs root and there is no sudo; run as root: $*"
        sudo "$@"
    fi
}

install_system() {
    missing=
    for name in "$@"; do
        present "$name" || missing="$missing $(package_of "$name")"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "this is no Debian or Ubuntu; please install:$missing"
    echo "install: apt-get install$missing"
    # shellcheck disable=SC2086 # the list is meant to split
    as_root "$0" apt $missing
    for name in "$@"; do
        present "$name" || explain_missing "$name"
    done
}

explain_missing() {
    case $1 in
        python) fail "no Python >= 3.11 found; please install one with its venv module" ;;
        *) fail "$(package_of "$1") is installed, but what it should bring is not there" ;;
    esac
}

# As root. Orthanc's package would start a server of its own, now and at every boot; only its
# program is wanted. One that was there before is not touched.
install_packages() {
    export DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"
    apt-get update
    case " $* " in
        *" orthanc "*) without_service apt-get install -y --no-install-recommends "$@" ;;
        *) apt-get install -y --no-install-recommends "$@" ;;
    esac
}

# invoke-rc.d and deb-systemd-invoke ask this script before they start a service.
without_service() {
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
    else
        trap 'rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        cat >"$policy" <<'POLICY'
#!/bin/sh
[ "$1" = orthanc ] || [ "$1" = orthanc.service ] || exit 0
exit 101
POLICY
        chmod 755 "$policy"
        "$@"
    fi
    update-rc.d orthanc disable
}

make_venv() {
    folder=$1
    python=$(find_python) || explain_missing python
    "$python" -m venv --clear "$folder"
    "$folder/bin/python" -m pip install --quiet --require-hashes -r requirements-dev.txt
    "$folder/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
}

command=$1
shift
case $command in
    system) install_system "$@" ;;
    apt) install_packages "$@" ;;
    venv) make_venv "$@" ;;
    *) fail "unknown command: $command" ;;
esac
