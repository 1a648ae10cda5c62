#!/bin/bash
# What an operator does with the packages, in a Debian of its own: run by `cargo xtask dist --check` with nothing of the machine
# outside but the packages in /packages. Every check prints a line; the first that fails ends it.
set -euo pipefail

ok() { echo "ok: $1"; }
fail() { echo "FAILED: $1" >&2; exit 1; }
# Waits for something that comes by itself, and says what did not.
until_so() {
    local what=$1 i; shift
    for ((i = 0; i < 300; i++)); do
        if "$@" >/dev/null 2>&1; then ok "$what"; return; fi
        sleep 0.1
    done
    "$@" || true
    tail -n 20 /var/log/asterisk/* /tmp/*.log >&2 2>/dev/null || true
    fail "$what"
}
is() { [ "$2" = "$3" ] || fail "$1: $2, not $3"; ok "$1"; }

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /dev
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9"; do
    set -- $node
    mknod -m 666 "/dev/$1" c "$2" "$3"
done
ln -s /proc/self/fd /dev/fd
mkdir /dev/shm
ip link set lo up
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
# Here documentation is installed, too.
rm -f /etc/dpkg/dpkg.cfg.d/99mmdebstrap
apt_get() { apt-get -o APT::Sandbox::User=root -o Dpkg::Use-Pty=false --yes "$@" >/tmp/apt.log 2>&1 || { cat /tmp/apt.log >&2; fail "apt-get $*"; }; }
as() { local user=$1; shift; setpriv --reuid "$user" --regid "$user" --init-groups "$@"; }
files() { find / -xdev \( -path /proc -o -path /packages -o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
    -o -path /root -o -path /etc/passwd\* -o -path /etc/group\* -o -path /etc/shadow\* -o -path /etc/gshadow\* -o -path /etc/sub\*id\* -o -path /etc/.pwd.lock \
    -o -path /var/lib/systemd -o -path /var/lib/asterisk -o -path /var/spool/asterisk -o -path /run -o -path /tmp -o -path /dev \) -prune -o -print | sort; }

# --- what is there before ---------------------------------------------------------------------------------------------
files >/tmp/before

# --- install an earlier version, and use it ---------------------------------------------------------------------------
apt_get install /packages/earlier/*.deb
ok "the earlier packages install"
dpkg --verify hotline-asterisk hotline-supervisord
ok "their files are as packed"
is "rights of the daemon's folder" "$(stat -c '%U:%G %a' /var/lib/hotline)" "hotline:hotline 751"
is "rights of the sockets' folder" "$(stat -c '%U:%G %a' /run/hotline)" "asterisk:hotline 2750"
is "rights of the PBX's state" "$(stat -c '%U:%G %a' /var/lib/hotline/state)" "asterisk:asterisk 750"
is "rights of hotline.toml" "$(stat -c '%U:%G %a' /etc/hotline/hotline.toml)" "root:asterisk 640"
is "rights of supervisord.toml" "$(stat -c '%U:%G %a' /etc/hotline/supervisord.toml)" "root:hotline 640"
getent group hotline-supervisors >/dev/null || fail "there is no group hotline-supervisors"
unit=/usr/lib/systemd/system/hotline-supervisord.service
systemd-analyze verify "$unit" 2>/tmp/verify.log || { cat /tmp/verify.log >&2; fail "systemd-analyze verify"; }
if grep -q hotline /tmp/verify.log; then cat /tmp/verify.log >&2; fail "systemd-analyze verify complains"; fi
ok "systemd finds nothing wrong with the unit"
systemd-analyze security --offline=yes --threshold="$EXPOSURE" "$unit" >/tmp/security.log || { cat /tmp/security.log >&2; fail "the unit is exposed more than $EXPOSURE/10"; }
ok "exposure of the unit: $(grep -o 'level for .*: [0-9.]*' /tmp/security.log | grep -o '[0-9.]*$')"
is "the unit is enabled" "$(systemctl --root=/ is-enabled hotline-supervisord)" enabled
hotline-check >/dev/null
hotline-supervisord --check-config 2>/dev/null
ok "the settings that are shipped are right"

# What an operator sets, which has to outlive an upgrade.
sed -i 's/^name = "Li Wei"/name = "Wang Fang"/; s|^#\[state\]|[state]|; s|^#directory = "/var/lib/hotline/state"$|directory = "/var/lib/hotline/state"|' /etc/hotline/hotline.toml
sed -i 's/^#keep_days = 30 .*/keep_days = 31/' /etc/hotline/supervisord.toml
hotline-check >/dev/null

mkdir -p /run/dbus /run/asterisk
chown asterisk:asterisk /run/asterisk
dbus-daemon --system --fork
/usr/lib/polkit-1/polkitd --no-debug >/tmp/polkitd.log 2>&1 &
cli() { asterisk -rx "$1"; }
# grep reads to the end: who writes into a closed pipe fails.
module_runs() { cli 'module show like app_hotline' | grep -v 'Not Running' | grep Running; }
start_pbx() {
    asterisk -g -f -p -U asterisk -G asterisk >/tmp/asterisk.log 2>&1 &
    pbx=$!
    until_so "the PBX has booted" cli 'core waitfullybooted'
    until_so "the module runs in Debian's Asterisk" module_runs
}
# As the unit starts it, as far as that goes without systemd.
start_daemon() {
    as hotline sh -c 'umask 077; exec hotline-supervisord' >>/tmp/daemon.log 2>&1 &
    daemon=$!
    until_so "the daemon sees the node" nodes_are pbx1
}
nodes_are() { hotlinectl show nodes | grep "^$1 *yes" >/dev/null; }
ready() { exec 3<>/dev/tcp/127.0.0.1/9877; printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3; head -n 1 <&3 | grep -q ' 200 '; }

start_pbx
is "rights of the socket" "$(stat -c '%U:%G %a' /run/hotline/pbx1.sock)" "asterisk:hotline 660"
start_daemon
until_so "the daemon is ready" ready
shown() { hotlinectl show agents --json | grep 'Wang Fang'; }
until_so "the agent of the settings is shown" shown
hotlinectl agent force-busy 1001 --reason upgrade >/dev/null
locked() { hotlinectl show agents --json | grep '"forced": *true'; }
kept() { grep -rq 1001 /var/lib/hotline/state; }
until_so "a lock is put on" locked
until_so "the lock is kept" kept
is "nobody else reads the store" "$(stat -c '%U %a' /var/lib/hotline/events.db)" "hotline 600"

# --- who may do what, by the polkit and the rules that are shipped ------------------------------------------------------
until_so "polkit has its name" sh -c 'dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner string:org.freedesktop.PolicyKit1'
useradd anna --groups hotline-supervisors
useradd otto
as anna hotlinectl show calls >/dev/null || fail "a supervisor may not look at calls"
as anna hotlinectl queue close support >/dev/null || fail "a supervisor may not close a queue"
as anna hotlinectl queue open support >/dev/null
ok "polkit lets a supervisor act"
if as anna hotlinectl config save new.toml 2>/tmp/refused; then fail "a supervisor may write files on the PBX's machine"; fi
grep -q 'hotline1.administer' /tmp/refused || { cat /tmp/refused >&2; fail "a refusal names no action"; }
if as otto hotlinectl show calls 2>/tmp/refused; then fail "a stranger may look at calls"; fi
grep -q 'hotline1.view' /tmp/refused || { cat /tmp/refused >&2; fail "a refusal names no action"; }
as otto hotlinectl show agents >/dev/null || fail "a stranger may not look at agents"
ok "and refuses what its rules do not give"
recorded() { hotlinectl audit verify | grep -v '^[0-3] rows'; }
until_so "the audit record has what was done" recorded
rows=$(hotlinectl audit verify)
echo 'correct horse battery' | hotlinectl user add li --role viewer >/dev/null
is "rights of users.toml" "$(stat -c '%U:%G %a' /etc/hotline/users.toml)" "root:hotline 640"
hotlinectl doctor --json >/tmp/doctor.json || { cat /tmp/doctor.json >&2; fail "hotlinectl doctor finds an error"; }
ok "hotlinectl doctor finds no error"

# --- upgrade ----------------------------------------------------------------------------------------------------------
apt_get -o Dpkg::Options::=--force-confdef install /packages/new/*.deb
ok "the new packages upgrade the earlier ones"
grep -q 'Wang Fang' /etc/hotline/hotline.toml && grep -q '^keep_days = 31' /etc/hotline/supervisord.toml || fail "settings are gone"
ok "settings outlive the upgrade"
is "and their rights" "$(stat -c '%U:%G %a' /etc/hotline/hotline.toml)" "root:asterisk 640"
nodes_are pbx1 || fail "the upgrade ended the running daemon or PBX"
ok "who ran runs on"
kill "$daemon"; wait "$daemon" || fail "the daemon does not end well"
start_daemon
is "the audit record outlives the upgrade" "$(hotlinectl audit verify)" "$rows"
cli 'core stop now' >/dev/null || true
wait "$pbx" || true
start_pbx
until_so "the node is back" nodes_are pbx1
until_so "the lock outlives the upgrade and a restart" locked

userdel anna
userdel otto

# --- remove and purge -------------------------------------------------------------------------------------------------
cli 'core stop now' >/dev/null || true
kill "$daemon"; wait "$daemon" || fail "the daemon does not end well"
apt_get remove hotline-asterisk hotline-supervisord
for file in /etc/hotline/hotline.toml /etc/hotline/supervisord.toml /etc/asterisk/hotline.conf /var/lib/hotline/events.db; do
    [ -e "$file" ] || fail "removing deletes $file"
done
ok "removing leaves settings, store and state"
for file in /usr/bin/hotlinectl "$unit" /usr/lib/*/asterisk/modules/app_hotline.so; do
    [ ! -e "$file" ] || fail "removing leaves $file"
done
ok "removing takes the programs"
apt_get purge hotline-asterisk hotline-supervisord
files >/tmp/after
diff /tmp/before /tmp/after >&2 || fail "purging leaves something"
ok "purging leaves nothing"
apt_get install /packages/new/*.deb
ok "the packages install anew"

# --- what operators do besides ------------------------------------------------------------------------------------------
rm /etc/hotline/hotline.toml /etc/hotline/supervisord.toml
apt_get install --reinstall /packages/new/*.deb
[ ! -e /etc/hotline/hotline.toml ] && [ ! -e /etc/hotline/supervisord.toml ] || fail "settings that were deleted are back"
ok "an upgrade without settings goes well"
apt_get purge hotline-asterisk hotline-supervisord

mkdir /srv/store /var/lib/hotline
mount -t tmpfs tmpfs /var/lib/hotline
mkdir /var/lib/hotline/state
mount -t tmpfs tmpfs /var/lib/hotline/state
apt_get install /packages/new/*.deb
as hotline touch /var/lib/hotline/events.db
touch /var/lib/hotline/state/kept
userdel hotline
apt_get purge hotline-asterisk hotline-supervisord
is "purging takes the store from a disk of its own, and of a user who is gone" "$(ls -A /var/lib/hotline)" state
is "and the state" "$(ls -A /var/lib/hotline/state)" ""
is "and nothing is left half" "$(dpkg-query -W -f '${Package} ${Status}\n' | grep -c '^hotline-[as]' || true)" 0
umount /var/lib/hotline/state /var/lib/hotline
rmdir /var/lib/hotline

ln -s /srv/store /var/lib/hotline
apt_get install /packages/new/hotline-supervisord_*.deb
is "the daemon may write where a link leads" "$(stat -c '%U:%G %a' /srv/store)" "hotline:hotline 751"
as hotline touch /var/lib/hotline/events.db
apt_get remove hotline-supervisord
[ -e /var/lib/hotline/events.db ] || fail "removing takes the link to the store"
ok "removing leaves the link to the store"
apt_get purge hotline-supervisord
is "purging takes the store from there" "$(ls -A /srv/store)" ""
echo "all is as it should be"
