#!/bin/sh
# packages.sh PACKAGE...: install the Debian packages that are missing; as root or through sudo; nothing to do is quick.
command -v dpkg-query >/dev/null || { echo "not a Debian system: these packages are needed: $*" >&2; exit 0; }
missing=
for p; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null) in installed) ;; *) missing="$missing $p" ;; esac
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the list is meant to split
$sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
