#!/usr/bin/env bash
# Installs what building and running Slipway need from Debian's packages, and
# says so. Does nothing where everything is there, or where apt is not.
set -euo pipefail

if ! command -v go >/dev/null; then
  echo "building slipway needs Go 1.26 or later on PATH: install it from your system or https://go.dev/dl" >&2
  exit 1
fi
declare -A package=(
  [nft]=nftables [iptables]=iptables [ipset]=ipset [ip]=iproute2
  [mmdebstrap]=mmdebstrap [mount]=mount [pkg-config]=pkg-config [gcc]=gcc
)
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null 2>&1 || missing+=("${package[$program]}")
done
[ -e /usr/include/seccomp.h ] || missing+=(libseccomp-dev)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)

[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "slipway needs: ${missing[*]}. Install them with your package manager." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "slipway needs: ${missing[*]}. Run: sudo apt-get install -y ${missing[*]}" >&2
  exit 1
fi
echo "==> installing ${missing[*]} (Debian packages)"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
